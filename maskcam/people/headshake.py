"""Tells a shaken head ("no") from everything else heads do.

A "no" is a row of quick, wide, alternating swings to the sides. The way of the face
is added up and cut where it turns back; swings that are too small, too slow or less
horizontal than vertical end the row, and three in a row are a "no".
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

from maskcam.records import HeadMotion, HeadShake

HISTORY_S = 3.0
SWING_HEADS = 0.09  # smallest swing, in head heights: about 9 degrees
SWING_LONGEST_S = 0.65
SWINGS = 3
ACROSS = 1.4  # horizontal way at least this many times the vertical one
MIN_QUALITY = 0.2


class _Sample(NamedTuple):
    at_s: float
    x: float
    y: float


class HeadShakeRecogniser:
    """Watches one track; says once per shake that it was a "no"."""

    def __init__(self) -> None:
        self._way: deque[_Sample] = deque()

    def update(self, motion: HeadMotion) -> HeadShake | None:
        """Takes the motion since the frame before; returns a head shake when it is complete."""
        if motion.quality < MIN_QUALITY:
            motion = motion._replace(yaw=0.0, pitch=0.0)
        last = self._way[-1] if self._way else _Sample(motion.at_s, 0.0, 0.0)
        self._way.append(_Sample(motion.at_s, last.x + motion.yaw, last.y + motion.pitch))
        while self._way[0].at_s < motion.at_s - HISTORY_S:
            self._way.popleft()
        confidence = self._confidence()
        if confidence is None:
            return None
        self._way.clear()
        return HeadShake(motion.at_s, confidence)

    def _confidence(self) -> float | None:
        way = list(self._way)
        xs = [sample.x for sample in way]
        swings = _swings([sample.at_s for sample in way], xs, SWING_HEADS)[-SWINGS:]
        if len(swings) < SWINGS or any(
            later.middle_s - sooner.middle_s > SWING_LONGEST_S for sooner, later in pairwise(swings)
        ):
            return None
        part = slice(swings[0].first, swings[-1].last + 1)
        across = sum(swing.size for swing in swings)
        if across < ACROSS * sum(
            swing.size
            for swing in _swings(
                [sample.at_s for sample in way[part]], [sample.y for sample in way[part]], 0.02
            )
        ):
            return None
        return min(1.0, across / (2 * SWINGS * SWING_HEADS))


class _Swing(NamedTuple):
    first: int
    last: int
    middle_s: float  # when half of it was done
    size: float


def _swings(times: list[float], values: list[float], least: float) -> list[_Swing]:
    """Returns the alternating swings of at least `least`; the last may be under way."""
    turns = _turning_points(values, least)
    swings = []
    for first, last in pairwise(turns):
        half = (values[first] + values[last]) / 2
        side = values[last] > half
        at = next(i for i in range(last, first, -1) if (values[i - 1] > half) != side)
        part = (half - values[at - 1]) / (values[at] - values[at - 1])
        middle_s = times[at - 1] + part * (times[at] - times[at - 1])
        swings.append(_Swing(first, last, middle_s, abs(values[last] - values[first])))
    return swings


def _turning_points(values: list[float], least: float) -> list[int]:
    """Returns the indices at which values turn back by at least `least`, and the last extreme."""
    turns: list[int] = []
    low = high = 0  # indices of the extremes since the last turn
    way = 0  # 1: rising, -1: falling, 0: not yet known
    for index, value in enumerate(values):
        if value > values[high]:
            high = index
        if value < values[low]:
            low = index
        if way <= 0 and value - values[low] >= least:
            turns.append(low)
            way, high = 1, index
        elif way >= 0 and values[high] - value >= least:
            turns.append(high)
            way, low = -1, index
    if way:
        turns.append(high if way > 0 else low)
    return turns
