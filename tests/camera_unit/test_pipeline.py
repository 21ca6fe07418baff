"""Times as cameras may give them, and what they mean for those who are in view."""

from itertools import count

import pytest

from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.unit.pipeline import Pipeline
from maskcam.vision.models import load_face_in_view
from tests.camera_unit.walkers import SIZE, ExactDetector, NoiseCamera, Walker

UTC_S = 59.5  # at the first frame: counting begins half a second later


def people(*walkers: Walker, pause: tuple[float, float], recording: bool = False) -> int:
    """Returns how many are counted if the camera gives no frame in the pause."""
    camera = NoiseCamera(seconds=23, fps=15, walkers=walkers)
    detector = ExactDetector(camera, walkers)
    counts = MinuteCounts(
        started_at_s=0.0,
        rules=WindowRules.preset("standard", exact=True),
        next_run=count(1).__next__,
        random_below=lambda below: 0,
        recording=recording,
    )
    pipeline = Pipeline(
        frame_size=SIZE,
        counts=counts,
        started_at_s=0.0,
        high_score=0.5,
        face_in_view=load_face_in_view(),
        recording=recording,
    )
    pipeline.take_counts(UTC_S)
    late = None  # the detector is late by a frame
    while (frame := camera.read(timeout_s=1)) is not None:
        at_s = frame.captured_at_s
        if pause[0] < at_s < pause[1]:
            continue
        if late is not None:
            pipeline.update_detections(*late)
        pipeline.process_frame(frame)
        late = detector.detect(frame), at_s
        pipeline.take_counts(UTC_S + at_s)
    counts.advance(61.0, UTC_S)
    return counts.booked.total()


@pytest.mark.parametrize("pause_s", [1.5, 2.9, 3.05, 3.5, 6.0])
def test_who_is_in_view_when_the_camera_of_a_unit_pauses_could_not_object(pause_s):
    in_view, later = Walker(4.0, 300), Walker(14.5, 300)
    assert people(in_view, later, pause=(7.0, 7.0 + pause_s)) == 1


@pytest.mark.parametrize("recording", [False, True])
def test_who_has_left_before_a_pause_is_counted(recording):
    gone, later = Walker(2.0, 300, seconds=3.0), Walker(14.5, 300)
    assert people(gone, later, pause=(9.0, 13.0), recording=recording) == 2


def test_who_is_in_view_before_a_pause_of_a_recording_is_counted():
    assert people(Walker(4.0, 300), pause=(7.0, 12.0), recording=True) == 1
