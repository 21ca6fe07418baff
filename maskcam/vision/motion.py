"""How the inner face of each head moves, free of everything else that moves.

A turn of the head carries eyes, nose and mask across the picture while the body
stays; walking, swaying, a camera in the wind and a nervous detector carry both. So
each head is cut out with the chest below it, shrunk to one small size, and both are
found again in the next frame; what the face moved and the chest did not is the turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box, Frame, HeadMotion

Patch = NDArray[np.uint8]

FACE_PX = 40  # height of a face in a patch
HALF_WIDTH_PX = 36
ABOVE_PX = 36  # above the centre of the face
BELOW_PX = 64  # below it, down to the chest
HEAD_HEIGHT = 1.25  # in face heights, chin to crown; between the two box conventions
SIZE_MEMORY_S = 0.7
BOX_PULL_S = 0.4
MAX_GAP_S = 0.5  # longer without a frame, and nothing can be said of the way between


class _Region:
    """A part of the patch that is looked for again, and how far around."""

    def __init__(self, x0: int, y0: int, x1: int, y1: int, *, reach_x: int, reach_y: int) -> None:
        self.x0, self.y0, self.x1, self.y1 = x0, y0, x1, y1
        self.reach_x, self.reach_y = reach_x, reach_y


INNER = _Region(26, 24, 46, 50, reach_x=14, reach_y=8)
CHEST = _Region(18, 66, 54, 90, reach_x=10, reach_y=8)


@dataclass(slots=True)
class _Head:
    at_s: float
    box: Box
    centre: tuple[float, float]
    size: float
    scale: float  # frame px of one patch px
    patch: Patch


class HeadMotionMeter:
    """Measures the turn of every tracked head from one frame to the next.

    Keeps one patch of 72 x 100 px a head; a track that is missing from `heads` is
    forgotten at once.
    """

    def __init__(self) -> None:
        self._heads: dict[int, _Head] = {}

    def measure(self, frame: Frame, heads: Mapping[int, Box]) -> dict[int, HeadMotion]:
        """Returns the motion of each head since the frame before.

        heads: per track the face box predicted for this frame, in luma px; it may
            jitter by some percent. The first frame of a track has quality 0.
        """
        pyramid = [frame.luma]
        known, self._heads = self._heads, {}
        motions = {}
        for track, box in heads.items():
            head, motions[track] = _follow(known.get(track), box, pyramid, frame.captured_at_s)
            self._heads[track] = head
        return motions


def _follow(
    before: _Head | None, box: Box, pyramid: list[Patch], at_s: float
) -> tuple[_Head, HeadMotion]:
    size = float(np.sqrt(max(box.width, 2.0) * 1.25 * max(box.height, 2.0)))
    if before is None or not 0 < at_s - before.at_s <= MAX_GAP_S:
        scale = size / FACE_PX
        patch = _cut(pyramid, box.centre, scale)
        return _Head(at_s, box, box.centre, size, scale, patch), HeadMotion(at_s, 0, 0, 0)

    passed_s = at_s - before.at_s
    size = before.size + (size - before.size) * min(1.0, passed_s / SIZE_MEMORY_S)
    guess = (
        before.centre[0] + box.centre[0] - before.box.centre[0],
        before.centre[1] + box.centre[1] - before.box.centre[1],
    )
    patch = _cut(pyramid, guess, before.scale)
    face_x, face_y, likeness = _find(before.patch, patch, INNER)
    chest_x, chest_y, chest_likeness = _find(before.patch, patch, CHEST)
    if chest_likeness < 0.6:
        chest_x = chest_y = 0.0
    in_heads = before.scale / (HEAD_HEIGHT * size)
    quality = max(0.0, min(1.0, (likeness - 0.3) / 0.5))
    motion = HeadMotion(at_s, (face_x - chest_x) * in_heads, (face_y - chest_y) * in_heads, quality)

    pull = min(1.0, passed_s / BOX_PULL_S)
    centre = (
        guess[0] + chest_x * before.scale,
        guess[1] + chest_y * before.scale,
    )
    centre = (
        centre[0] + (box.centre[0] - centre[0]) * pull,
        centre[1] + (box.centre[1] - centre[1]) * pull,
    )
    scale = before.scale
    if not 0.85 < size / (scale * FACE_PX) < 1.18:
        scale = size / FACE_PX
    return _Head(at_s, box, centre, size, scale, _cut(pyramid, centre, scale)), motion


def _cut(pyramid: list[Patch], centre: tuple[float, float], scale: float) -> Patch:
    """Cuts a patch around a face centre out of the level whose px are just finer."""
    level = 0
    while scale > 1.5:
        if len(pyramid) == level + 1:
            last = pyramid[level]
            half = (last.shape[1] // 2, last.shape[0] // 2)
            pyramid.append(cv2.resize(last, half, interpolation=cv2.INTER_AREA).astype(np.uint8))
        level += 1
        scale /= 2
    shrink = 0.5**level
    x0 = (centre[0] + 0.5) * shrink - 0.5 - HALF_WIDTH_PX * scale
    y0 = (centre[1] + 0.5) * shrink - 0.5 - ABOVE_PX * scale
    way = np.array([[scale, 0, x0], [0, scale, y0]], np.float64)
    patch = cv2.warpAffine(
        pyramid[level],
        way,
        (2 * HALF_WIDTH_PX, ABOVE_PX + BELOW_PX),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return patch.astype(np.uint8, copy=False)


def _find(before: Patch, now: Patch, region: _Region) -> tuple[float, float, float]:
    """Returns where a region went: dx, dy in patch px, and the correlation -1..1 there."""
    r = region
    template = before[r.y0 : r.y1, r.x0 : r.x1]
    window = now[
        r.y0 - r.reach_y : r.y1 + r.reach_y,
        r.x0 - r.reach_x : r.x1 + r.reach_x,
    ]
    likeness = cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(likeness)
    x = column + _peak(likeness[row], column)
    y = row + _peak(likeness[:, column], row)
    return x - r.reach_x, y - r.reach_y, float(best)


def _peak(values: NDArray[Any], at: int) -> float:
    """Returns how far beside the highest sample a parabola through three of them peaks."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, top, right = (float(value) for value in values[at - 1 : at + 2])
    bend = left - 2 * top + right
    return 0.0 if bend >= -1e-9 else max(-0.5, min(0.5, 0.5 * (left - right) / bend))
