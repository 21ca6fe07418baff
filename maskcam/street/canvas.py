"""The sheet a head is painted on: a stereographic image of all directions.

A direction of the unit sphere (x to the right, y up, z out of the face) lies on
the sheet at (x, y) / (1 + z): the face fills the unit disc, the ears lie on its
rim, and the back of the head outside of it. No angle is distorted, and a ray
caster finds the place of a direction without trigonometry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]
Points = list[tuple[float, float]]

REACH = 1.85
"""The sheet spans -REACH..REACH; what lies behind it repeats its rim."""

PAINT_PX = 416
RELIEF_PX = 208
_SHIFT = 4


def as_plane(values: Any) -> Plane:
    """Returns values as float32; no copy is made of those that are."""
    return np.asarray(values, np.float32)


def as_image(values: Any) -> Image:
    """Returns values as bytes; what is below 0 or above 255 is cut off."""
    return np.asarray(np.clip(values, 0, 255), np.uint8)


@cache
def directions(size: int) -> NDArray[np.float32]:
    """Returns the unit directions (size, size, 3) of a sheet's pixels."""
    at = ((np.arange(size) + 0.5) / size * 2 - 1) * REACH
    x, y = np.meshgrid(at, -at)
    square = x * x + y * y
    stack = np.stack([2 * x, 2 * y, 1 - square], axis=-1) / (1 + square)[..., None]
    return stack.astype(np.float32)


def spot(x: float, y: float) -> tuple[float, float]:
    """Returns the sheet place of the front point with direction parts x and y."""
    z = max(0.0, 1 - x * x - y * y) ** 0.5
    return x / (1 + z), y / (1 + z)


def pixels(points: Iterable[tuple[float, float]], size: int = PAINT_PX) -> NDArray[np.int32]:
    """Returns sheet places as fixed-point pixels for OpenCV's `shift` argument."""
    at = np.array(list(points), float)
    scale = size / 2 / REACH
    moved = np.stack([size / 2 + at[:, 0] * scale, size / 2 - at[:, 1] * scale], axis=1) - 0.5
    return np.round(moved * (1 << _SHIFT)).astype(np.int32)


def smooth_curve(
    points: Sequence[tuple[float, float]], steps: int = 6
) -> list[tuple[float, float]]:
    """Returns a closed Catmull-Rom curve through the points."""
    at = np.array(points, float)
    before, after, later = np.roll(at, 1, 0), np.roll(at, -1, 0), np.roll(at, -2, 0)
    out = [
        0.5
        * (
            2 * at
            + (after - before) * u
            + (2 * before - 5 * at + 4 * after - later) * u**2
            + (3 * at - before - 3 * after + later) * u**3
        )
        for u in np.arange(steps) / steps
    ]
    woven = np.stack(out, axis=1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in woven]


def mirrored(right_half: Points) -> Points:
    """Returns a smooth symmetric outline from the points of its right half."""
    return smooth_curve(right_half + [(-x, y) for x, y in reversed(right_half)])


def area(
    points: Iterable[tuple[float, float]], *, soft: float = 0.0, size: int = PAINT_PX
) -> Plane:
    """Returns the coverage 0..1 of a polygon; `soft` is the blur in sheet units."""
    sheet = np.zeros((size, size), np.uint8)
    cv2.fillPoly(sheet, [pixels(points, size)], 255, cv2.LINE_AA, _SHIFT)
    return softened(sheet, soft)


def strokes(
    lines: Sequence[Sequence[tuple[float, float]]],
    *,
    width: float,
    soft: float = 0.0,
    size: int = PAINT_PX,
) -> Plane:
    """Returns the coverage 0..1 of open lines of a width in sheet units."""
    sheet = np.zeros((size, size), np.uint8)
    thick = width * size / 2 / REACH
    cv2.polylines(
        sheet,
        [pixels(line, size) for line in lines],
        False,
        min(255, int(255 * thick)) if thick < 1 else 255,
        max(1, round(thick)),
        cv2.LINE_AA,
        _SHIFT,
    )
    return softened(sheet, soft)


def softened(sheet: Image, soft: float) -> Plane:
    """Returns a 0..255 sheet as 0..1, blurred by `soft` sheet units."""
    sigma = soft * sheet.shape[0] / 2 / REACH
    out = sheet.astype(np.float32) * np.float32(1 / 255)
    left, top, width, height = cv2.boundingRect(sheet)
    if sigma > 0.3 and width:
        # Most of what is painted is small: only its surroundings need the blur.
        pad = int(3 * sigma) + 1
        here = (
            slice(max(0, top - pad), top + height + pad),
            slice(max(0, left - pad), left + width + pad),
        )
        out[here] = cv2.GaussianBlur(out[here], (0, 0), sigma)
    return out


def ellipse(
    x: float, y: float, rx: float, ry: float, turn: float = 0.0
) -> list[tuple[float, float]]:
    """Returns an ellipse in sheet units, turned by `turn` radians."""
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    u, v = rx * np.cos(angle), ry * np.sin(angle)
    sin, cos = np.sin(turn), np.cos(turn)
    return [
        (float(a), float(b))
        for a, b in zip(x + u * cos - v * sin, y + u * sin + v * cos, strict=True)
    ]


def blend(
    sheet: Plane, colour: Sequence[float] | Plane, cover: Plane, strength: float = 1.0
) -> None:
    """Paints a colour (or a image) over the sheet, in place."""
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if not len(rows):
        return
    here = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    paint = np.asarray(colour, np.float32)
    part = sheet[here]
    weight = (cover[here] * np.float32(strength))[..., None]
    part += ((paint[here] if paint.ndim == 3 else paint) - part) * weight


def grain(
    rng: np.random.Generator, size: int, cells: int | tuple[int, int], octaves: int = 2
) -> Plane:
    """Returns smooth noise (size, size) of about unit deviation, `cells` wide and high."""
    wide, high = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        coarse = rng.standard_normal((high << octave, wide << octave)).astype(np.float32)
        total += cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) / (1 << octave)
    return total


def shrink(sheet: Plane) -> Plane:
    """Returns a sheet of paint at half the size, that of a relief."""
    half = sheet.shape[0] // 2
    return as_plane(cv2.resize(sheet, (half, half), interpolation=cv2.INTER_AREA))
