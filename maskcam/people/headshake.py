"""Recognises a shaken head ("no") among everything else heads do.

A small network (`shake_network.py`) judges how a head turned, nodded, tilted and travelled in
the last 1.6 seconds. Its log odds, averaged over a moment, are held against two limits: from
`NO` on it is a "no", from `HALF` on it may become one, and the lamp asks for one more swing.

What a "no" can't be is not judged: a head that hardly turned in the last second, that could
not be measured while it turned, or of somebody who sways far more than the head turns. Where a
head could be measured poorly, sways as much as it turns, or was covered for a while, the network
must be the surer. A glance is half of a "no" at most: a head that only turned and turned back, or
that was held at the side between its two turns.

Where the limits come from, and what they cost and give: docs/head-shake.md.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from maskcam.people.shake_network import SPAN_S, ShakeNetwork
from maskcam.records import HeadMotion, HeadShake

Floats = NDArray[np.float64]

NO: Final = 1.0  # log odds
HALF: Final = -1.0
AVERAGED_S: Final = 0.2
EVERY_S: Final = 0.06  # a network that sees 20 steps per second need not judge more often
RECENT_S: Final = 1.0  # in this time it is seen what a "no" can't be
LEAST: Final = 0.12  # head heights turned to and fro; 20 degrees are about 0.14
QUALITY: Final = 0.35  # mean over the frames, which count as much as the face moved
SWAY: Final = 2.5  # travel of the head to and fro, of the turn
POOR_QUALITY: Final = 0.6  # below it, and from as much sway as turn on, the evidence is poor
POOR_SWAY: Final = 1.0
POOR: Final = 1.0  # log odds that poor evidence must have more
COVERED: Final = 0.25  # of the recent frames: something is before the face
COVERED_LACKS: Final = 3.0  # log odds; a hand that comes and goes looks as if a head turned
BACK: Final = 0.2  # of the whole extent: turning back by less ends no swing
BACK_LEAST: Final = 0.015  # head heights
BEYOND: Final = 1.25  # of the first swing: coming back so far is a second one
FEW: Final = 3  # swings, the first and last of which may be small; with more it is no glance
HELD_S: Final = 0.36  # at the side, until a quarter of the turn back is done
HELD: Final = 3.2  # times as long as the middle half of a turn; 2.0 for a sine
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
        lack = _lack(recent)
        odds = _UNJUDGED if lack is None else self._network.log_odds(self._motions) - lack
        if odds > HALF and _is_glance(self._motions):
            odds = HALF
        self._judged.append((at_s, odds))
        while len(self._judged) > 2 and at_s - self._judged[0][0] > AVERAGED_S:
            self._judged.popleft()

    def _forget(self) -> None:
        self._motions.clear()
        self._judged.clear()


def _lack(recent: Sequence[HeadMotion]) -> float | None:
    """Returns the log odds that the evidence lacks; None if it can't be a "no".

    It can't be one if the head hardly turned, could not be measured while it did, or just sways.
    """
    turns = [abs(motion.yaw) for motion in recent]
    turned = sum(turns)
    if turned < LEAST:
        return None
    measured = sum([size * motion.quality for size, motion in zip(turns, recent, strict=True)])
    travels = [motion.travel for motion in recent]
    on = fmean(travels)
    swayed = sum([abs(travel - on) for travel in travels])
    if measured < QUALITY * turned or swayed > SWAY * turned:
        return None
    covered = [motion.in_view is not None and motion.in_view < 0 for motion in recent]
    if sum(covered) >= COVERED * len(recent):
        return COVERED_LACKS
    return POOR if measured < POOR_QUALITY * turned or swayed > POOR_SWAY * turned else 0.0


def _is_glance(motions: Collection[HeadMotion]) -> bool:
    """Returns whether a head did no more than to turn, perhaps stay there, and turn back.

    Whoever walks past turns on all the while: shakes then hardly turn back, and glances do more
    than to return. So the swings are counted less that drift, too.
    """
    at_s = np.array([motion.at_s for motion in motions])
    path = np.cumsum([motion.yaw for motion in motions])
    steady = _without_drift(at_s, path)
    turns = _turns(steady)
    if len(turns) > FEW + 1:
        return False
    return _returns(at_s, steady, turns) or _returns(at_s, path, _turns(path))


def _returns(at_s: Floats, path: Floats, turns: Sequence[int]) -> bool:
    """Returns whether a path goes to the side and comes back, or stays there in between."""
    sizes = [abs(path[b] - path[a]) for a, b in pairwise(turns)]
    if len(sizes) < 2 or (len(sizes) == 2 and sizes[1] < BEYOND * sizes[0]):
        return True
    return len(sizes) <= FEW and _is_held(at_s, path, turns)


def _turns(path: Floats) -> list[int]:
    return turning_points(path.tolist(), max(BACK_LEAST, BACK * float(np.ptp(path))))


def _without_drift(at_s: Floats, path: Floats) -> Floats:
    """Returns a path less its median slope (Theil 1950, Sen 1968)."""
    one, other = np.triu_indices(len(at_s), 1)
    spans_s = at_s[other] - at_s[one]
    slopes = (path[other] - path[one])[spans_s > 0] / spans_s[spans_s > 0]
    slope = float(np.median(slopes)) if len(slopes) else 0.0
    return np.asarray(path - slope * (at_s - at_s[0]))


def _is_held(at_s: Floats, path: Floats, turns: Sequence[int]) -> bool:
    """Returns whether a head stayed at the side between its two widest turns."""
    widest = max(
        range(1, len(turns) - 1),
        key=lambda i: sum(abs(path[turns[i]] - path[turns[j]]) for j in (i - 1, i + 1)),
    )
    before, side, after = turns[widest - 1 : widest + 2]
    there = _quarters_s(at_s[before : side + 1][::-1], path[before : side + 1][::-1])
    back = _quarters_s(at_s[side : after + 1], path[side : after + 1])
    held_s = there[0] + back[0]
    return held_s > HELD_S and held_s > HELD * min(there[1] - there[0], back[1] - back[0])


def _quarters_s(at_s: Floats, path: Floats) -> tuple[float, float]:
    """Returns how far from the first time a quarter of a path is done, and three quarters."""
    done = np.maximum.accumulate(np.abs(path - path[0]))
    quarter, three = np.interp((0.25 * done[-1], 0.75 * done[-1]), done, np.abs(at_s - at_s[0]))
    return float(quarter), float(three)


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
