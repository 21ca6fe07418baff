"""Reads training/config.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.compose import Recipe


@dataclass(frozen=True, slots=True)
class Export:
    """How the detector is made of the trained weights; see config.toml."""

    score_threshold: float
    calibration_pictures: int
    max_detections: int
    nms_score_threshold: float
    nms_iou_threshold: float


@dataclass(frozen=True, slots=True)
class MoreSettings:
    """What is other when a training goes on from the weights of an earlier one."""

    seed: int
    steps: int
    learning_rate: float
    ema: float


@dataclass(frozen=True, slots=True)
class SecondLookSettings:
    """How the network that looks at each face again is trained; see config.toml."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    ema: float
    size: int
    channels: int
    hidden: int
    dropout: float
    shares: tuple[float, float, float, float]
    rendered: float
    incorrect_rarer: float
    more: MoreSettings


@dataclass(frozen=True, slots=True)
class FaceInViewSettings:
    """How the network that sees hands before faces is trained; see config.toml."""

    seed: int
    pairs: int
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    ema: float
    channels: tuple[int, int, int]
    dense: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in config.toml; see there."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    warm_up_steps: int
    weight_decay: float
    ema: float
    validate_steps: int
    stills: int
    input: tuple[int, int]
    recipe: Recipe
    approximate_box_weight: float
    class_weights: tuple[float, float, float]
    box_weight: float
    anchoring: float
    export: Export
    second_look: SecondLookSettings
    face_in_view: FaceInViewSettings

    @classmethod
    def read(cls, file: Path) -> Settings:
        """Returns the settings in `file`; a missing or unknown key is a TypeError."""
        values = tomllib.loads(file.read_text())
        network, recipe, loss = values.pop("network"), values.pop("recipe"), values.pop("loss")
        approximate = recipe.pop("approximate_box_weight")
        height, width = network["input"]
        return cls(
            input=(height, width),
            recipe=Recipe(
                canvas=tuple(recipe.pop("canvas")), deploy_input=(height, width), **recipe
            ),
            approximate_box_weight=approximate,
            class_weights=tuple(loss.pop("class_weights")),
            **loss,
            export=Export(**values.pop("export")),
            second_look=_second_look(values.pop("second_look")),
            face_in_view=_face_in_view(values.pop("face_in_view")),
            **values,
        )


def _second_look(values: dict[str, Any]) -> SecondLookSettings:
    more = MoreSettings(**values.pop("more"))
    return SecondLookSettings(shares=tuple(values.pop("shares")), more=more, **values)


def _face_in_view(values: dict[str, Any]) -> FaceInViewSettings:
    first, second, third = values.pop("channels")
    return FaceInViewSettings(channels=(first, second, third), **values)
