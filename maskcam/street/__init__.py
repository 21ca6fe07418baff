"""A rendered street: people with and without masks, and the exact truth about them."""

from maskcam.street.cast import SceneConfig
from maskcam.street.lighting import Light
from maskcam.street.source import SceneCamera
from maskcam.street.street import Scene
from maskcam.street.truth import FaceTruth, PassageTruth, SceneTruth

__all__ = [
    "FaceTruth",
    "Light",
    "PassageTruth",
    "Scene",
    "SceneCamera",
    "SceneConfig",
    "SceneTruth",
]
