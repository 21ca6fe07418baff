"""The decision, on motions written down as angles over time."""

import math
from itertools import accumulate, pairwise

import numpy as np
import pytest

from maskcam.people.headshake import NO, HeadShakeRecogniser
from maskcam.records import HeadMotion, HeadShake

HEADS_PER_DEGREE = 0.007


def nowhere(at_s):
    return 0.0


def moving(
    degrees, *, seconds=3.0, fps=15.0, down=nowhere, tilt=nowhere, travel=nowhere, quality=1.0
):
    """Returns the motions of a head that looks to `degrees(t)`, in degrees, at `travel(t)`."""
    motions, before = [], (degrees(0), down(0), tilt(0))
    for number in range(int(seconds * fps)):
        at_s = number / fps
        now = (degrees(at_s), down(at_s), tilt(at_s))
        yaw, pitch, roll = ((b - a) * HEADS_PER_DEGREE for a, b in zip(before, now, strict=True))
        on = travel(at_s) - travel(at_s - 1 / fps)
        motions.append(HeadMotion(at_s, yaw, pitch, quality if number else 0.0, roll, on))
        before = now
    return motions


def swinging(hz, wide, *, start_s=0.5, swings=4):
    """Returns an angle over time that swings `wide` degrees from side to side."""

    def angle(at_s):
        phase = (at_s - start_s) * hz
        return wide / 2 * math.sin(2 * math.pi * phase) if 0 <= phase <= swings / 2 else 0.0

    return angle


def shakes(motions, **options):
    recogniser = HeadShakeRecogniser(**options)
    return [shake for motion in motions if (shake := recogniser.update(motion))]


class _Odds:
    """Judges every motion alike, from a time on."""

    def __init__(self, odds, *, from_s=0.0):
        self.log_odds = lambda motions: odds if motions[-1].at_s >= from_s else -10.0


