"""The noise is discrete Laplace, exactly, and needs nothing but uniform integers."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from fractions import Fraction

import pytest
from scipy.stats import chisquare

from maskcam.people.noise import draw_noise

DRAWN = 60_000


@pytest.mark.parametrize("epsilon", [0.1, 0.35, 1.0, 2.5, 4.0])
def test_it_fits_the_formula(epsilon):
    below = random.Random(round(100 * epsilon)).randrange
    found = Counter(draw_noise(epsilon, below) for _ in range(DRAWN))
    q = math.exp(-epsilon)
    share = {k: (1 - q) / (1 + q) * q ** abs(k) for k in range(-400, 401)}
    usual = [k for k in share if DRAWN * share[k] >= 5]
    expected = [DRAWN * share[k] for k in usual]
    seen = [found[k] for k in usual]
    rest = DRAWN - sum(seen)
    assert chisquare([*seen, rest], [*expected, DRAWN - sum(expected)]).pvalue > 1e-4


class Chance:
    """Follows every path of a sampler that its random integers can take, with its probability."""

    def __init__(self, path):
        self.path, self.probability = list(path), Fraction(1)

    def __call__(self, number):
        if not self.path:
            raise StopIteration(number)
        self.probability /= number
        return self.path.pop(0)


def test_it_is_exact_path_by_path():
    """No seed: all paths of up to nine integers, at epsilon 1; what is left is bounded."""
    found: dict[int, Fraction] = defaultdict(Fraction)
    left, paths = Fraction(0), list[tuple[int, ...]]([()])
    while paths:
        path = paths.pop()
        chance = Chance(path)
        try:
            found[draw_noise(1.0, chance)] += chance.probability
        except StopIteration as more:
            if len(path) == 9:
                left += chance.probability
            else:
                paths += [(*path, value) for value in range(more.args[0])]
    assert sum(found.values()) + left == 1
    q = math.exp(-1)
    for k in range(-2, 3):
        exact = (1 - q) / (1 + q) * q ** abs(k)
        assert float(found[k]) <= exact <= float(found[k] + left)
        assert found[k] == found[-k]


def test_it_asks_for_uniform_integers_only():
    asked = []
    source = random.Random(5)

    def below(number):
        asked.append(number)
        return source.randrange(number)

    assert isinstance(draw_noise(0.1, below), int)
    assert all(isinstance(number, int) for number in asked)


@pytest.mark.parametrize(("people", "hours", "percent"), [(700, 1, 1.0), (60, 10, 3.0)])
def test_a_busy_hour_and_a_quiet_day_are_right_as_promised(people, hours, percent):
    """docs/privacy/accuracy.md: the median error of all people, four numbers per hour."""
    below = random.Random(people).randrange
    errors = [abs(sum(draw_noise(1.0, below) for _ in range(4 * hours))) for _ in range(400)]
    assert 100 * sorted(errors)[200] / (people * hours) <= percent
