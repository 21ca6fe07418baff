"""Discrete Laplace noise, drawn exactly over integers: P(k) is proportional to exp(-epsilon |k|).

Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", NeurIPS 2020,
algorithms 1 and 2.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

RandomBelow = Callable[[int], int]
"""Returns a uniform integer from 0 to before its argument, such as `secrets.randbelow`."""


def draw_noise(epsilon: float, random_below: RandomBelow) -> int:
    """Returns one draw; epsilon, above 0, is taken as the decimal number that it is written as."""
    over, under = Fraction(str(epsilon)).as_integer_ratio()
    while True:
        part = random_below(under)
        if not _happens(part, under, random_below):
            continue
        whole = 0
        while _happens(1, 1, random_below):
            whole += 1
        size = (part + under * whole) // over
        negative = random_below(2) == 1
        if negative and size == 0:
            continue  # zero would come twice as often
        return -size if negative else size


def _happens(over: int, under: int, random_below: RandomBelow) -> bool:
    """Returns True with probability exp(-over / under), for a ratio of 0 to 1."""
    trials = 1
    while random_below(under * trials) < over:
        trials += 1
    return trials % 2 == 1
