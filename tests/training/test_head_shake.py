"""What the network of the head shake learns from, beside clips."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from headclips.written import write_motions
from maskcam.people.shake_network import INPUTS, STEPS, SUMMARIES, Layer, ShakeNetwork
from training.head_shake import Examples, Trained, at_other_speeds, joined, with_nods


def test_a_shake_on_its_side_is_a_nod_and_no_shake():
    rng = np.random.default_rng(0)
    inputs = rng.normal(0, 0.1, (40, INPUTS)).astype(np.float32)
    inputs[:, :STEPS] *= 10  # they turn
    labels = np.arange(40) % 2
    both = with_nods(Examples(inputs, labels), rng)
    assert np.array_equal(both.inputs[:40], inputs)
    assert both.labels.tolist() == [*labels, *[0] * 20]
    nods = both.inputs[40:]
    assert np.array_equal(nods[:, STEPS : 2 * STEPS], inputs[labels == 1, :STEPS])
    assert np.array_equal(nods[:, 2 * STEPS :], inputs[labels == 1, 2 * STEPS :])
    turned = np.abs(nods[:, :STEPS]).sum() / np.abs(nods[:, STEPS : 2 * STEPS]).sum()
    assert 0.1 < turned < 0.5


def test_at_another_speed_a_motion_stays_as_large():
    signals = list(write_motions(60, seed=3))
    changed = at_other_speeds(signals, np.random.default_rng(0))
    slower = [after.motions[-1].at_s / before.motions[-1].at_s
              for before, after in zip(signals, changed, strict=True)]  # fmt: skip
    assert 0.8 <= min(slower) < 0.9 < 1.1 < max(slower) <= 1.25
    for before, after, factor in zip(signals, changed, slower, strict=True):
        assert [m.yaw for m in before.motions] == [m.yaw for m in after.motions]
        if before.facts["label"] == "shake":
            assert np.isclose(after.facts["hz"] * factor, before.facts["hz"])
            assert np.isclose(after.facts["start_s"], before.facts["start_s"] * factor)


def test_joined_networks_judge_by_their_mean():
    rng = np.random.default_rng(1)
    mean, spread = rng.normal(0, 1, (2, SUMMARIES)).astype(np.float32) ** 2
    sizes = (INPUTS + SUMMARIES, 9, 5, 1)
    networks = [Trained(_layers(rng, sizes), mean, spread) for _ in range(3)]
    for signal in write_motions(10, seed=4):
        of_each = [_log_odds(network, signal.motions) for network in networks]
        assert np.ptp(of_each) > 0.01
        assert np.isclose(_log_odds(joined(networks), signal.motions), np.mean(of_each), atol=1e-3)


def _layers(rng, sizes):
    return [Layer(*(rng.normal(0, 0.3, shape).astype(np.float32) for shape in ((a, b), b)))
            for a, b in pairwise(sizes)]  # fmt: skip


def _log_odds(network, motions):
    return ShakeNetwork(network.layers, mean=network.mean, spread=network.spread).log_odds(motions)
