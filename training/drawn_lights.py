"""Draws lights out of focus over a blurred place: round, bright, as large as a face, and none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_COLOURS = (
    (255, 250, 235), (255, 225, 170), (255, 190, 110), (255, 120, 70), (235, 60, 50),
    (120, 220, 140), (160, 200, 255), (220, 200, 190),
)  # fmt: skip
_MOST = 7


def draw_lights(
    rgb: NDArray[np.uint8], box: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Returns `rgb` far out of focus, with one light in `box` (x0 y0 x1 y1 px) and some beside."""
    side = float(max(box[2:] - box[:2]))
    blurred = cv2.GaussianBlur(rgb, (0, 0), side * rng.uniform(0.12, 0.4)).astype(np.float32)
    blurred *= rng.uniform(0.3, 1.0)
    for number in range(int(rng.integers(1, _MOST + 1))):
        middle = (box[:2] + box[2:]) / 2
        spread = 0.08 if number == 0 else 0.9
        centre = middle + rng.normal(0, spread, 2) * side
        radius = side * rng.uniform(0.3, 0.6) * (1 if number == 0 else rng.uniform(0.4, 1.0))
        disc = np.zeros(rgb.shape[:2], np.uint8)
        angle, flat = float(rng.uniform(0, 180)), float(rng.uniform(0.75, 1.0))
        axes = (max(1, round(radius)), max(1, round(radius * flat)))
        cv2.ellipse(disc, centre.astype(int).tolist(), axes, angle, 0, 360, 255, -1)
        if rng.random() < 0.4:  # lenses leave a brighter rim
            cv2.ellipse(disc, centre.astype(int).tolist(), axes, angle, 0, 360, 180, -1)
            cv2.ellipse(disc, centre.astype(int).tolist(), axes, angle, 0, 360, 255, 2)
        soft = cv2.GaussianBlur(disc, (0, 0), max(0.5, side * rng.uniform(0.01, 0.08)))
        alpha = soft.astype(np.float32)[..., None] / 255 * np.float32(rng.uniform(0.25, 0.95))
        colour = np.array(_COLOURS[rng.integers(len(_COLOURS))], np.float32)
        blurred += alpha * np.maximum(colour * np.float32(rng.uniform(0.6, 1.0)) - blurred, 0)
    return np.clip(blurred, 0, 255).astype(np.uint8)
