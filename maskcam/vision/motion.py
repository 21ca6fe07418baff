"""How the inner face of each head moves, free of everything else that moves.

A turn of the head carries eyes, nose and mask across the picture while the body stays;
walking, swaying, a camera in the wind and a nervous detector carry both. Each head is
cut out with the chest below it and drawn to one small size. Correlation finds the inner
face and the chest again in the next frame, and a fit of a turning ellipsoid (`turn.py`)
tells how much of the way of the face was turn and how much was travel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box, Frame, HeadMotion
from maskcam.vision.turn import CENTRE, FACE_PX, SIZE, Known, Patch, Turn, TurnFit

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
UNEXPLAINED: Final = 0.5  # misfit from which on another look is tried
CLEARER: Final = 0.8  # by which that one must explain more
REMEMBERED: Final = 5

# A hand or another head before the face is not like what was there a while ago.
ANCHOR_EVERY_S: Final = 0.6
ANCHOR_AGE_S: Final = (1.0, 3.0)
FAMILIAR: Final = (0.66, 0.94)  # likeness that counts for nothing, and for all
KNOWN: Final = 0.85  # a look less like than this is not kept to compare with
MISFIT: Final = (0.77, 0.27)
CHEST_NOISE: Final = 8.0  # luma levels; less texture than this tells nothing
STEADY: Final = (0.8, 0.97)
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
    """One look of a head, and where in the frame it was cut out."""

    patch: Patch
    cut: tuple[float, float]
    box: tuple[float, float]  # the centre of the face box
    turned: NDArray[np.float64]  # yaw, pitch and roll since the track began, in head heights


class _Look(NamedTuple):
    """An earlier place of a head whose inner face moved by x and y, in patch px, to be as now."""

    place: _Place
    x: float
    y: float
    likeness: float


@dataclass(slots=True)
class _Head:
    at_s: float
    size: float  # of the box, averaged
    scale: float  # frame px a patch px
    centre: tuple[float, float]  # of the head as followed
    places: list[_Place]  # newest first
    anchors: list[tuple[float, Patch]]  # looks of the last seconds with their times
    lost_at_s: float = -math.inf  # when the face was last not found again


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
        head.size += (_size(box) - head.size) * min(1.0, passed_s / SIZE_MEMORY_S)
        cut = _expected_centre(head, box, passed_s)
        patch = _cut(halves, cut, head.scale)
        last = head.places[0]
        look = _look(last, patch)
        if look.likeness < LIKE_ENOUGH:
            look = _likest(head.places, patch, better_than=look)
        turn, steady = self._turn(look, patch, cut, box, head.scale)
        if turn.misfit > UNEXPLAINED and len(head.places) > 1:
            others = [place for place in head.places if place is not look.place]
            other = _likest(others, patch)
            instead = self._turn(other, patch, cut, box, head.scale)
            if instead[0].misfit < CLEARER * turn.misfit:
                look, (turn, steady) = other, instead
        familiar = _grade(_familiarity(head, patch, at_s), FAMILIAR)
        quality = min(_grade(turn.misfit, MISFIT), familiar) * _grade(steady, STEADY)
        if look.likeness >= FOUND:
            quality = max(LEAST_QUALITY, quality)
        else:
            quality, head.lost_at_s = 0.0, at_s

        in_heads = head.scale / (HEAD_HEIGHT * head.size)
        turned = look.place.turned + np.array([turn.yaw, turn.pitch, turn.roll]) * in_heads
        yaw, pitch, roll = (float(value) for value in turned - last.turned)
        head.centre = cut[0] + turn.travel_x * head.scale, cut[1] + turn.travel_y * head.scale
        head.places = [_Place(patch, cut, box.centre, turned), *head.places[:REMEMBERED]]
        head.at_s = at_s
        if not 1 / RESCALE < head.size / (head.scale * FACE_PX) < RESCALE:
            head.scale = head.size / FACE_PX
            patch = _cut(halves, cut, head.scale)
            head.places = [_Place(patch, cut, box.centre, turned)]
            head.anchors = []
        return HeadMotion(at_s, yaw, pitch, quality, roll)

    def _turn(
        self, look: _Look, patch: Patch, cut: tuple[float, float], box: Box, scale: float
    ) -> tuple[Turn, float]:
        """Fits the turn from an earlier look to now; also tells how alike the chest still is."""
        place = look.place
        box_x, box_y = (
            (now - was - (here - there)) / scale
            for now, was, here, there in zip(box.centre, place.box, cut, place.cut, strict=True)
        )
        chest = _CHEST.likeness(place.patch, patch)
        body = _find_body(chest, box_x, box_y)
        sigma = INNER_SIGMA_PX[0] + INNER_SIGMA_PX[1] * (1 - look.likeness)
        inner = Known(look.x, look.y, sigma, sigma)
        turn = self._fit.fit(place.patch, patch, body=body, inner=inner)
        return turn, _steadiness(place.patch, patch, chest)


def _meet(halves: list[Luma], box: Box, at_s: float) -> _Head:
    scale = _size(box) / FACE_PX
    patch = _cut(halves, box.centre, scale)
    place = _Place(patch, box.centre, box.centre, np.zeros(3))
    return _Head(at_s, _size(box), scale, box.centre, [place], [])


def _size(box: Box) -> float:
    """Returns a height that jitters less than that of the box: faces are 4 wide, 5 high."""
    return math.sqrt(max(box.width, 2.0) * 1.25 * max(box.height, 2.0))


def _expected_centre(head: _Head, box: Box, passed_s: float) -> tuple[float, float]:
    """Returns where the head should be: it moves with the box, but does not jitter."""
    expected = []
    for followed, was, now in zip(head.centre, head.places[0].box, box.centre, strict=True):
        moved = followed + now - was
        moved += (now - moved) * min(1.0, passed_s / BOX_PULL_S)
        leash = LONGEST_LEASH * head.size
        expected.append(min(max(moved, now - leash), now + leash))
    return expected[0], expected[1]


def _look(place: _Place, patch: Patch) -> _Look:
    """Returns where the inner face of an earlier look is now."""
    return _Look(place, *_peak(_INNER.likeness(place.patch, patch), _INNER.reach))


def _likest(places: Sequence[_Place], patch: Patch, *, better_than: _Look | None = None) -> _Look:
    """Returns the look that is most like the face now, if it is clearly better than another."""
    best = max((_look(place, patch) for place in places), key=lambda look: look.likeness)
    if better_than is not None and best.likeness <= better_than.likeness + LIKE_MORE:
        return better_than
    return best


def _find_body(likeness: NDArray[np.float32], box_x: float, box_y: float) -> Known:
    """Returns how the body moved, from the chest where it has texture, else from the box."""
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


def _steadiness(before: Patch, now: Patch, likeness: NDArray[np.float32]) -> float:
    """Returns how alike the chest still is, up to 1: with a hand before the face comes an arm.

    likeness: of the chest, for every displacement within reach.
    """
    _, _, _, (across, down) = cv2.minMaxLoc(likeness)
    top, left = _CHEST.around[0].start + down, _CHEST.around[1].start + across
    was = before[_CHEST.part]
    moved = now[top : top + was.shape[0], left : left + was.shape[1]]
    (_, spread), (_, change) = cv2.meanStdDev(was), cv2.meanStdDev(moved - was)
    return 1 - float(change[0, 0]) ** 2 / (2 * (float(spread[0, 0]) ** 2 + CHEST_NOISE**2))


def _familiarity(head: _Head, patch: Patch, at_s: float) -> float:
    """Returns how alike the inner face is to one of its looks some seconds ago, up to 1.

    Where the face was lost meanwhile, to one of its looks before.
    """
    youngest, oldest = ANCHOR_AGE_S
    head.anchors = [anchor for anchor in head.anchors if at_s - anchor[0] <= oldest]
    best = -1.0
    for seen_at_s, look in head.anchors:
        if at_s - seen_at_s >= youngest or seen_at_s < head.lost_at_s:
            best = max(best, _peak(_INNER.likeness(look, patch), _INNER.reach)[2])
            if best >= FAMILIAR[1]:
                break
    likeness = best if best > -1 else 1.0
    due = not head.anchors or at_s - head.anchors[0][0] >= ANCHOR_EVERY_S
    if due and likeness >= KNOWN:
        head.anchors.insert(0, (at_s, patch))
    return likeness


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
