"""A rendered street: people with and without masks, and the exact truth about them."""

from maskcam.camera.scene.cast import SceneConfig
from maskcam.camera.scene.lighting import Light
from maskcam.camera.scene.source import SceneCamera
from maskcam.camera.scene.street import Scene
from maskcam.camera.scene.training import render_scene_sample, render_training_sample
from maskcam.camera.scene.truth import FaceTruth, PassageTruth, SceneTruth

__all__ = [
    "FaceTruth",
    "Light",
    "PassageTruth",
    "Scene",
    "SceneCamera",
    "SceneConfig",
    "SceneTruth",
    "render_scene_sample",
    "render_training_sample",
]
