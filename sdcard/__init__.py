"""Builds the SD image of a unit; see docs/image.md and scripts/build-image."""
