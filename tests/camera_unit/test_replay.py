"""The chain from frames to windows, frame by frame, with exact detections."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from maskcam.errors import CameraError
from maskcam.people.windows import WindowRules
from maskcam.records import HeadMotion, MaskState, WindowKind
from maskcam.unit import pipeline
from maskcam.unit.replay import count_frames
from maskcam.vision.models import load_face_in_view
from tests.camera_unit.walkers import ExactDetector, NoiseCamera, crowd

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
EXACT = WindowRules.preset("standard", exact=True)


def published(camera, walkers, *, rules=EXACT, detector=None, **rest):
    detector = detector or ExactDetector(camera, walkers)
    return count_frames(
        camera,
        detector,
        start=START,
        rules=rules,
        high_score=0.5,
        face_in_view=load_face_in_view(),
        **rest,
    )


def counted(walkers, *, rules=EXACT, kind=WindowKind.COUNT, **of_camera):
    found = published(NoiseCamera(walkers=walkers, **of_camera), walkers, rules=rules)
    return [count for count in found if count.kind is kind]


def people(counts) -> int:
    return sum(count.people or 0 for count in counts if count.kind is WindowKind.COUNT)


def test_everyone_who_passes_is_counted_once_with_the_right_mask():
    beside = [replace(one, x=one.x + 200) for one in crowd(4, every_s=14)]
    walkers = crowd(9) + [replace(one, state=MaskState.WITHOUT_MASK) for one in beside]
    counts = counted(walkers, seconds=90)
    assert [count.minutes for count in counts] == [1, 1]
    assert [count.start.minute for count in counts] == [0, 1]
    assert sum(count.with_mask for count in counts) == 9
    assert sum(count.without_mask for count in counts) == 4
    assert sum(count.observed_s for count in counts) == pytest.approx(90, abs=0.5)


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_the_frame_rate_does_not_change_the_counts(fps):
    assert people(counted(crowd(6), seconds=45, fps=fps)) == 6


@pytest.mark.parametrize("detect_fps", [4, 7.5])
def test_a_slower_detector_counts_the_same(detect_fps):
    camera = NoiseCamera(seconds=45, walkers=crowd(6))
    detector = ExactDetector(camera, crowd(6))
    counts = published(camera, crowd(6), detector=detector, detect_fps=detect_fps)
    assert people(counts) == 6
    assert detector.calls == pytest.approx(45 * detect_fps, rel=0.1)


def test_the_hour_holds_the_same_people_as_its_minutes():
    [hour] = counted(crowd(9), seconds=130, kind=WindowKind.HOUR)
    assert (hour.start, hour.minutes, hour.people) == (START, 3, 9)
    assert hour.observed_s == pytest.approx(130, abs=1)


def test_noise_is_added_to_what_is_published_and_to_nothing_else():
    booked: Counter[MaskState] = Counter()
    camera = NoiseCamera(walkers=crowd(9), seconds=70)
    counts = list(published(camera, crowd(9), rules=WindowRules(epsilon_minute=0.1), booked=booked))
    assert booked == {MaskState.WITH_MASK: 9}
    assert {count.epsilon for count in counts} == {0.1, 1.0}
    exact = counted(crowd(9), seconds=70)
    assert [count.observed_s for count in counts[:-1]] == [count.observed_s for count in exact]
    assert [count.people for count in counts[:-1]] != [count.people for count in exact]


def test_an_empty_street_is_published_as_observed_and_empty():
    [count] = counted([], seconds=59)
    assert count.people == 0
    assert count.observed_s == pytest.approx(59, abs=0.5)


def test_in_the_dark_nobody_is_counted_and_nothing_is_observed():
    def dark(at_s, luma):
        luma //= 40

    [count] = counted(crowd(5), seconds=50, spoil=dark)
    assert (count.people, count.observed_s) == (None, 0)


def test_a_dark_time_hides_only_those_who_pass_in_it():
    def dark(at_s, luma):
        if 12 <= at_s < 24:
            luma //= 40

    [count] = counted(crowd(8), seconds=55, spoil=dark)
    assert count.people in (5, 6)
    assert count.observed_s == pytest.approx(43, abs=1)


def test_too_few_frames_count_nobody():
    [count] = counted(crowd(5), seconds=50, fps=5)
    assert (count.people, count.observed_s) == (None, 0)


def test_a_file_that_breaks_off_is_counted_up_to_there():
    camera = NoiseCamera(seconds=45, walkers=crowd(6), breaks=True)
    counts = published(camera, crowd(6))
    assert next(counts).people == next(counts).people == 6  # the window and its hour
    with pytest.raises(CameraError, match="breaks off"):
        next(counts)


def test_a_shaken_head_is_in_no_figure(monkeypatch):
    class Shaking:
        """Reports a "no" of the head that is on the third walker's path (x = 300)."""

        def __init__(self, face_in_view):
            pass

        def measure(self, frame, heads, *, missed):
            yaw = 0.07 * math.cos(2 * math.pi * 2 * frame.captured_at_s)
            return {
                track: HeadMotion(
                    frame.captured_at_s, yaw if abs(box.centre[0] - 300) < 40 else 0.0, 0.0, 1.0
                )
                for track, box in heads.items()
            }

    monkeypatch.setattr(pipeline, "HeadMotionMeter", Shaking)
    camera = NoiseCamera(walkers=crowd(5), seconds=45, fps=30)
    detector = ExactDetector(camera, crowd(5))
    assert people(published(camera, crowd(5), detector=detector)) == 4
    assert detector.objecting, "the detector does not know whose mask is not to be judged"
    assert all(abs(box.centre[0] - 300) < 60 for box in detector.objecting)
