import math

import pytest

from maskcam.people.tracker import Tracker
from maskcam.records import Box, Detection, MaskState

SIZE = (1280, 720)


def face(x, y, size=40.0, score=0.9):
    return Detection(
        Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2), MaskState.WITH_MASK, score
    )


def walk(tracker, places, fps, *, from_s=0.0, seconds=2.0, hidden=()):
    """Feeds faces at `places(t)`; returns all steps."""
    steps = []
    for n in range(round(seconds * fps)):
        t = from_s + n / fps
        seen = [] if any(a <= t < b for a, b in hidden) else places(t)
        steps.append((t, tracker.update(seen, t)))
    return steps


def ids(steps):
    return {track for _, step in steps for track in step.seen}


@pytest.mark.parametrize("fps", [3, 7, 15, 30])
def test_one_walker_is_one_confirmed_track_at_any_rate(fps):
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    steps = walk(tracker, lambda t: [face(200 + 120 * t, 300, 40 + 5 * t)], fps, seconds=4)
    assert ids(steps) == {1}
    (ended,) = tracker.finish()
    assert ended.confirmed
    assert not ended.left


@pytest.mark.parametrize("fps", [3, 10, 30])
def test_a_track_survives_a_second_without_detections(fps):
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    steps = walk(tracker, lambda t: [face(200 + 80 * t, 300)], fps, seconds=5, hidden=[(2.0, 3.0)])
    assert ids(steps) == {1}


def test_uneven_times_do_no_harm():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    t, seen = 0.0, set()
    for gap in [0.033, 0.5, 0.1, 0.033, 0.9, 0.2, 0.033, 0.4] * 4:
        t += gap
        seen |= set(tracker.update([face(100 + 90 * t, 300)], t).seen)
    assert seen == {1}


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_two_who_cross_keep_their_tracks(fps):
    tracker = Tracker(frame_size=SIZE, high_score=0.5)

    def places(t):
        return [face(300 + 150 * t, 300), face(900 - 150 * t, 310)]

    first = walk(tracker, places, fps, seconds=1)[-1][1].seen
    left = next(k for k, d in first.items() if d.box.x0 < 600)
    walk(tracker, places, fps, from_s=1, seconds=1.2, hidden=[(1.8, 2.15)])
    last = walk(tracker, places, fps, from_s=2.2, seconds=1)[-1][1].seen
    assert max(last, key=lambda k: last[k].box.x0) == left
    assert len(last) == 2


def test_a_group_side_by_side_keeps_its_tracks():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    steps = walk(
        tracker, lambda t: [face(300 + 70 * i + 20 * t, 300 + 30 * t) for i in range(4)], 5
    )
    assert ids(steps) == {1, 2, 3, 4}
    assert all(not step.mixed for _, step in steps[3:])


def boxed(x, y, *, scarf):
    """A face, boxed with the scarf around it or without."""
    box = Box(x - 12, y, x + 13, y + 33) if scarf else Box(x - 10, y - 9, x + 9, y + 13)
    return Detection(box, MaskState.WITHOUT_MASK, 0.9)


@pytest.mark.parametrize("both", [[False], [True, False], [False, True]])
def test_a_box_that_jumps_on_one_face_stays_one_track(both):
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [boxed(300, 300, scarf=False)], 15, seconds=1)
    walk(tracker, lambda t: [boxed(300, 300, scarf=one) for one in both], 15, from_s=1, seconds=0.1)
    steps = walk(tracker, lambda t: [boxed(300, 300, scarf=True)], 15, from_s=1.1, seconds=2)
    assert ids(steps) == {1}
    assert tracker.confirmed() == {1}


def test_a_flickering_false_alarm_is_never_confirmed():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    ended = []
    for n in range(600):
        ended += tracker.update([face(500, 200)] if n % 5 == 0 else [], n / 10).ended
    assert not any(track.confirmed for track in ended + tracker.finish())


def test_a_face_that_others_hide_half_of_the_time_is_confirmed():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    for n in range(30):
        tracker.update([face(300 + 6 * n, 300)] if n % 2 == 0 else [], n / 10)
    assert tracker.confirmed() == {1}


def test_a_burst_of_frames_is_not_enough_time():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(500, 200)], 30, seconds=0.3)
    assert not tracker.finish()[0].confirmed


def test_low_scores_continue_a_track_and_begin_none_that_counts():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    tracker.update([face(600, 300)], 0.1)
    assert tracker.update([face(601, 300, score=0.3)], 0.2).seen.keys() == {1}
    steps = walk(tracker, lambda t: [face(300, 300, score=0.3)], 10, from_s=0.3, seconds=5)
    assert not any(step.born for _, step in steps)
    assert not tracker.confirmed()


