"""The network's input, and that of a mirrored motion."""

import math

import numpy as np
import pytest

from maskcam.people.shake_network import (
    INPUTS,
    STEPS,
    SUMMARIES,
    Layer,
    ShakeNetwork,
    describe_motion,
    mirrored,
    summarise,
)
from maskcam.records import HeadMotion


def motions(fps, *, side=1, travel=0.0, seconds=2.0):
    """Returns a shake of 2 Hz and 0.2 head heights that also tilts and walks on."""

    def path(at_s):
        return side * 0.1 * math.sin(4 * math.pi * at_s)

    found = []
    for number in range(int(seconds * fps) + 1):
        at_s, before_s = number / fps, (number - 1) / fps
        yaw = path(at_s) - path(before_s) if number else 0.0
        found.append(HeadMotion(at_s, yaw, 0.01 * at_s, 0.9, 0.2 * yaw, travel / fps))
    return found


def test_any_frame_rate_gives_the_same_picture_of_a_motion():
    coarse, fine = (describe_motion(motions(fps)) for fps in (20, 60))
    assert coarse.shape == fine.shape == (INPUTS,)
    assert coarse[:STEPS] == pytest.approx(fine[:STEPS], abs=0.02)
    assert coarse[-1] == pytest.approx(0.5, rel=0.01)


def test_walking_on_steadily_is_no_swaying():
    still, walking = (describe_motion(motions(30, travel=v)) for v in (0.0, 1.0))
    assert walking == pytest.approx(still, abs=1e-4)


def test_a_mirrored_motion_has_mirrored_inputs_and_the_same_summary():
    left, right = (describe_motion(motions(30, side=side)) for side in (-1, 1))
    assert mirrored(left) == pytest.approx(right, abs=1e-5)
    summaries = summarise(np.stack([left, right]))
    assert summaries.shape == (2, SUMMARIES)
    assert np.isfinite(summaries).all()
    assert summaries[0] == pytest.approx(summaries[1], abs=1e-4)


def test_a_head_that_does_not_move_has_a_finite_summary():
    assert np.isfinite(summarise(np.zeros((1, INPUTS), np.float32))).all()


def test_the_odds_are_the_mean_of_a_motion_and_its_mirror_image():
    rng = np.random.default_rng(0)
    layer = Layer(
        rng.normal(0, 1, (INPUTS + SUMMARIES, 1)).astype(np.float32), np.zeros(1, np.float32)
    )
    one = np.ones(SUMMARIES, np.float32)
    network = ShakeNetwork([layer], mean=0 * one, spread=one)
    left, right = (network.log_odds(motions(30, side=side)) for side in (-1, 1))
    assert left == pytest.approx(right, abs=1e-4)
