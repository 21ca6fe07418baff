"""An audit: a million windows of each of two neighbouring streets, and what distinguishes them.

Differential privacy says that no output is more than e^epsilon times as likely on one street
as on its neighbour. Measured is the log ratio of each output that is common enough, with its
99 % interval for all outputs together (normal, Bonferroni). The exact ratio of this noise is
epsilon itself, so the measured ones lie around it: none may lie above by more than chance.
"""

from __future__ import annotations

import math
import os
import random
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import opendp.prelude as opendp
import pytest
from scipy.stats import chi2_contingency, chisquare, norm

from maskcam.people.noise import draw_noise
from maskcam.people.windows import WindowRules
from maskcam.records import MaskState, WindowKind
from tests.people.neighbours import OTHERS, passages_of, publish

WINDOWS = int(os.environ.get("AUDIT_WINDOWS", "1000000"))
COMMON = 400
Numbers = Counter[int]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def source(seed: int):
    uniform = random.Random(seed).random
    return lambda number: int(uniform() * number)


@cache
def histograms(states, seed) -> dict[tuple[WindowKind, MaskState], Numbers]:
    """Returns how often each number was published, of each kind of window and state."""
    found: dict[tuple[WindowKind, MaskState], Numbers] = defaultdict(Counter)
    for _, one in publish(passages_of(states), windows=WINDOWS, random_below=source(seed)):
        for state in MaskState:
            found[one.kind, state][getattr(one, state.value)] += 1
    return found


def log_ratios(one: Numbers, other: Numbers) -> list[tuple[float, float]]:
    """Returns log ratio and half the width of its 99 % interval, of each common output."""
    outputs = [k for k in one.keys() | other.keys() if min(one[k], other[k]) >= COMMON]
    z = norm.ppf(1 - 0.01 / (2 * 2 * len(outputs)))
    return [
        (abs(math.log(one[k] / other[k])), z * math.sqrt(1 / one[k] + 1 / other[k]))
        for k in outputs
    ]


def assert_private(one: Numbers, other: Numbers, epsilon: float, record_property) -> None:
    ratios = log_ratios(one, other)
    worst, half = max(ratios)
    common = max(ratios, key=lambda pair: -pair[1])
    record_property("windows", WINDOWS)
    record_property("largest_log_ratio", round(worst, 4))
    record_property("of_the_commonest_output", f"{common[0]:.4f} +- {common[1]:.4f}")
    assert all(ratio - width <= epsilon for ratio, width in ratios), (worst, half)
    assert common[1] <= 0.03 * math.sqrt(1e6 / WINDOWS), "the audit is too coarse to say anything"
    assert worst > 0.5 * epsilon, "neighbours that do not differ prove nothing"


@pytest.mark.parametrize("state", list(MaskState))
def test_with_and_without_one_person(state, record_property):
    """The second street has one person more of each state: the four noises are independent."""
    without, having = histograms(OTHERS, 1), histograms((*OTHERS, *MaskState), 2)
    key = WindowKind.COUNT, state
    assert_private(without[key], having[key], 1.0, record_property)


def test_whoever_objects_is_as_if_never_there():
    """So the street with an objection and the one without that person are one and the same."""
    for state in MaskState:
        street = (*OTHERS, state)
        objected = passages_of(street, objecting=len(OTHERS))
        assert [passage.state for passage in objected] == list(OTHERS)
        assert objected == passages_of(OTHERS)
        assert len(passages_of(street)) == len(OTHERS) + 1


def test_sums_are_unbiased(record_property):
    found = histograms(OTHERS, 1)
    for state, exact in zip(MaskState, (2, 1, 0, 0), strict=True):
        numbers = found[WindowKind.COUNT, state]
        mean = sum(k * n for k, n in numbers.items()) / numbers.total()
        half = 2.58 * math.sqrt(1.842 / numbers.total())
        record_property(f"mean_error_{state.value}", f"{mean - exact:+.5f} +- {half:.5f}")
        assert abs(mean - exact) <= 1.5 * half
    hours = found[WindowKind.HOUR, MaskState.WITH_MASK]
    mean = sum(k * n for k, n in hours.items()) / hours.total()
    assert mean == pytest.approx(120, abs=0.2 + 60 * 60 / hours.total())


@pytest.mark.parametrize(("epsilon", "seed"), [(0.1, 1), (0.1, 2), (1.0, 10), (4.0, 40)])
def test_the_sampler_fits_the_formula(epsilon, seed, record_property):
    draws = WINDOWS // 2
    below = source(seed)
    found = Counter(draw_noise(epsilon, below) for _ in range(draws))
    q = math.exp(-epsilon)
    usual = [k for k in range(-400, 401) if draws * (1 - q) / (1 + q) * q ** abs(k) >= 10]
    expected = [draws * (1 - q) / (1 + q) * q ** abs(k) for k in usual]
    seen = [found[k] for k in usual]
    rest = (draws - sum(seen), draws - sum(expected))
    p_value = chisquare([*seen, rest[0]], [*expected, rest[1]]).pvalue
    record_property("p_value", f"{p_value:.3f} of {draws} draws")
    assert p_value > 1e-4


@pytest.mark.parametrize("epsilon", [0.5, 1.0])
def test_the_sampler_fits_that_of_opendp(epsilon, record_property):
    """Two independent implementations: their samples come from one distribution."""
    opendp.enable_features("contrib")
    space = opendp.vector_domain(opendp.atom_domain(T=int)), opendp.l1_distance(T=int)
    draws = WINDOWS // 5
    theirs = Counter(opendp.m.make_laplace(*space, scale=1 / epsilon)([0] * draws))
    below = source(77)
    ours = Counter(draw_noise(epsilon, below) for _ in range(draws))
    keys = sorted(k for k in ours.keys() | theirs.keys() if min(ours[k], theirs[k]) >= 5)
    table = np.array([[ours[k] for k in keys], [theirs[k] for k in keys]], dtype=float)
    p_value = chi2_contingency(table).pvalue
    record_property("p_value", f"{p_value:.3f} of {draws} draws each")
    assert p_value > 1e-4


def test_a_stronger_setting_is_audited_as_such(record_property):
    """The audit can fail: noise of epsilon 2 does not pass for noise of epsilon 1."""
    rules = WindowRules(epsilon_minute=2.0)
    key = MaskState.UNCLEAR.value
    found = []
    for states, seed in ((OTHERS, 21), ((*OTHERS, MaskState.UNCLEAR), 22)):
        passages = passages_of(states)
        street = publish(passages, windows=WINDOWS // 10, random_below=source(seed), rules=rules)
        found.append(
            Counter(getattr(one, key) for _, one in street if one.kind is WindowKind.COUNT)
        )
    with pytest.raises(AssertionError):
        assert_private(found[0], found[1], 1.0, record_property)
