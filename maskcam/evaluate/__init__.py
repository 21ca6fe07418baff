"""Measures the stages on labelled material."""
