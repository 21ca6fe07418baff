"""Counts passers-by with and without a face mask; publishes only how many per minute."""

__version__ = "0.1.0"