def test_a_faint_face_is_watched_and_keeps_its_number_when_it_appears():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    ((_, first), *_) = walk(tracker, lambda t: [face(300 + 60 * t, 300, score=0.4)], 10, seconds=1)
    (number,) = first.faint
    assert tracker.predict(1.0).keys() == {number}
    step = tracker.update([face(360, 300, score=0.6)], 1.0)
    assert step.born == [number]
    assert not tracker.confirmed()
    assert tracker.predict(1.05).keys() == {number}  # without a gap
    walk(tracker, lambda t: [face(300 + 60 * t, 300, score=0.4)], 10, from_s=1.1, seconds=0.6)
    assert tracker.confirmed() == {number}


def test_a_faint_face_that_flickers_is_not_watched():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    for n in range(60):
        tracker.update([face(500, 200, score=0.4)] if n % 2 else [], n / 10)
        assert not tracker.predict(n / 10) or n < 6


def test_a_faint_face_takes_nothing_from_a_person():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(600, 300), face(632, 300, score=0.4)], 10, seconds=2)
    step = tracker.update([face(610, 300)], 2.0)
    assert step.seen.keys() == tracker.confirmed()


@pytest.mark.parametrize("second", [(606, 303, 42), (600, 324)], ids=["beside", "mask alone"])
def test_a_second_box_on_one_face_begins_no_track(second):
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    steps = walk(tracker, lambda t: [face(600, 300), face(*second)], 10)
    assert len(ids(steps[1:])) <= 2
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(600, 300)], 10)
    step = tracker.update([face(600, 300), face(*second)], 2.0)
    assert not step.born


def test_prediction_goes_on_between_and_after_detections():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    assert tracker.predict(0.0) == {}
    walk(tracker, lambda t: [face(200 + 100 * t, 300)], 10, seconds=3)
    (box,) = tracker.predict(3.4).values()
    assert math.isclose(box.centre[0], 540, abs_tol=8)
    assert math.isclose(box.width, 40, rel_tol=0.1)


def test_whoever_stops_with_a_hidden_face_is_expected_there():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    [track] = ids(walk(tracker, lambda t: [face(200 + 200 * t, 300)], 10, seconds=2))
    assert tracker.missed() == set()
    tracker.update([], 2.0)
    assert tracker.missed() == {track}
    for n in range(30):
        tracker.follow(track, (600, 300), 2.0 + n / 15)
    assert math.isclose(tracker.expect(track, 4.0).centre[0], 600, abs_tol=8)
    (ended,) = tracker.expire(5.0)  # nevertheless
    assert ended.track == track
    tracker.follow(track, (600, 300), 5.0)  # is over


def test_a_face_seen_once_is_not_predicted():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    tracker.update([face(200, 300)], 0.0)
    assert tracker.predict(0.1) == {}


def test_a_face_that_is_leaving_the_picture_is_not_predicted():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(600, 500 + 100 * t)], 15, seconds=2)
    assert tracker.predict(2.0)  # 20 px over the border would be half of the face
    assert tracker.predict(2.2) == {}


def test_who_walks_over_the_border_has_left():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(1000 + 130 * t, 300)], 10, seconds=2)
    (ended,) = tracker.finish()
    assert ended.left


def test_tracks_end_when_the_detector_is_silent():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(500, 300)], 10, seconds=1)
    assert tracker.expire(2.5) == []
    assert len(tracker.expire(4.5)) == 1
    assert tracker.predict(4.5) == {}


def test_a_time_that_goes_back_is_taken_as_no_time():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    tracker.update([face(500, 300)], 5.0)
    assert tracker.update([face(501, 300)], 4.0).seen.keys() == {1}


def test_doubtful_pairs_are_reported():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(560, 300), face(640, 300)], 10)
    mixed = []
    for n in range(6):  # both gone, then one face right between
        mixed += tracker.update([face(600, 300)] if n > 4 else [], 2 + n / 10).mixed
    assert {frozenset(pair) for pair in mixed} == {frozenset({1, 2})}


@pytest.mark.parametrize("score", [0.8, 0.3])
def test_two_boxes_on_one_face_in_its_first_frame_begin_one_track(score):
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    steps = walk(tracker, lambda t: [face(324, 300, score=score), face(300, 300)], 10)
    assert ids(steps) == {1}
    assert len(tracker.finish()) == 1


def test_a_second_box_on_a_face_that_was_faint_begins_no_track():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    walk(tracker, lambda t: [face(300, 300, score=0.3)], 10, seconds=1)
    steps = walk(tracker, lambda t: [face(300, 300), face(324, 300)], 10, from_s=1)
    assert ids(steps) == {1}


def test_two_faces_side_by_side_in_their_first_frame_begin_two_tracks():
    tracker = Tracker(frame_size=SIZE, high_score=0.5)
    assert ids(walk(tracker, lambda t: [face(300, 300), face(334, 300)], 10)) == {1, 2}