@pytest.mark.parametrize("fps", [10, 15, 30])
@pytest.mark.parametrize("hz", [1.0, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("wide", [22, 40, 60])
def test_a_shake_is_recognised_within_two_seconds_of_its_start(fps, hz, wide):
    seen = shakes(moving(swinging(hz, wide), fps=fps))
    assert seen
    assert 0.5 < seen[0].at_s < 2.5
    assert 0 < seen[0].confidence <= 1


@pytest.mark.parametrize("fps", [10, 15, 30])
@pytest.mark.parametrize(("hz", "wide", "swings"), [(2.2, 28, 2), (1.8, 36, 3), (2.2, 14, 3)])
def test_two_swings_are_enough_and_three_may_be_small(fps, hz, wide, swings):
    assert shakes(moving(swinging(hz, wide, swings=swings), fps=fps))


@pytest.mark.parametrize("fps", [10, 15, 30])
@pytest.mark.parametrize("hz", [1.5, 2.0, 2.6])
@pytest.mark.parametrize("turns_on", [-60, 40])  # degrees per second, as who walks past
def test_a_shake_of_a_head_that_turns_on_is_one(fps, hz, turns_on):
    shake = swinging(hz, 26, swings=5)
    assert shakes(moving(lambda t: shake(t) + turns_on * t, fps=fps))


@pytest.mark.parametrize("turns_on", [-15, -8, 8, 15])
@pytest.mark.parametrize(("there_s", "held_s"), [(0.25, 0.0), (0.25, 0.5), (0.4, 0.3)])
def test_a_glance_of_a_head_that_turns_on_is_none(turns_on, there_s, held_s):
    times, angles = (
        [0.5, 0.5 + there_s, 0.5 + there_s + held_s, 0.5 + 2 * there_s + held_s],
        [0, 50, 50, 0],
    )
    glance = moving(lambda t: float(np.interp(t, times, angles)) + turns_on * t, seconds=3.5)
    assert not shakes(glance)


def test_one_turn_held_and_returned_is_none():
    assert not shakes(moving(lambda t: 45.0 if 0.5 < t < 1.5 else 0.0))


@pytest.mark.parametrize(("there_s", "held_s"), [(0.25, 0.35), (0.4, 0.35), (0.4, 0.45)])
def test_a_glance_of_a_head_that_turned_slowly_before_it_is_none(there_s, held_s):
    lasts_s, goes = [1.0, there_s, held_s, there_s], [-10, 50, 0, -60]
    times, angles = ([0, *accumulate(parts)] for parts in (lasts_s, goes))
    glance = moving(lambda t: float(np.interp(t, times, angles)), fps=25, seconds=3.5)
    assert not shakes(glance)
    assert not shakes(glance, network=_Odds(5.0, from_s=times[-1] - 0.1))


def test_a_rest_before_the_shake_does_not_make_a_glance_of_it():
    lasts_s, goes = [0.5, 0.4, 0.12, 0.15, 0.12], [30, 0, -18, 40, -8]
    times, angles = ([0, *accumulate(parts)] for parts in (lasts_s, goes))
    assert shakes(moving(lambda t: float(np.interp(t, times, angles)), fps=30, seconds=2.5))


def test_an_overshoot_after_a_turn_is_none():
    assert not shakes(moving(lambda t: 45.0 if 0.5 < t < 1 else (-5.0 if 1 <= t < 1.3 else 0.0)))


def test_looking_left_and_right_with_a_pause_is_none():
    looks = {0: 0, 1: 40, 2: 40, 3: -40, 4: -40, 5: 40, 6: 0}
    assert not shakes(moving(lambda t: looks.get(int(t / 0.7), 0), seconds=6))


def test_a_nod_that_turns_a_little_is_none():
    nod = swinging(2.0, 40, swings=6)
    assert not shakes(moving(lambda t: 0.5 * nod(t), down=nod))


def test_a_tilting_head_is_none():
    tilting = swinging(1.5, 40, swings=6)
    assert not shakes(moving(lambda t: 0.6 * tilting(t), tilt=tilting))


def test_a_turn_below_the_camera_may_look_tilted_the_other_way():
    shake = swinging(2, 30)
    below = moving(shake, tilt=lambda t: -0.5 * shake(t))
    assert shakes(below)
    assert not shakes(moving(shake, tilt=lambda t: 0.5 * shake(t)))


def test_somebody_who_sways_and_seems_to_turn_a_little_is_none():
    seems = swinging(1.3, 24, swings=6)
    assert not shakes(moving(seems, travel=lambda t: 0.3 * math.sin(2 * math.pi * 1.3 * t)))


def test_a_shake_while_walking_on_in_a_swaying_gait_is_one():
    shake = swinging(1.8, 36)
    assert shakes(moving(shake, travel=lambda t: t + 0.08 * math.sin(2 * math.pi * 1.0 * t)))


def test_what_could_not_be_measured_while_it_went_far_is_none():
    motions = moving(swinging(2, 30))
    fast = [m._replace(quality=0.2 if abs(m.yaw) > 0.02 else 1.0) for m in motions]
    slow = [m._replace(quality=1.0 if abs(m.yaw) > 0.02 else 0.2) for m in motions]
    assert not shakes(fast)
    assert shakes(slow)


def test_what_could_not_be_measured_is_none():
    assert not shakes(moving(swinging(2.0, 40), quality=0.2))


@pytest.mark.parametrize("quality", [0.4, 0.55, 0.65, 1.0])
@pytest.mark.parametrize("swayed", [0.0, 0.5, 1.5])  # of the turn
def test_poor_evidence_must_be_surer(quality, swayed):
    turn = swinging(2.0, 40)
    sway = {"travel": lambda at_s: swayed * HEADS_PER_DEGREE * turn(at_s)}
    motions = moving(turn, quality=quality, **sway)
    is_poor = quality < 0.6 or swayed > 1
    assert bool(shakes(motions, network=_Odds(NO + 0.5))) is not is_poor
    assert shakes(motions, network=_Odds(NO + 1.5))


@pytest.mark.parametrize("every", [2, 3, 6, 15])  # how many frames from one that is covered on
def test_a_face_that_was_covered_for_a_while_must_be_surer(every):
    motions = [motion._replace(in_view=-2.0 if number % every == 0 else 3.0)
               for number, motion in enumerate(moving(swinging(2.0, 40)))]  # fmt: skip
    is_covered = every < 4
    assert bool(shakes(motions, network=_Odds(NO + 2.0))) is not is_covered
    assert shakes(motions, network=_Odds(NO + 3.5))


def test_trembling_is_none():
    assert not shakes(moving(swinging(2.0, 3, swings=8)))


def test_uneven_time_stamps_change_nothing():
    angle = swinging(2.0, 40)
    times = [n / 15 + 0.02 * math.sin(7 * n) for n in range(45) if n % 9]
    motions = [
        HeadMotion(b, (angle(b) - angle(a)) * HEADS_PER_DEGREE, 0.0, 1.0)
        for a, b in pairwise(times)
    ]
    assert shakes(motions)


def test_a_long_shake_is_recognised_once_a_row_and_not_at_every_frame():
    seen = shakes(moving(swinging(2.0, 40, swings=10), seconds=4))
    assert 1 <= len(seen) <= 4
    assert all(isinstance(shake, HeadShake) for shake in seen)


def test_swings_older_than_three_seconds_are_forgotten():
    recogniser = HeadShakeRecogniser()
    swings = [(0.0, 0.2), (0.3, -0.2), (4.0, 0.2)]
    assert not any(recogniser.update(HeadMotion(t, x, 0.0, 1.0)) for t, x in swings)


def test_a_higher_limit_finds_fewer():
    motions = moving(swinging(2.0, 24))
    assert shakes(motions)
    assert not shakes(motions, limit=60.0)


@pytest.mark.parametrize("moves_s", [0.12, 0.2, 0.3])
def test_one_wide_turn_with_trembling_before_it_is_none(moves_s):
    times = [0, *(0.3 * k + after for k in range(4) for after in (0.3 - moves_s, 0.3))]

    def looking(*angles):
        steps = [angles[0], *(angle for pair in pairwise(angles) for angle in pair)]
        return moving(lambda t: float(np.interp(t, times, steps)), seconds=2)

    assert not shakes(looking(0, 10, -2, 60, 60))
    assert shakes(looking(0, 30, -2, 45, 45))


def test_half_a_shake_is_said_to_be_one_and_is_none():
    recogniser, halves = HeadShakeRecogniser(), []
    for motion in moving(swinging(2.0, 10, swings=2)):
        assert recogniser.update(motion) is None
        halves.append(recogniser.is_half)
    assert any(halves)
    assert not any(halves[:8])
    assert not halves[-1]


def test_what_the_head_did_before_the_row_does_not_spoil_it():
    nods = swinging(2.0, 40, start_s=0.2, swings=3)
    assert shakes(moving(swinging(2.0, 40, start_s=1.9), down=nods, seconds=4))
