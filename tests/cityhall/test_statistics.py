"""The intervals of shares hold the noise of the counts, not only chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from maskcam.cityhall.statistics import noise_variance, share

SIMULATED = 4000


def noise(chance: np.random.Generator, epsilon: float, number: int) -> np.ndarray:
    part = 1 - math.exp(-epsilon)
    return chance.geometric(part, number) - chance.geometric(part, number)


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0, 4.0])
def test_the_variance_is_that_of_the_noise(epsilon: float) -> None:
    drawn = noise(np.random.default_rng(1), epsilon, 400_000)
    assert noise_variance(epsilon) == pytest.approx(drawn.var(), rel=0.03)
    assert noise_variance(None) == 0


@pytest.mark.parametrize("true_share", [0.3, 0.6, 0.85])
@pytest.mark.parametrize("people", [10, 30, 60, 200, 700])
def test_19_of_20_intervals_of_an_hour_hold_the_true_share(people: int, true_share: float) -> None:
    chance = np.random.default_rng([people, round(100 * true_share)])
    arrived = chance.poisson(people, SIMULATED)
    masked = chance.binomial(arrived, true_share)
    incorrect = chance.binomial(arrived - masked, 0.1)
    bare = arrived - masked - incorrect
    shown = [state + noise(chance, 1.0, SIMULATED) for state in (masked, bare, incorrect)]
    inside = 0
    for with_mask, *others in zip(*(state.tolist() for state in shown), strict=True):
        found = share(with_mask, with_mask + sum(others), variance=noise_variance(1.0))
        inside += found is None or found.low <= true_share <= found.high
    assert 0.93 <= inside / SIMULATED <= 0.97


def test_noise_as_large_as_the_numbers_says_nothing() -> None:
    found = share(1, 2, variance=noise_variance(1.0))
    assert found is not None
    assert (found.low, found.high) == (0, 1)
    assert share(3, -1, variance=1.84) is None
    assert share(-2, 40, variance=1.84).value == 0  # type: ignore[union-attr]
