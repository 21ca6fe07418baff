"""Alembic's scripts that create and change the tables."""
