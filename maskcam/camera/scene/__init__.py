"""A rendered street: people with and without masks, and the exact truth about them."""

from maskcam.camera.scene.training import render_training_sample

__all__ = ["render_training_sample"]
