"""The unit's loop on a rendered street, inside and outside of the operating hours."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime
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


class LateClock(SystemClock):
    """A clock that is set two seconds after the start, to noon of the fourth of May."""

    def __init__(self) -> None:
        self._set_at_s = time.monotonic() + 2
        noon_s = datetime(2026, 5, 4, 10, tzinfo=UTC).timestamp()
        super().__init__(utc_s=lambda: noon_s + time.monotonic() - self._set_at_s)

    def synchronised(self) -> bool:
        return self.monotonic_s() >= self._set_at_s


def count_street(clock: SystemClock, schedule: Schedule) -> tuple[Finds, list[MinuteCount]]:
    """Lets the loop look at somebody who stands there for four seconds."""
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
            timekeeper=Timekeeper(clock, schedule),
        ).run(threading.Event())
    return detector, published


@pytest.mark.parametrize(
    ("utc", "is_open"), [("2026-05-04T05:29", False), ("2026-05-04T05:31", True)]
)
def test_outside_of_the_hours_nobody_is_counted_and_nothing_is_inferred(utc, is_open):
    detector, published = count_street(clock_at(utc), MORNING)
    windows = [count for count in published if count.kind is WindowKind.COUNT]
    if is_open:
        assert detector.calls > 3
        assert sum(count.people or 0 for count in windows) == 1
        assert sum(count.observed_s for count in windows) > 1
    else:
        assert detector.calls == 0
        assert {(count.people, count.observed_s) for count in windows} == {(None, 0)}


@pytest.mark.parametrize(("sign_day", "is_told"), [(4, True), (5, False)])
def test_what_turns_out_to_be_before_the_day_of_the_sign_is_not_told(sign_day, is_told):
    """A unit counts before it knows the time: as a rule the sign is up."""
    schedule = Schedule(zone=ZoneInfo("Europe/Paris"), begins=date(2026, 5, sign_day))
    _, published = count_street(LateClock(), schedule)
    assert {count.kind for count in published} == set(WindowKind)
    if is_told:
        assert sum(count.observed_s for count in published) > 2
    else:
        assert {(count.people, count.observed_s) for count in published} == {(None, 0)}
