"""What a watcher makes of the motions of one head."""

import math

import pytest

from maskcam.people.gestures import Gesture, GestureWatcher, is_unclear
from maskcam.records import Box, HeadMotion


def gestures(angle, *, odds=lambda at_s: 4.0, hand=True, seconds=5.0, fps=15):
    watcher, found = GestureWatcher(hand=hand), []
    for number in range(int(seconds * fps)):
        at_s = number / fps
        yaw = 0.007 * (angle(at_s) - angle(at_s - 1 / fps))
        motion = HeadMotion(at_s, yaw, 0.0, 1.0 if number else 0.0, in_view=odds(at_s))
        gesture = watcher.update(motion, unclear=False)
        if gesture is not None:
            found.append((gesture, at_s))
    return found


def shake(at_s):
    return 18 * math.sin(4 * math.pi * (at_s - 1)) if 1 < at_s < 2.5 else 0.0


def test_a_shaken_head_objects():
    found = gestures(shake)
    objection_s = next(at_s for gesture, at_s in found if gesture is Gesture.OBJECTION)
    assert 1.2 < objection_s < 2.0


def test_a_shake_that_stops_at_the_other_side_asks_for_one_more_swing():
    found = gestures(lambda t: 12 * math.sin(4 * math.pi * (min(t, 1.375) - 1)) if t > 1 else 0.0)
    assert {gesture for gesture, _ in found} == {Gesture.HALF_OBJECTION}


def test_a_still_head_says_nothing():
    assert gestures(lambda at_s: 0.0) == []


@pytest.mark.parametrize("hand", [True, False])
def test_a_hand_before_the_face_objects_where_it_may(hand):
    found = gestures(lambda t: 0.0, odds=lambda t: -3.0 if 1.5 < t < 3.8 else 4.0, hand=hand)
    assert [gesture for gesture, _ in found] == ([Gesture.OBJECTION] if hand else [])


def test_a_hand_cannot_be_told_where_faces_overlap_or_are_too_small():
    heads = {
        1: Box(0, 0, 30, 36),
        2: Box(24, 12, 54, 48),
        3: Box(90, 0, 120, 36),
        4: Box(150, 0, 162, 15),
    }
    assert [is_unclear(track, heads) for track in heads] == [True, True, False, True]


@pytest.mark.parametrize(
    ("x", "y", "tall", "unclear"),
    [(150, 60, 30, True), (100, 200, 30, True), (180, 100, 30, False), (150, 60, 48, False)],
)
def test_a_hand_cannot_be_told_behind_the_body_of_somebody_nearer(x, y, tall, unclear):
    heads = {1: Box(80, 75, 120, 125), 2: Box(x - 0.4 * tall, y, x + 0.4 * tall, y + tall)}
    assert is_unclear(2, heads) is unclear
    assert not is_unclear(1, heads)
