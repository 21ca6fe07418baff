"""Collector, store and dashboard (an extra; a unit does not install it)."""
