"""Sources of frames, one module a source."""
