"""How sure a share is. Pure formulas, each with its source."""

from __future__ import annotations

from functools import lru_cache
from math import exp, sqrt
from typing import NamedTuple

Z95 = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""
_Z2 = Z95 * Z95
FEW = 30
"""Below so many judged passages no share is shown, only that there are too few."""
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


@lru_cache(maxsize=256)
def noise_variance(epsilon: float | None) -> float:
    """Returns the variance of the noise in one published number: discrete Laplace; None: exact.

    Inusah and Kozubowski 2006, J. Stat. Plan. Inference 136:1090.
    """
    if epsilon is None:
        return 0.0
    q = exp(-epsilon)
    return 2 * q / (1 - q) ** 2


def share(
    successes: int, trials: int, *, variance: float = 0.0, right: float = 1.0
) -> Interval | None:
    """Returns a share with its score interval, or None without trials.

    The limits are the shares p at which `successes - p trials` lies 1.96 of its standard
    deviations from 0. Its variance is that of chance, p (1 - p) trials, and that of the noise:
    (1 - p)^2 of the successes and p^2 of each of the two other states. Without noise this is
    the interval of Wilson (1927, J. Am. Stat. Assoc. 22:209); with it, that of a ratio
    (Fieller 1954, J. R. Stat. Soc. B 16:175). It takes passages as independent; people who
    come together are not, so the truth is a little less sure.

    Of the masked and of the unmasked any part from `right` to 1 may be recognised, each on its
    own; the limits are those of the two corners (Rogan and Gladen 1978, Am. J. Epidemiol. 107:71).

    Args:
        successes: the passages with a mask worn properly.
        trials: all of which the mask was judged: successes and two other states.
        variance: of the noise in each of the three.
        right: the part of the masked, and of the unmasked, that is recognised at least.
    """
    if trials <= 0:
        return None
    noise = _Z2 * variance
    square = trials * trials + _Z2 * trials - 3 * noise
    middle = successes * trials + _Z2 / 2 * trials - noise
    inside = middle * middle - square * (successes * successes - noise)
    value = successes / trials
    if not 0.0 <= value <= 1.0:
        value = 0.0 if value < 0.0 else 1.0
    if square <= 0 or inside < 0:
        return Interval(0.0, value, 1.0)  # the noise is as large as the numbers
    half = sqrt(inside)
    low, high = (middle - half) / square, (middle + half) / square
    if right < 1.0:
        low, high = (low - (1.0 - right)) / right, high / right
    if not 0.0 <= low <= value <= high <= 1.0:
        low, high = min(value, max(0.0, low)), max(value, min(1.0, high))
    return Interval(low, value, high)


def difference(now: Interval, before: Interval) -> Interval:
    """Returns `now` minus `before` with its interval (Newcombe 1998, Stat. Med. 17:873, no. 10)."""
    value = now.value - before.value
    down = sqrt((now.value - now.low) ** 2 + (before.high - before.value) ** 2)
    up = sqrt((now.high - now.value) ** 2 + (before.value - before.low) ** 2)
    return Interval(value - down, value, value + up)
