"""Joins the stages into the running unit."""
