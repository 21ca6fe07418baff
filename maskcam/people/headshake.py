"""Recognises a shaken head ("no") among everything else heads do.

A small network (`shake_network.py`) judges how a head turned, nodded, tilted and travelled in
the last 1.6 seconds. Its log odds, averaged over a moment, are held against two limits: from
`NO` on it is a "no", from `HALF` on it may become one, and the lamp asks for one more swing.

What a "no" can't be is not judged: a head that hardly turned in the last second, that could
not be measured while it turned, or of somebody who sways far more than the head turns. A
head that only turned and turned back said half of one at most.

Where the limits come from, and what they cost and give: docs/head-shake.md.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from statistics import fmean
from typing import Final

from maskcam.people.shake_network import SPAN_S, ShakeNetwork
from maskcam.records import HeadMotion, HeadShake

NO: Final = 5.3  # log odds
HALF: Final = 1.5
AVERAGED_S: Final = 0.2
EVERY_S: Final = 0.06  # a network that sees 20 steps per second need not judge more often
RECENT_S: Final = 1.0  # in this time it is seen what a "no" can't be
LEAST: Final = 0.12  # head heights turned to and fro; 20 degrees are about 0.14
QUALITY: Final = 0.35  # mean over the frames, which count as much as the face moved
SWAY: Final = 2.5  # travel of the head to and fro, of the turn
BACK: Final = 0.2  # of the whole extent: turning back by less ends no swing
BACK_LEAST: Final = 0.015  # head heights
BEYOND: Final = 1.25  # of the first swing: coming back so far is a second one
SPARE_S: Final = 0.2  # the frame before the span is needed, too
LONGEST_GAP_S: Final = 0.5  # what happened in a longer one is unknown
_UNJUDGED: Final = -10.0  # log odds of what is not judged


class HeadShakeRecogniser:
    """Watches one track and says when it shook the head, once per row of swings.

    Args:
        network: judges the motion; None: the one that comes with maskcam.
        limit: log odds from which on it is a "no"; more finds fewer shakes and fewer false ones.
    """

    def __init__(self, *, network: ShakeNetwork | None = None, limit: float = NO) -> None:
        self._network = ShakeNetwork() if network is None else network
        self._limit = limit
        self._motions: deque[HeadMotion] = deque()
        self._judged: deque[tuple[float, float]] = deque()  # times and log odds

    @property
    def odds(self) -> float:
        """Mean log odds of the last moment that a "no" is being said; two judgements at least."""
        if len(self._judged) < 2:
            return _UNJUDGED
        return fmean(odds for _, odds in self._judged)

    @property
    def is_half(self) -> bool:
        """Whether half of a head shake is seen now."""
        return bool(self._judged) and self._judged[-1][1] >= HALF and self.odds < self._limit

    def update(self, motion: HeadMotion) -> HeadShake | None:
        """Returns a head shake once it is complete, with the motion since the frame before."""
        if self._motions and motion.at_s - self._motions[-1].at_s > LONGEST_GAP_S:
            self._forget()
        self._motions.append(motion)
        while motion.at_s - self._motions[0].at_s > SPAN_S + SPARE_S:
            self._motions.popleft()
        if self._judged and motion.at_s - self._judged[-1][0] < EVERY_S:
            return None
        self._judge(motion.at_s)
        odds = self.odds
        if odds < self._limit:
            return None
        self._forget()
        return HeadShake(motion.at_s, 1 / (1 + math.exp(-odds)))

    def _judge(self, at_s: float) -> None:
        recent = [motion for motion in self._motions if at_s - motion.at_s < RECENT_S]
        odds = self._network.log_odds(self._motions) if _may_be_no(recent) else _UNJUDGED
        if odds > HALF and not _swings_twice(self._motions):
            odds = HALF
        self._judged.append((at_s, odds))
        while len(self._judged) > 2 and at_s - self._judged[0][0] > AVERAGED_S:
            self._judged.popleft()

    def _forget(self) -> None:
        self._motions.clear()
        self._judged.clear()


def _may_be_no(recent: Sequence[HeadMotion]) -> bool:
    """Returns whether the head turned, could be measured while it did, and does not just sway."""
    turned = sum(abs(motion.yaw) for motion in recent)
    if turned < LEAST:
        return False
    measured = sum(abs(motion.yaw) * motion.quality for motion in recent)
    on = fmean(motion.travel for motion in recent)
    swayed = sum(abs(motion.travel - on) for motion in recent)
    return measured >= QUALITY * turned and swayed <= SWAY * turned


def _swings_twice(motions: Iterable[HeadMotion]) -> bool:
    """Returns whether a head did more than to turn and turn back."""
    path = list(accumulate(motion.yaw for motion in motions))
    turns = turning_points(path, max(BACK_LEAST, BACK * (max(path) - min(path))))
    sizes = [abs(path[b] - path[a]) for a, b in pairwise(turns)]
    return len(sizes) > 2 or (len(sizes) == 2 and sizes[1] >= BEYOND * sizes[0])


def turning_points(path: Sequence[float], least: float) -> list[int]:
    """Returns the indices where a path turns back by at least `least`, and its last extreme."""
    turns: list[int] = []
    low = high = 0  # indices of the extremes since the last turn
    rising: bool | None = None
    for index, value in enumerate(path):
        if value > path[high]:
            high = index
        if value < path[low]:
            low = index
        if rising is not True and value - path[low] >= least:
            turns.append(low)
            rising, high = True, index
        elif rising is not False and path[high] - value >= least:
            turns.append(high)
            rising, low = False, index
    if rising is not None:
        turns.append(high if rising else low)
    return turns
