"""The small immutable records that travel between the stages.

Pixels are in `Frame` only, and a `Frame` goes no further than the head-shake
stage. Everything behind it is made of the small numbers below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray


class MaskState(StrEnum):
    """How a face wears its mask. `UNCLEAR` is said of a person, never of one detection."""

    WITH_MASK = "with_mask"
    WITHOUT_MASK = "without_mask"
    INCORRECT = "incorrect"
    UNCLEAR = "unclear"


class Box(NamedTuple):
    """A rectangle in pixels of `Frame.luma`: left, top, right and bottom edge."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Width in px."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height in px."""
        return self.y1 - self.y0

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y) in px."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def area(self) -> float:
        """Area in px^2."""
        return self.width * self.height

    def intersection(self, other: Box) -> float:
        """Returns the area that two boxes have in common, in px^2."""
        if self.x0 >= other.x1 or other.x0 >= self.x1 or self.y0 >= other.y1 or other.y0 >= self.y1:
            return 0.0  # as most boxes of a frame, and in a sixth of the time
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def union(self, other: Box) -> Box:
        """Returns the smallest box that holds both."""
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def iou(self, other: Box) -> float:
        """Returns the intersection of two boxes over their union, 0 to 1."""
        common = self.intersection(other)
        return common / max(self.area + other.area - common, 1e-9)

    def share_in(self, other: Box) -> float:
        """Returns the share of this box that lies in the other, 0 to 1."""
        return self.intersection(other) / max(self.area, 1e-9)

    def overlap(self, other: Box) -> float:
        """Returns the share of the smaller of two boxes that lies in the larger, 0 to 1."""
        return max(self.share_in(other), other.share_in(self))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame; its arrays are valid until the next frame is read.

    captured_at_s: monotonic time of capture in seconds (of a file: its own time).
    luma: (H, W) uint8, the full resolution for the head-shake stage.
    rgb: (h, w, 3) uint8, the same field of view, scaled down for the detector.
    """

    captured_at_s: float
    luma: NDArray[np.uint8]
    rgb: NDArray[np.uint8]

    def copy(self) -> Frame:
        """Returns a frame that stays valid when the next one is read."""
        return Frame(self.captured_at_s, self.luma.copy(), self.rgb.copy())


class Detection(NamedTuple):
    """A face box (forehead to chin, ear to ear) in pixels of `Frame.luma`.

    `state` is never `UNCLEAR`; `score` is 0..1.
    """

    box: Box
    state: MaskState
    score: float


class HeadMotion(NamedTuple):
    """How the inner face of one head moved since the frame before.

    `yaw` and `pitch` are in head heights (positive: to the right, down in the
    frame), already free of the motion of the head box, the body and the camera.
    `quality` is 0..1; at 0 the motion could not be measured. `roll` is how far tilting
    around the neck moved the face, `travel` how far the whole head went to the right in the
    frame, in head heights. `in_view`: log odds that nothing is before the face; None where
    the face was not found again.
    """

    at_s: float
    yaw: float
    pitch: float
    quality: float
    roll: float = 0.0
    travel: float = 0.0
    in_view: float | None = None


class HeadShake(NamedTuple):
    """A recognised "no": monotonic time of recognition and confidence 0..1."""

    at_s: float
    confidence: float


class Passage(NamedTuple):
    """One person passed once. `ended_at_s` is the monotonic time at which the track ended."""

    ended_at_s: float
    state: MaskState


class WindowKind(StrEnum):
    """How long a window is: whole minutes, or an hour. Also the last word of its topic."""

    COUNT = "count"
    HOUR = "hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteCount:
    """What one window publishes, and all that the publisher accepts.

    run: rises at each start of the unit's process; a higher one replaces a lower.
    start: UTC on a whole minute; `minutes` is the length of the window.
    with_mask, without_mask, incorrect, unclear: passages, with their noise: they may be
        negative. All are None exactly where `observed_s` is 0.
    observed_s: seconds in which the unit could see and could honour objections.
    epsilon: of the noise; None where there is none.
    """

    kind: WindowKind = WindowKind.COUNT
    run: int
    start: datetime
    minutes: int
    with_mask: int | None
    without_mask: int | None
    incorrect: int | None
    unclear: int | None
    observed_s: int
    epsilon: float | None

    def unobserved(self) -> Self:
        """Returns the same window as if the unit had seen nothing in it."""
        return replace(
            self, with_mask=None, without_mask=None, incorrect=None, unclear=None, observed_s=0
        )

    @property
    def people(self) -> int | None:
        """Sum of the four states; None where nothing was observed."""
        states = (self.with_mask, self.without_mask, self.incorrect, self.unclear)
        known = [count for count in states if count is not None]
        return sum(known) if len(known) == len(states) else None
