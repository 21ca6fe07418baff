"""A hand held before the face, on log odds written down."""

import pytest

from maskcam.people.hand_held import HandHeldRecogniser
from maskcam.records import HeadMotion

CLEAR, COVERED = 4.0, -3.0


def held(odds, *, fps=15.0, seconds=6.0, unclear=lambda at_s: False):
    """Returns when a hand was recognised; `odds(t)` are those that the face is in view."""
    recogniser, found = HandHeldRecogniser(), []
    for number in range(int(seconds * fps)):
        at_s = number / fps
        motion = HeadMotion(at_s, 0.0, 0.0, 1.0, in_view=odds(at_s) if number else None)
        if recogniser.update(motion, unclear=unclear(at_s)):
            found.append(at_s)
    return found


def between(begin_s, end_s):
    return lambda at_s: COVERED if begin_s <= at_s < end_s else CLEAR


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_two_seconds_are_enough_at_any_frame_rate(fps):
    [at_s] = held(between(1.5, 3.5), fps=fps)
    assert 2.4 < at_s < 3.5


@pytest.mark.parametrize("lasts_s", [0.3, 0.7, 1.0])
def test_a_hand_that_passes_is_none(lasts_s):
    assert held(between(1.5, 1.5 + lasts_s)) == []


def test_a_face_that_was_never_in_view_says_nothing():
    assert held(lambda at_s: COVERED) == []


def test_a_face_that_comes_into_view_after_what_was_before_it_says_nothing():
    assert held(lambda at_s: -4.0 if at_s < 3 else CLEAR) == []


def test_what_is_not_found_again_is_no_hand():
    assert held(lambda at_s: CLEAR if at_s < 1.5 else None) == []


def test_a_moment_in_which_nothing_is_found_does_not_end_it():
    def odds(at_s):
        return None if 2.0 < at_s < 2.3 else between(1.5, 4.0)(at_s)

    assert held(odds)


def test_a_head_that_another_one_passes_is_covered_by_no_hand():
    assert held(between(1.5, 3.5), unclear=lambda at_s: 1.4 < at_s < 3.6) == []


def test_a_body_that_follows_the_head_that_passes_is_no_hand_either():
    assert held(between(1.5, 5.5), unclear=lambda at_s: 1.4 < at_s < 1.7) == []
    back_in_view = held(
        lambda t: CLEAR if t < 1.5 or 2.0 < t < 3.0 else COVERED,
        unclear=lambda at_s: 1.4 < at_s < 1.7,
    )
    assert len(back_in_view) == 1


def test_a_hand_that_was_up_before_somebody_passed_still_is_afterwards():
    [at_s] = held(between(1.5, 6.0), unclear=lambda at_s: 2.2 < at_s < 2.6)
    assert 4.2 < at_s < 4.7


def test_it_is_said_once_and_again_only_after_the_face_was_in_view():
    assert len(held(between(1.5, 6.0))) == 1
    twice = held(lambda t: between(1.5, 3.5)(t) if t < 4 else between(5.5, 7.5)(t), seconds=8)
    assert len(twice) == 2


def test_a_rising_hand_asks_to_wait_for_the_track():
    recogniser = HandHeldRecogniser()
    rising = []
    for number in range(45):
        at_s = number / 15
        odds = between(1.5, 3.0)(at_s)
        recogniser.update(HeadMotion(at_s, 0.0, 0.0, 1.0, in_view=odds), unclear=False)
        rising.append((at_s, recogniser.is_rising))
    assert not any(on for at_s, on in rising if at_s < 1.5)
    assert all(on for at_s, on in rising if 2.1 < at_s < 2.5)
