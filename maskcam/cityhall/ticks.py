"""Round numbers for the axes of charts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from maskcam.cityhall.statistics import Interval


def nice_ticks(highest: float) -> list[int]:
    """Returns 3 to 6 round numbers from 0 to at least `highest`."""
    if highest <= 4:
        return [0, 1, 2, 3, 4]
    rough = highest / 4
    power = 10 ** floor(log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough and s * power % 1 == 0)
    return [int(i * step) for i in range(ceil(highest / step) + 1)]


def share_ticks(intervals: Sequence[Interval]) -> list[int]:
    """Returns per cents for an axis that shows how shares differ: at least 20 points apart."""
    if not intervals:
        return [0, 25, 50, 75, 100]
    low = floor(10 * min(i.low for i in intervals))
    high = ceil(10 * max(i.high for i in intervals))
    while high - low < 2:
        low, high = max(0, low - 1), min(10, high + 1)
    step = 5 if high - low <= 2 else 10 if high - low <= 6 else 20
    first = 10 * low // step * step
    return list(range(first, 10 * high + step if 10 * high % step else 10 * high + 1, step))


def round_down(most: float) -> int:
    """Returns the largest of 1, 2, 5, 10, 20, ... that is no more than `most`, 1 or more."""
    power: int = 10 ** floor(log10(most))
    return next(digit * power for digit in (5, 2, 1) if digit * power <= most)
