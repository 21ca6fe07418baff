"""Collector, store and dashboard.

What they need beside maskcam is the extra `cityhall`, which a unit does not install. Their code
comes with maskcam: a unit has it, and loads no more of it than the command line's arguments.
"""
