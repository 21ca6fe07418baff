"""The attacks on single people that earlier rules fell to, against what is published now.

An attacker who knows all other passers-by, and even sends them, bets after each window. What
epsilon allows: of two equally likely cases, the right one in e^eps / (1 + e^eps) of the bets.
"""

from __future__ import annotations

import math
import random

import pytest

from maskcam.delivery.wire import COUNT_BYTES, encode_count
from maskcam.people.windows import WindowRules
from maskcam.records import MaskState, MinuteCount, WindowKind
from tests.people.neighbours import OTHERS, passages_of, publish

TRIALS = 4000
DECOYS = (MaskState.WITH_MASK,) * 4
VICTIM = MaskState.WITHOUT_MASK


def allowed(epsilon: float) -> float:
    return math.exp(epsilon) / (1 + math.exp(epsilon))


def published(states, seed, *, objecting=None, rules=None, windows=TRIALS):
    passages = passages_of(states, objecting=objecting)
    below = random.Random(seed).randrange
    return list(publish(passages, windows=windows, random_below=below, rules=rules))


def numbers(found, kind: WindowKind, state: MaskState) -> list[int]:
    values = [getattr(one, state.value) for _, one in found if one.kind is kind]
    return [value for value in values if value is not None]


def best_bet(without: list[int], having: list[int]) -> float:
    """The share of right bets of the best rule of the kind "from this number on, the person"."""
    return max(
        (sum(n < limit for n in without) + sum(n >= limit for n in having))
        / (len(without) + len(having))
        for limit in range(min(without), max(having) + 2)
    )


def spread(trials: int) -> float:
    """Three standard deviations of a share of bets."""
    return 3 * math.sqrt(0.25 / trials)


def test_a_lone_person_among_the_attackers_own_decoys_is_hidden():
    """Once: four decoys with masks made the minute of a fifth person publishable."""
    rules = WindowRules.preset("standard", epsilon_minute=1.0)
    empty = published(DECOYS, 1, rules=rules)
    passed = published((*DECOYS, VICTIM), 2, rules=rules)
    success = best_bet(*(numbers(found, WindowKind.COUNT, VICTIM) for found in (empty, passed)))
    assert success <= allowed(1.0) + spread(2 * TRIALS)
    assert success > 0.5  # and so says something: this is the optimal bet
    known = numbers(passed, WindowKind.COUNT, MaskState.WITH_MASK)
    assert sum(known) / len(known) == pytest.approx(4, abs=0.15)


def test_an_objection_of_a_person_known_to_have_passed_is_hidden():
    """Once: a withheld window in place of a published one said that this person had objected."""
    counted = published((*DECOYS, VICTIM), 3)
    objected = published((*DECOYS, VICTIM), 4, objecting=len(DECOYS))
    assert sum(one.people is None for _, one in objected) == 0
    success = best_bet(*(numbers(found, WindowKind.COUNT, VICTIM) for found in (objected, counted)))
    assert success <= allowed(1.0) + spread(2 * TRIALS)


def test_the_mask_of_a_person_known_to_have_passed_is_hidden_half_as_well():
    """Two numbers tell of it: one has the person more, the other the person less."""

    def share(state: MaskState, seed: int) -> float:
        """Returns how often both numbers speak for a person without a mask."""
        found = published((*DECOYS, state), seed)
        pairs = zip(
            numbers(found, WindowKind.COUNT, MaskState.WITH_MASK),
            numbers(found, WindowKind.COUNT, MaskState.WITHOUT_MASK),
            strict=True,
        )
        return sum(a <= len(DECOYS) and b >= 1 for a, b in pairs) / TRIALS

    ratio = math.log(share(MaskState.WITHOUT_MASK, 6) / share(MaskState.WITH_MASK, 7))
    assert ratio == pytest.approx(2.0, abs=0.25)  # docs/privacy/law.md: e^2 epsilon


def test_a_minute_and_its_hour_together_allow_what_their_epsilons_add_up_to():
    """The hour beside the minute is a second look at the same person."""
    rules = WindowRules(minutes=1)
    sums: dict[bool, list[int]] = {False: [], True: []}
    for passes in sums:
        states = (*DECOYS, VICTIM) if passes else DECOYS
        below = random.Random(5 + passes).randrange
        for _ in range(TRIALS // 4):  # a unit that counts for one minute of an hour
            found = list(publish(passages_of(states), windows=1, random_below=below,
                                 rules=rules, stop=True))  # fmt: skip
            sums[passes].append(sum(getattr(one, VICTIM.value) for _, one in found))
            assert len(found) == 2
    success = best_bet(sums[False], sums[True])
    assert success <= allowed(2.0) + spread(TRIALS // 2)


def shape(one: MinuteCount) -> tuple[object, ...]:
    """All of a message but its four numbers."""
    return one.kind, one.run, one.start, one.minutes, one.observed_s, one.epsilon


@pytest.mark.parametrize("preset", ["standard", "decree"])
def test_who_passes_decides_neither_when_nor_what_length_a_window_has(preset):
    """Once: a merged window ended in the very minute in which the threshold was reached."""
    rules = WindowRules.preset(preset)
    streets = [(), OTHERS, (*OTHERS, VICTIM), DECOYS * 3]
    found = [published(states, 9, rules=rules, windows=300) for states in streets]
    sent = [[(at_s, shape(one)) for at_s, one in street] for street in found]
    assert sent[0] == sent[1] == sent[2] == sent[3]


def test_the_length_and_the_time_of_10_000_messages_do_not_depend_on_the_counts():
    lengths, times = set(), []
    for states, epsilon in (((), 0.1), (DECOYS * 20, 0.1)):
        rules = WindowRules(epsilon_minute=epsilon, epsilon_hour=epsilon)
        street = published(states, 11, rules=rules, windows=5000)
        lengths |= {len(encode_count(one, site="s", unit="u")) for _, one in street}
        times.append([at_s for at_s, _ in street])
    assert lengths == {COUNT_BYTES}
    assert times[0] == times[1]
    assert len(times[0]) >= 5000
