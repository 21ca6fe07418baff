"""The pure core: tracks, head shakes, mask votes, objections, passages and windows."""
