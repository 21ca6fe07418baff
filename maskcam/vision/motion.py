"""How the inner face of each head moves, free of everything else that moves.

A turn of the head carries eyes, nose and mask across the frame while the body stays;
walking, swaying, a camera in the wind and a nervous detector carry both. A patch of one
small size is cut around each head and the chest below it. Correlation finds the inner
face and the chest again in the next frame, and a fit of a turning ellipsoid (`turn.py`)
splits the displacement of the face into turn and travel. A small network
(`face_in_view.py`) judges whether it was the face at all that was measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box, Frame, HeadMotion
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.patch import CENTRE, FACE_PX, HEAD, Luma, Patch, cut_patch
from maskcam.vision.turn import Known, Turn, TurnFit

HEAD_HEIGHT: Final = 1.25  # in box heights; between the two usual conventions of boxes
LONGEST_GAP_S: Final = 0.5  # longer, and what happened between two frames is unknown
SIZE_MEMORY_S: Final = 0.7  # box sizes are averaged over this
BOX_PULL_S: Final = 0.3  # the followed centre returns to the box within this
LONGEST_LEASH: Final = 0.12  # and never leaves its centre by more, in box heights
HIDDEN_LEASH: Final = 1.0  # of a box that goes on where a hand hides who has stopped
RESCALE: Final = 1.18  # a head that grew by this is cut anew

# A face that is not found in the frame before may be found in one of the last few:
# a shaken head comes back to where it was.
LIKE_ENOUGH: Final = 0.85
LIKE_MORE: Final = 0.03
UNEXPLAINED: Final = 0.5  # residual from which on another look is tried
CLEARER: Final = 0.8  # by which that one must explain more
REMEMBERED: Final = 5

# What is before the face shows best beside a look from before it came.
LOOK_EVERY_S: Final = 0.6
LOOK_KEPT_S: Final = 3.0
JUDGED_EVERY_S: Final = 0.045  # a hand does not come and go within a frame of 1/30 s
IN_VIEW: Final = (-1.0, 2.0)  # log odds that count for nothing, and for all
RESIDUAL: Final = (0.77, 0.27)  # residual that counts for nothing, and for all
FOUND: Final = 0.8  # likeness below which the face is lost, and what led here unknown
LEAST_QUALITY: Final = 0.01
SAME_CHEST: Final = 0.7  # likeness
PLAIN: Final = 4.0  # standard deviation of the luma of a chest that is like any other
BLANK: Final = 0.5  # share of the head's pixels: who is in an excluded zone holds no hand up

BODY_SIGMA_PX: Final = 1.0  # how far the head moves against the body, frame to frame
BOX_SIGMA_PX: Final = 1.5  # of the box's jitter
BODY_SHARPNESS: Final = (0.03, 0.15)  # likeness that counts e times less, and added where unlike
FACE_ASPECT: Final = 1.25  # faces are 4 wide, 5 high
INNER_SIGMA_PX: Final = (0.25, 4.0)  # of the inner face where it is alike, and added where not


class _Region:
    """A part of the patch that is searched for in the next one, and how far around it."""

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
_MOMENTS: Final = np.stack([np.ones_like(_ACROSS), _ACROSS, np.square(_ACROSS)])


class _Place(NamedTuple):
    """One look of a head, and where in the frame it was cut."""

    patch: Patch
    cut: tuple[float, float]
    box: tuple[float, float]  # the centre of the face box
    # Yaw, pitch, roll and travel to the right since the track began, in head heights.
    went: NDArray[np.float64]


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
    scale: float  # frame px per patch px
    centre: tuple[float, float]  # of the head as followed
    places: list[_Place]  # newest first
    # Of the last seconds with their times, oldest first; they stay when the head is cut anew,
    # for each shows it at about the size of its time.
    looks: deque[tuple[float, Patch]]
    # When it was last judged whether the face is in view, and the log odds.
    judged_at_s: float = -math.inf
    in_view: float = 0.0
    # Whether something hides the face from the detector, and not the chest: the box then goes on,
    # also when the person has stopped.
    is_hidden: bool = False


class HeadMotionMeter:
    """Measures the turn of every tracked head from one frame to the next.

    Keeps at most twelve patches of 36 x 50 px per head, none older than 3 s; a track missing
    from `heads` is forgotten at once.

    Args:
        face_in_view: sees what is before a face.
    """

    def __init__(self, face_in_view: FaceInView) -> None:
        self._heads: dict[int, _Head] = {}
        self._fit = TurnFit()
        self._face_in_view = face_in_view

    def measure(
        self, frame: Frame, heads: Mapping[int, Box], *, missed: Collection[int] = ()
    ) -> dict[int, HeadMotion]:
        """Returns the motion of each head since the frame before.

        Args:
            frame: must be every frame of the camera, in order.
            heads: per track the face box predicted for this frame, in luma px; it may
                jitter by some percent. The first frame of a track has quality 0.
            missed: the tracks whose faces the detector does not see: their boxes just go on.
        """
        halves = [frame.luma]
        known, self._heads = self._heads, {}
        if known.keys() - heads.keys():
            self._face_in_view.forget()
        motions = {}
        for track, box in heads.items():
            before = known.get(track)
            if before is None or not 0 < frame.captured_at_s - before.at_s <= LONGEST_GAP_S:
                self._heads[track] = _meet(halves, box, frame.captured_at_s)
                motions[track] = HeadMotion(frame.captured_at_s, 0.0, 0.0, 0.0)
            else:
                motions[track] = self._follow(
                    before, halves, box, frame.captured_at_s, missed=track in missed
                )
                self._heads[track] = before
        return motions

    def hidden_at(self, track: int) -> tuple[float, float] | None:
        """Returns the middle of a head in px where something hides its face, but not its body."""
        head = self._heads[track]
        return head.centre if head.is_hidden else None

    def _follow(
        self, head: _Head, halves: list[Luma], box: Box, at_s: float, *, missed: bool
    ) -> HeadMotion:
        passed_s = at_s - head.at_s
        head.size += (_size(box) - head.size) * min(1.0, passed_s / SIZE_MEMORY_S)
        cut = _expected_centre(head, box, passed_s)
        patch = cut_patch(halves, cut, head.scale)
        last = head.places[0]
        look = _look(last, patch)
        if look.likeness < LIKE_ENOUGH:
            look = _likest(head.places, patch, better_than=look)
        turn = self._turn(look, patch, cut, box, head.scale)
        if turn.residual > UNEXPLAINED and len(head.places) > 1:
            others = [place for place in head.places if place is not look.place]
            other = _likest(others, patch)
            instead = self._turn(other, patch, cut, box, head.scale)
            if instead.residual < CLEARER * turn.residual:
                look, turn = other, instead
        quality, in_view, head.is_hidden = 0.0, None, False
        if look.likeness >= FOUND and not _is_blank(patch):
            in_view = self._judge(head, patch, at_s)
            head.is_hidden = missed and in_view < 0 and _shows_chest(head.looks[0][1], patch)
            quality = _grade(turn.residual, RESIDUAL) * _grade(in_view, IN_VIEW)
            quality = max(LEAST_QUALITY, quality)

        in_heads = head.scale / (HEAD_HEIGHT * head.size)
        travel = (cut[0] - look.place.cut[0]) / head.scale + turn.travel_x
        went = look.place.went + np.array([turn.yaw, turn.pitch, turn.roll, travel]) * in_heads
        yaw, pitch, roll, travel = (went - last.went).tolist()
        head.centre = cut[0] + turn.travel_x * head.scale, cut[1] + turn.travel_y * head.scale
        head.places = [_Place(patch, cut, box.centre, went), *head.places[:REMEMBERED]]
        head.at_s = at_s
        if not 1 / RESCALE < head.size / (head.scale * FACE_PX) < RESCALE:
            head.scale = head.size / FACE_PX
            patch = cut_patch(halves, cut, head.scale)
            head.places = [_Place(patch, cut, box.centre, went)]
        return HeadMotion(at_s, yaw, pitch, quality, roll, travel, in_view)

    def _judge(self, head: _Head, patch: Patch, at_s: float) -> float:
        """Returns the log odds that the face is in view, judged now or a moment ago."""
        if at_s - head.judged_at_s >= JUDGED_EVERY_S:
            head.judged_at_s = at_s
            head.in_view = self._face_in_view.log_odds(_earlier(head, patch, at_s), patch)
        return head.in_view

    def _turn(
        self, look: _Look, patch: Patch, cut: tuple[float, float], box: Box, scale: float
    ) -> Turn:
        """Fits the turn from an earlier look to now."""
        place = look.place
        box_x, box_y = (
            (now - was - (here - there)) / scale
            for now, was, here, there in zip(box.centre, place.box, cut, place.cut, strict=True)
        )
        body = _find_body(_CHEST.likeness(place.patch, patch), box_x, box_y)
        sigma = INNER_SIGMA_PX[0] + INNER_SIGMA_PX[1] * (1 - look.likeness)
        inner = Known(look.x, look.y, sigma, sigma)
        return self._fit.fit(place.patch, patch, body=body, inner=inner)


def _meet(halves: list[Luma], box: Box, at_s: float) -> _Head:
    scale = _size(box) / FACE_PX
    patch = cut_patch(halves, box.centre, scale)
    place = _Place(patch, box.centre, box.centre, np.zeros(4))
    return _Head(at_s, _size(box), scale, box.centre, [place], deque([(at_s, patch)]))


def _size(box: Box) -> float:
    """Returns a height that jitters less than that of the box."""
    return math.sqrt(max(box.width, 2.0) * FACE_ASPECT * max(box.height, 2.0))


def _expected_centre(head: _Head, box: Box, passed_s: float) -> tuple[float, float]:
    """Returns where the head should be: it moves with the box, but does not jitter."""
    expected = []
    leash = (HIDDEN_LEASH if head.is_hidden else LONGEST_LEASH) * head.size
    for followed, was, now in zip(head.centre, head.places[0].box, box.centre, strict=True):
        moved = followed
        if not head.is_hidden:
            moved += now - was
            moved += (now - moved) * min(1.0, passed_s / BOX_PULL_S)
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
    best = cv2.minMaxLoc(likeness)[1]
    sharp, added = BODY_SHARPNESS
    across = np.square(_ACROSS - np.float32(box_x))
    down = np.square(_ACROSS - np.float32(box_y))
    weight = (likeness - best) * np.float32(1 / (sharp + added * (1 - best)))
    weight -= (0.5 / BOX_SIGMA_PX**2) * (across + down[:, None])
    weight -= np.float32(cv2.minMaxLoc(weight)[1])
    np.exp(weight, out=weight)
    moments = _MOMENTS @ weight
    whole, x, spread_x = (moments[0] @ _MOMENTS.T).tolist()
    y, spread_y = moments.sum(axis=1).tolist()[1:]
    x, y = x / whole, y / whole
    spread_x, spread_y = spread_x / whole - x * x, spread_y / whole - y * y
    return Known(
        x, y, math.sqrt(BODY_SIGMA_PX**2 + spread_x), math.sqrt(BODY_SIGMA_PX**2 + spread_y)
    )


def _is_blank(patch: Patch) -> bool:
    """Returns whether a head is in an excluded zone, whose pixels are all 0."""
    head = patch[HEAD]
    return cv2.countNonZero(head) < (1 - BLANK) * head.size


def _earlier(head: _Head, patch: Patch, at_s: float) -> Patch:
    """Returns the oldest look of the last seconds, and keeps the present one now and then."""
    if at_s - head.looks[-1][0] >= LOOK_EVERY_S:
        head.looks.append((at_s, patch))
    while at_s - head.looks[0][0] > LOOK_KEPT_S:
        head.looks.popleft()
    return head.looks[0][1]


def _shows_chest(earlier: Patch, patch: Patch) -> bool:
    """Returns whether a chest is in view as it was earlier; of a plain one it is not known."""
    if earlier[_CHEST.part].std() < PLAIN:
        return False
    return float(_CHEST.likeness(earlier, patch).max()) >= SAME_CHEST


def _grade(value: float, ends: tuple[float, float]) -> float:
    """Returns 0 at the first end, 1 at the second, and in proportion between them."""
    return max(0.0, min(1.0, (value - ends[0]) / (ends[1] - ends[0])))


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
    left, top, right = values[at - 1 : at + 2].tolist()
    bend = left - 2 * top + right
    return 0.0 if bend >= -1e-9 else max(-0.5, min(0.5, 0.5 * (left - right) / bend))
