"""The unit's loop on a rendered street, inside and outside of the operating hours."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from datetime import time as of_day
from zoneinfo import ZoneInfo

import pytest

from maskcam.people.windows import WindowRules
from maskcam.records import Detection, Frame, MaskState, MinuteCount, WindowKind
from maskcam.street import Scene, SceneCamera, SceneConfig
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.loop import Loop
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.unit.schedule import Schedule
from maskcam.unit.timekeeper import Timekeeper
from maskcam.vision.models import load_face_in_view

EXACT = WindowRules.preset("standard", exact=True)
MORNING = Schedule(zone=ZoneInfo("Europe/Paris"), hours=((of_day(7, 30), of_day(13)),))


def clock_at(utc: str) -> SystemClock:
    """A clock by which it is now a given time in UTC."""
    offset_s = datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp() - time.monotonic()
    return SystemClock(trusted=True, utc_s=lambda: offset_s + time.monotonic())


class Finds:
    """Finds one face that stands still, and counts how often it was asked."""

    calls = 0

    def __init__(self, scene: Scene) -> None:
        self.box = scene.faces(0.0)[0].box

    def detect(self, frame: Frame, *, objecting: object = ()) -> list[Detection]:
        self.calls += 1
        return [Detection(self.box, MaskState.WITH_MASK, 0.9)]

    def forget(self) -> None:
        """Holds nothing."""


@pytest.mark.parametrize(
    ("utc", "is_open"), [("2026-05-04T05:29", False), ("2026-05-04T05:31", True)]
)
def test_outside_of_the_hours_nobody_is_counted_and_nothing_is_inferred(utc, is_open):
    scene = Scene(SceneConfig(seed=2, duration_s=4.0, fps=12, size=(320, 180), standing=1))
    scene.render(0.0)
    detector = Finds(scene)
    published: list[MinuteCount] = []
    with SceneCamera(scene, rgb_size=(160, 90)) as camera:
        Loop(
            camera=camera,
            worker=DetectionWorker(detector),
            pipeline=Pipeline(
                frame_size=camera.size,
                counts=recording_counts(EXACT, started_at_s=time.monotonic()),
                started_at_s=time.monotonic(),
                high_score=0.5,
                face_in_view=load_face_in_view(),
                min_fps=2.0,
                recording=True,
            ),
            deliver=published.append,
            timekeeper=Timekeeper(clock_at(utc), MORNING),
        ).run(threading.Event())
    windows = [count for count in published if count.kind is WindowKind.COUNT]
    if is_open:
        assert detector.calls > 3
        assert sum(count.people or 0 for count in windows) == 1
        assert sum(count.observed_s for count in windows) > 1
    else:
        assert detector.calls == 0
        assert {(count.people, count.observed_s) for count in windows} == {(None, 0)}
