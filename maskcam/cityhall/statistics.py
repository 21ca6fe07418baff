"""How sure a share is. Pure formulas, each with its source."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

Z95 = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""
FEW = 30
"""Below so many judged passages no share is told, only that there are too few."""
ROUGH_WIDTH = 0.10
"""From this width of its interval on, a share is called rough."""


class Interval(NamedTuple):
    """An estimate with the limits of its 95 % confidence interval."""

    low: float
    value: float
    high: float

    @property
    def width(self) -> float:
        """Distance between the limits."""
        return self.high - self.low


def share(successes: int, trials: int) -> Interval | None:
    """Returns a share with its Wilson score interval, or None without trials.

    It stays within 0..1 and is right for small numbers, where the usual one is not
    (Wilson 1927, J. Am. Stat. Assoc. 22:209). It takes passages as independent;
    people who come together are not, so the truth is a little less sure.
    """
    if trials == 0:
        return None
    p, z2 = successes / trials, Z95 * Z95
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 * sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return Interval(max(0.0, middle - half), p, min(1.0, middle + half))


def difference(now: Interval, before: Interval) -> Interval:
    """Returns `now` minus `before` with its interval (Newcombe 1998, Stat. Med. 17:873, no. 10)."""
    value = now.value - before.value
    down = sqrt((now.value - now.low) ** 2 + (before.high - before.value) ** 2)
    up = sqrt((now.high - now.value) ** 2 + (before.value - before.low) ** 2)
    return Interval(value - down, value, value + up)
