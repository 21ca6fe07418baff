"""The rules that recognised a "no" before the network: what it is compared with in the report.

A "no" is a row of quick, wide, alternating swings to the sides. The turns of the head are
added up to a path, which is cut where it turns back. Three swings in a row are a "no" when

- each is at least `LEAST`, two of them are `WIDE`, all three together `TOGETHER`; none is
  wider than `WIDEST`, nor by `EVEN` wider than the next;
- their middles follow each other within `APART_S`;
- the path up and down is shorter than that across, and so is what tilting explains;
- the path of the whole head to and fro is not far longer than that across;
- the face could be measured where it went far, and was found again in every frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import accumulate, pairwise
from statistics import fmean
from typing import Final

from maskcam.people.headshake import turning_points
from maskcam.records import HeadMotion, HeadShake

HISTORY_S: Final = 3.0
SWINGS: Final = 3

# In head heights; 20 degrees are about 0.18, or 0.14 in boxes that take in the hair.
TURNS_BACK: Final = 0.035  # turning back by less does not end a swing
LEAST: Final = 0.055
WIDE: Final = 0.11
TOGETHER: Final = 0.32
WIDEST: Final = 0.72
EVEN: Final = 2.5
EDGE: Final = 0.1  # of the outer swings, that may be the rest before and after

APART_S: Final = (0.11, 0.52)
DOWN: Final = 0.9  # of the path across
TILT: Final = 0.21  # of the path across
FROM_ABOVE: Final = 0.6  # of a turn, seen as a tilt the other way from a camera above
SWAY: Final = 1.7  # of the path across
NOD: Final = 0.04  # up and down by less is trembling
LEAN: Final = 0.01  # and so is a tilt of less
QUALITY: Final = 0.5  # mean over the path across


class RuleRecogniser:
    """Watches one track and says when it shook the head, once per row of swings.

    Args:
        size: multiplies the lengths demanded; larger finds fewer shakes and fewer false ones.
    """

    def __init__(self, *, size: float = 1.0) -> None:
        self._size = size
        self._motions: deque[HeadMotion] = deque()

    def update(self, motion: HeadMotion) -> HeadShake | None:
        """Takes the motion since the frame before; returns a head shake once it is complete."""
        if motion.quality == 0:
            self._motions.clear()  # what led here is unknown
        self._motions.append(motion)
        while motion.at_s - self._motions[0].at_s > HISTORY_S:
            self._motions.popleft()
        confidence = self._confidence()
        if confidence is None:
            return None
        self._motions.clear()
        return HeadShake(motion.at_s, confidence)

    def _confidence(self) -> float | None:
        """Returns how sure the last three swings are a "no", or None where they are not."""
        motions = list(self._motions)
        path = list(accumulate(motion.yaw for motion in motions))
        turns = turning_points(path, TURNS_BACK * self._size)[-SWINGS - 1 :]
        if len(turns) <= SWINGS:
            return None
        sizes = [abs(path[b] - path[a]) / self._size for a, b in pairwise(turns)]
        across = sum(sizes)
        if min(sizes) < LEAST or sorted(sizes)[1] < WIDE or across < TOGETHER:
            return None
        if max(sizes) * self._size > WIDEST or max(sizes) > EVEN * sorted(sizes)[1]:
            return None
        middles = [_middle_s(motions, path, a, b) for a, b in pairwise(turns)]
        if not all(APART_S[0] <= b - a <= APART_S[1] for a, b in pairwise(middles)):
            return None

        first = _leaves(path, turns[0], turns[1])
        last = _leaves(path, turns[-1], turns[-2])
        row = motions[first : last + 1]
        down = _length([motion.pitch for motion in row], least=NOD)
        tilt = _length(_tilts(row), least=LEAN)
        far = across * self._size
        if down > DOWN * far or tilt > TILT * far or _sway(row[1:]) > SWAY * far:
            return None
        quality = _quality(row[1:])
        if quality < QUALITY:
            return None
        return quality * min(1.0, across / (2 * TOGETHER))


def _middle_s(motions: Sequence[HeadMotion], path: Sequence[float], first: int, last: int) -> float:
    """Returns when half of the swing from one turning point to the next was done."""
    half = (path[first] + path[last]) / 2
    side = path[last] > half
    after = next(i for i in range(last, first, -1) if (path[i - 1] > half) != side)
    part = (half - path[after - 1]) / (path[after] - path[after - 1])
    before_s = motions[after - 1].at_s
    return before_s + part * (motions[after].at_s - before_s)


def _leaves(path: Sequence[float], turn: int, other: int) -> int:
    """Returns where the path from one turning point to another has left the first."""
    step = 1 if other > turn else -1
    extreme, near = path[turn], EDGE * abs(path[other] - path[turn])
    while turn + step != other and abs(path[turn + step] - extreme) < near:
        turn += step
    return turn


def _tilts(row: Sequence[HeadMotion]) -> list[float]:
    """Returns the tilt of each frame, less what turning below the camera explains."""
    turned = sum(motion.yaw**2 for motion in row)
    against = -sum(motion.yaw * motion.roll for motion in row)
    share = min(max(against, 0.0), FROM_ABOVE * turned) / turned
    return [motion.roll + share * motion.yaw for motion in row]


def _sway(row: Sequence[HeadMotion]) -> float:
    """Returns how far the whole head went to and fro; walking on steadily is no swaying."""
    on = fmean(motion.travel for motion in row)
    return sum(abs(motion.travel - on) for motion in row)


def _quality(row: Sequence[HeadMotion]) -> float:
    """Returns the mean quality, in which frames count as much as the face moved."""
    across = [abs(motion.yaw) for motion in row]
    return sum(a * motion.quality for a, motion in zip(across, row, strict=True)) / sum(across)


def _length(steps: Sequence[float], *, least: float) -> float:
    """Returns how far a path went in all, without trembling of less than `least`."""
    path = list(accumulate(steps))
    return sum(abs(path[b] - path[a]) for a, b in pairwise(turning_points(path, least)))
