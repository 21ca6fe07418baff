"""What the network of the head shake learns from, beside clips."""

from __future__ import annotations

import numpy as np

from maskcam.people.shake_network import INPUTS, STEPS
from training.head_shake import Examples, with_nods


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
