"""Images as a worse camera would give them, with the boxes moved along.

Each condition is one that a camera on a pole meets; the sizes are fixed, so that figures
can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Boxes = NDArray[np.float64]

_GREY = 128
_DISPLAY_GAMMA = 2.2


@dataclass(frozen=True, slots=True)
class Condition:
    """How a photograph is spoiled: `light` changes the pixels, `move` returns a 3x3 map."""

    light: Callable[[Image], Image] | None = None
    move: Callable[[int, int], NDArray[np.float64]] | None = None

    def apply(self, rgb: Image, boxes: Boxes) -> tuple[Image, Boxes]:
        """Returns the image (H, W, 3) and the boxes (N, 4) x0 y0 x1 y1 px in it."""
        if self.light is not None:
            return self.light(rgb), boxes
        assert self.move is not None
        height, width = rgb.shape[:2]
        there = self.move(height, width)
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
        mapped = corners @ there.T
        mapped = mapped[:, :2] / mapped[:, 2:]
        low, high = mapped.min(0), mapped.max(0)
        shift = np.eye(3)
        shift[:2, 2] = -low
        there = shift @ there
        size = (int(np.ceil(high[0] - low[0])), int(np.ceil(high[1] - low[1])))
        grey = (_GREY, _GREY, _GREY)
        moved = cv2.warpPerspective(rgb, there, size, flags=cv2.INTER_AREA, borderValue=grey)
        return moved.astype(np.uint8, copy=False), move_boxes(boxes, there)


def move_boxes(boxes: Boxes, there: NDArray[np.float64]) -> Boxes:
    """Maps each box (N, 4) as the ellipse inside it, so that a roll does not make it larger."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    point = np.concatenate([centre, np.ones((len(boxes), 1))], 1) @ there.T
    xy = point[:, :2] / point[:, 2:]
    # derivative of the projective map at the centre
    slope = (there[None, :2, :2] - xy[:, :, None] * there[None, 2:, :2]) / point[:, 2:, None]
    extent = np.sqrt(((slope * half[:, None, :]) ** 2).sum(2))
    return np.concatenate([xy - extent, xy + extent], 1)


def _motion_blur(rgb: Image) -> Image:
    kernel = np.zeros((5, 5))
    kernel[2] = 1 / 5
    return cv2.filter2D(rgb, -1, kernel).astype(np.uint8, copy=False)


def _noise(rgb: Image) -> Image:
    grain = np.random.default_rng(rgb.shape[1]).normal(0, 12, rgb.shape)
    return np.clip(rgb + grain, 0, 255).astype(np.uint8)


def _linear(rgb: Image) -> NDArray[np.float64]:
    return np.asarray((rgb / 255.0) ** _DISPLAY_GAMMA, np.float64)


def _stored(linear: NDArray[np.float64]) -> Image:
    return (255 * np.clip(linear, 0, 1) ** (1 / _DISPLAY_GAMMA)).round().astype(np.uint8)


def _half_light(rgb: Image) -> Image:
    return _stored(_linear(rgb) / 2)


def _back_light(rgb: Image) -> Image:
    """The subject 2 stops darker than the sky, and the veil of the lens over all."""
    return _stored(_linear(rgb) / 4 + 0.02)


def _roll(height: int, width: int) -> NDArray[np.float64]:
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), 10, 1)
    return turn


def _downward(height: int, width: int) -> NDArray[np.float64]:
    """The view of a camera that is turned down by 25 degrees about its own centre."""
    focal, angle = 1.2 * max(height, width), np.deg2rad(25)
    lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    turn = np.array(
        [
            [1, 0, 0],
            [0, np.cos(angle), -np.sin(angle)],
            [0, np.sin(angle), np.cos(angle)],
        ]
    )
    return np.asarray(lens @ turn @ np.linalg.inv(lens), np.float64)


CONDITIONS: dict[str, Condition] = {
    "motion_blur_5px": Condition(light=_motion_blur),
    "noise_sigma_12": Condition(light=_noise),
    "half_light": Condition(light=_half_light),
    "back_light_2_stops": Condition(light=_back_light),
    "roll_10_degrees": Condition(move=_roll),
    "downward_25_degrees": Condition(move=_downward),
}
