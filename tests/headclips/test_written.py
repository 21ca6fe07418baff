"""Motions that are written down, from which the network of the head shake learns, too."""

from __future__ import annotations

import numpy as np
import pytest

from headclips.written import write_motions


def _path(signal, field):
    return np.cumsum([getattr(motion, field) for motion in signal.motions])


@pytest.fixture(scope="module")
def signals():
    return list(write_motions(400, seed=1))


def test_a_seed_says_what_is_written(signals):
    assert list(write_motions(20, seed=1)) == signals[:20]
    assert list(write_motions(20, seed=2)) != signals[:20]


def test_more_than_a_third_are_shakes_and_they_turn_as_their_facts_say(signals):
    shakes = [signal for signal in signals if signal.facts["label"] == "shake"]
    assert 0.33 < len(shakes) / len(signals) < 0.48
    for signal in shakes:
        facts = signal.facts
        at_s = np.array([motion.at_s for motion in signal.motions])
        ends_s = facts["start_s"] + (facts["swings"] + 0.8) * 0.5 / facts["hz"]
        during = (at_s >= facts["start_s"]) & (at_s <= ends_s)
        if ends_s > at_s[-1]:
            continue  # the clip ends before it
        turned = np.abs(np.diff(_path(signal, "yaw")[during])).sum()
        swings = 0.0052 * facts["degrees"] * facts["swings"]
        assert turned > (0.35 if facts["fps"] < 15 or facts["hz"] > 2.5 else 0.6) * swings
        turned_before = np.abs(np.diff(_path(signal, "yaw")[at_s < facts["start_s"] - 0.05])).sum()
        assert turned_before < max(turned, 0.3)


def test_some_are_without_errors_and_some_are_not(signals):
    clean = [s for s in signals if all(motion.quality == 1 for motion in s.motions[1:])]
    assert 0.3 < len(clean) / len(signals) < 0.6
    still = [s for s in clean if np.ptp(_path(s, "roll")) == np.ptp(_path(s, "pitch")) == 0]
    assert still
    assert all(signal.motions[0].quality == 0 for signal in signals)


def test_time_goes_on_from_frame_to_frame(signals):
    for signal in signals:
        gaps_s = np.diff([motion.at_s for motion in signal.motions])
        assert gaps_s.min() > 0.5 / signal.facts["fps"]
        assert gaps_s.max() < 1.5 / signal.facts["fps"]
