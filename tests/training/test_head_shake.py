"""What the network of the head shake learns from, beside clips."""

from __future__ import annotations

import numpy as np

from headclips.written import write_motions
from maskcam.people.shake_network import INPUTS, STEPS
from training.head_shake import Examples, at_other_speeds, with_nods


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
