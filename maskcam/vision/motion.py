"""How the inner face of each head moves, free of everything else that moves.

A turn of the head carries eyes, nose and mask across the picture while the body stays;
walking, swaying, a camera in the wind and a nervous detector carry both. Each head is
cut out with the chest below it and drawn to one small size. Correlation finds the inner
face and the chest again in the next frame, and a fit of a turning ellipsoid (`turn.py`)
tells how much of the way of the face was turn and how much was travel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box, Frame, HeadMotion
from maskcam.vision.turn import CENTRE, FACE_PX, SIZE, Known, Patch, TurnFit

Luma = NDArray[np.uint8]

HEAD_HEIGHT: Final = 1.25  # in box heights; between the two usual conventions of boxes
LONGEST_GAP_S: Final = 0.5  # after that nothing is known of the way between two frames
SIZE_MEMORY_S: Final = 0.7  # box sizes are averaged over this
BOX_PULL_S: Final = 0.3  # the followed centre returns to the box within this
LONGEST_LEASH: Final = 0.12  # and never leaves its centre by more, in box heights
RESCALE: Final = 1.18  # a head that grew by this is drawn anew

# A face that is not found in the frame before may be found in one of the last few:
# a shaken head comes back to where it was.
LIKE_ENOUGH: Final = 0.85
LIKE_MORE: Final = 0.03
REMEMBERED: Final = 5

# A hand or another head before the face is not like what was there a while ago.
ANCHOR_EVERY_S: Final = 0.6
ANCHOR_AGE_S: Final = (1.0, 3.0)
FAMILIAR: Final = (0.66, 0.94)  # likeness that counts for nothing, and for all
MISFIT: Final = (0.77, 0.27)
FOUND: Final = 0.8  # likeness below which the face is lost, and the way to here unknown
LEAST_QUALITY: Final = 0.01

BODY_SIGMA_PX: Final = 1.0  # how far the head moves against the body, frame to frame
BOX_SIGMA_PX: Final = 1.5  # of the box's jitter
INNER_SIGMA_PX: Final = (0.25, 4.0)  # of the inner face where it is alike, and added where not


class _Region:
    """A part of the patch that is looked for again, and how far around it."""

    def __init__(self, *, x: tuple[int, int], y: tuple[int, int], reach: tuple[int, int]) -> None:
        left, right, top, bottom = *x, *y
        left, right = left + CENTRE[0], right + CENTRE[0]
        top, bottom = top + CENTRE[1], bottom + CENTRE[1]
        self.reach = reach
        self.part = (slice(top, bottom), slice(left, right))
        self.around = (
            slice(top - reach[1], bottom + reach[1]),
            slice(left - reach[0], right + reach[0]),
        )

    def likeness(self, before: Patch, now: Patch) -> NDArray[np.float32]:
        """Returns the correlation -1..1 for every displacement within reach."""
        found = cv2.matchTemplate(now[self.around], before[self.part], cv2.TM_CCOEFF_NORMED)
        return found.astype(np.float32, copy=False)


_INNER: Final = _Region(x=(-4, 4), y=(-6, 7), reach=(10, 5))
_CHEST: Final = _Region(x=(-13, 13), y=(11, 27), reach=(5, 5))
_ACROSS: Final = np.arange(-5, 6, dtype=np.float32)


class _Place(NamedTuple):
    """One look of a head, and where in the frame its patch and its inner face were."""

    patch: Patch
    cut: tuple[float, float]
    face: tuple[float, float]  # frame px, from an arbitrary origin


@dataclass(slots=True)
class _Head:
    at_s: float
    box: Box
    size: float  # of the box, averaged
    scale: float  # frame px a patch px
    centre: tuple[float, float]  # of the head as followed
    places: list[_Place]  # newest first
    anchors: list[tuple[float, Patch]]  # looks of the last seconds with their times


class HeadMotionMeter:
    """Measures the turn of every tracked head from one frame to the next.

    Keeps at most eleven patches of 36 x 50 px a head, none older than 3 s; a track missing
    from `heads` is forgotten at once.
    """

    def __init__(self) -> None:
        self._heads: dict[int, _Head] = {}
        self._fit = TurnFit()

    def measure(self, frame: Frame, heads: Mapping[int, Box]) -> dict[int, HeadMotion]:
        """Returns the motion of each head since the frame before.

        Args:
            frame: must be every frame of the camera, in order.
            heads: per track the face box predicted for this frame, in luma px; it may
                jitter by some percent. The first frame of a track has quality 0.
        """
        halves = [frame.luma]
        known, self._heads = self._heads, {}
        motions = {}
        for track, box in heads.items():
            before = known.get(track)
            if before is None or not 0 < frame.captured_at_s - before.at_s <= LONGEST_GAP_S:
                self._heads[track] = _meet(halves, box, frame.captured_at_s)
                motions[track] = HeadMotion(frame.captured_at_s, 0.0, 0.0, 0.0)
            else:
                motions[track] = self._follow(before, halves, box, frame.captured_at_s)
                self._heads[track] = before
        return motions

    def _follow(self, head: _Head, halves: list[Luma], box: Box, at_s: float) -> HeadMotion:
        passed_s = at_s - head.at_s
        scale, last = head.scale, head.places[0]
        head.size += (_size(box) - head.size) * min(1.0, passed_s / SIZE_MEMORY_S)
        cut = _expected_centre(head, box, passed_s)
        patch = _cut(halves, cut, scale)
        shift = (cut[0] - last.cut[0]) / scale, (cut[1] - last.cut[1]) / scale
        box_x = (box.centre[0] - head.box.centre[0]) / scale - shift[0]
        box_y = (box.centre[1] - head.box.centre[1]) / scale - shift[1]

        inner, likeness = _find_inner(head, patch, cut)
        body = _find_body(last.patch, patch, box_x, box_y)
        turn = self._fit.fit(last.patch, patch, body=body, inner=inner)
        quality = min(
            _grade(turn.misfit, MISFIT), _grade(_familiarity(head, patch, at_s), FAMILIAR)
        )
        quality = max(LEAST_QUALITY, quality) if likeness >= FOUND else 0.0

        face = (
            last.face[0] + (inner.x + shift[0]) * scale,
            last.face[1] + (inner.y + shift[1]) * scale,
        )
        head.centre = cut[0] + turn.travel_x * scale, cut[1] + turn.travel_y * scale
        head.places = [_Place(patch, cut, face), *head.places[:REMEMBERED]]
        head.at_s, head.box = at_s, box
        in_heads = scale / (HEAD_HEIGHT * head.size)
        if not 1 / RESCALE < head.size / (scale * FACE_PX) < RESCALE:
            head.scale = head.size / FACE_PX
            head.places = [_Place(_cut(halves, cut, head.scale), cut, face)]
            head.anchors = []
        return HeadMotion(
            at_s, turn.yaw * in_heads, turn.pitch * in_heads, quality, turn.roll * in_heads
        )


def _meet(halves: list[Luma], box: Box, at_s: float) -> _Head:
    scale = _size(box) / FACE_PX
    place = _Place(_cut(halves, box.centre, scale), box.centre, box.centre)
    return _Head(at_s, box, _size(box), scale, box.centre, [place], [])


def _size(box: Box) -> float:
    """Returns a height that jitters less than that of the box: faces are 4 wide, 5 high."""
    return math.sqrt(max(box.width, 2.0) * 1.25 * max(box.height, 2.0))


def _expected_centre(head: _Head, box: Box, passed_s: float) -> tuple[float, float]:
    """Returns where the head should be: it moves with the box, but does not jitter."""
    expected = []
    for followed, was, now in zip(head.centre, head.box.centre, box.centre, strict=True):
        moved = followed + now - was
        moved += (now - moved) * min(1.0, passed_s / BOX_PULL_S)
        leash = LONGEST_LEASH * head.size
        expected.append(min(max(moved, now - leash), now + leash))
    return expected[0], expected[1]


def _find_inner(head: _Head, patch: Patch, cut: tuple[float, float]) -> tuple[Known, float]:
    """Returns how the inner face moved since the frame before, and how alike it still is."""
    last, scale = head.places[0], head.scale
    x, y, best = _peak(_INNER.likeness(last.patch, patch), _INNER.reach)
    if best < LIKE_ENOUGH:
        for place in head.places[1:]:
            to_x, to_y, likeness = _peak(_INNER.likeness(place.patch, patch), _INNER.reach)
            if likeness > best + LIKE_MORE:
                best = likeness
                x = to_x + (place.face[0] - place.cut[0] - last.face[0] + last.cut[0]) / scale
                y = to_y + (place.face[1] - place.cut[1] - last.face[1] + last.cut[1]) / scale
    sigma = INNER_SIGMA_PX[0] + INNER_SIGMA_PX[1] * (1 - best)
    return Known(x, y, sigma, sigma), best


def _find_body(before: Patch, now: Patch, box_x: float, box_y: float) -> Known:
    """Returns how the body moved, from the chest where it has texture, else from the box."""
    likeness = _CHEST.likeness(before, now)
    best = float(likeness.max())
    log_weight = (likeness - best) / (0.03 + 0.15 * (1 - best))
    log_weight -= 0.5 * np.square((_ACROSS - box_x) / BOX_SIGMA_PX)
    log_weight -= 0.5 * np.square((_ACROSS - box_y) / BOX_SIGMA_PX)[:, None]
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    across, down = weight.sum(axis=0), weight.sum(axis=1)
    x, y = float(across @ _ACROSS), float(down @ _ACROSS)
    spread_x = float(across @ np.square(_ACROSS - x))
    spread_y = float(down @ np.square(_ACROSS - y))
    return Known(
        x, y, math.sqrt(BODY_SIGMA_PX**2 + spread_x), math.sqrt(BODY_SIGMA_PX**2 + spread_y)
    )


def _familiarity(head: _Head, patch: Patch, at_s: float) -> float:
    """Returns how alike the inner face is to one of its looks some seconds ago, up to 1."""
    youngest, oldest = ANCHOR_AGE_S
    if not head.anchors or at_s - head.anchors[0][0] >= ANCHOR_EVERY_S:
        head.anchors.insert(0, (at_s, patch))
    head.anchors = [anchor for anchor in head.anchors if at_s - anchor[0] <= oldest]
    best = -1.0
    for seen_at_s, look in head.anchors:
        if at_s - seen_at_s >= youngest:
            best = max(best, _peak(_INNER.likeness(look, patch), _INNER.reach)[2])
            if best >= FAMILIAR[1]:
                break
    return best if best > -1 else 1.0


def _grade(value: float, ends: tuple[float, float]) -> float:
    """Returns 0 at the first end, 1 at the second, and in proportion between them."""
    return max(0.0, min(1.0, (value - ends[0]) / (ends[1] - ends[0])))


def _cut(halves: list[Luma], centre: tuple[float, float], scale: float) -> Patch:
    """Cuts the patch around a face centre, from the smallest frame with enough detail.

    halves: the frame, and the frames of half its size each that were needed so far.
    scale: frame px a patch px.
    """
    scale, level = scale / 2, 0  # drawn at twice the size, then smoothed
    while scale > 1.5:
        level += 1
        scale /= 2
        if len(halves) == level:
            half = (halves[-1].shape[1] // 2, halves[-1].shape[0] // 2)
            smaller = cv2.resize(halves[-1], half, interpolation=cv2.INTER_AREA)
            halves.append(smaller.astype(np.uint8, copy=False))
    shrink = 0.5**level
    way = np.array(
        [
            [scale, 0, (centre[0] + 0.5) * shrink - 0.5 - 2 * CENTRE[0] * scale],
            [0, scale, (centre[1] + 0.5) * shrink - 0.5 - 2 * CENTRE[1] * scale],
        ]
    )
    twice = cv2.warpAffine(
        halves[level],
        way,
        (2 * SIZE[0], 2 * SIZE[1]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.pyrDown(twice).astype(np.float32)


def _peak(likeness: NDArray[np.float32], reach: tuple[int, int]) -> tuple[float, float, float]:
    """Returns where the likeness peaks, x and y to parts of a px, and how high."""
    _, best, _, (column, row) = cv2.minMaxLoc(likeness)
    x = column + _between(likeness[row], column) - reach[0]
    y = row + _between(likeness[:, column], row) - reach[1]
    return x, y, float(best)


def _between(values: NDArray[Any], at: int) -> float:
    """Returns how far beside the highest sample a parabola through three of them peaks."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, top, right = (float(value) for value in values[at - 1 : at + 2])
    bend = left - 2 * top + right
    return 0.0 if bend >= -1e-9 else max(-0.5, min(0.5, 0.5 * (left - right) / bend))
