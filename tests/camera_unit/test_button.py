import threading
from zoneinfo import ZoneInfo

import pytest

from maskcam.errors import MaskcamError
from maskcam.people.windows import WindowRules
from maskcam.records import Frame
from maskcam.unit.button import Button
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.lamp import Lamp
from maskcam.unit.lamp_codes import Fault
from maskcam.unit.loop import Loop, Panel
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.unit.schedule import Schedule
from maskcam.unit.timekeeper import Timekeeper
from maskcam.vision.models import load_face_in_view
from tests.camera_unit.walkers import ExactDetector, NoiseCamera


def test_nobody_is_counted_for_the_pause_after_a_press(clock):
    button = Button(27, pause_s=30, now=clock)
    assert not button.is_pausing()
    button.press()
    clock.now_s += 29.9
    assert button.is_pausing()
    clock.now_s += 0.2
    assert not button.is_pausing()


def test_a_second_press_begins_the_pause_anew(clock):
    button = Button(27, pause_s=30, now=clock)
    button.press()
    clock.now_s += 20
    button.press()
    clock.now_s += 29
    assert button.is_pausing()


def test_the_pin_is_listened_to(clock, factory):
    presses: list[float] = []
    button = Button(27, pause_s=10, on_press=presses.append, pin_factory=factory, now=clock)
    pin = factory.pin(27)
    with button:
        assert not button.is_pausing()
        pin.drive_low()
        assert button.is_pausing()
        assert button.is_held
        pin.drive_high()
        assert button.is_pausing()
        clock.now_s += 11
        assert not button.is_pausing()
    assert presses == [10]


def test_as_long_as_it_is_held_nobody_is_counted(clock, factory):
    with Button(27, pause_s=10, pin_factory=factory, now=clock) as button:
        factory.pin(27).drive_low()
        clock.now_s += 1000
        assert button.is_pausing()


def test_no_button_never_pauses():
    with Button(None, pause_s=30) as button:
        assert not button.is_pausing()


def test_a_pin_that_cannot_be_had_is_an_error(factory):
    message = r"the button on GPIO 17 cannot be used .*remove button_gpio from \[objections\]"
    with Lamp(17, pin_factory=factory), pytest.raises(MaskcamError, match=message):
        Button(17, pause_s=30, pin_factory=factory).__enter__()


class Watched(Pipeline):
    """A pipeline that notes what the loop asks of it."""

    def __init__(self, camera: NoiseCamera) -> None:
        super().__init__(
            frame_size=camera.size,
            counts=recording_counts(WindowRules(), started_at_s=0.0),
            started_at_s=0.0,
            high_score=0.5,
            face_in_view=load_face_in_view(),
        )
        self.excluded = 0
        self.may_count: list[bool] = []

    def exclude_everybody(self) -> None:
        self.excluded += 1
        super().exclude_everybody()

    def process_frame(self, frame: Frame, *, may_count: bool = True) -> None:
        self.may_count.append(may_count)
        super().process_frame(frame, may_count=may_count)


@pytest.mark.parametrize("pausing", [False, True])
def test_while_pausing_the_loop_counts_nobody_in_view_and_shows_no_fault(pausing):
    camera = NoiseCamera(seconds=0.5, fps=10)
    pipeline = Watched(camera)
    shown: list[Fault | None] = []
    clock = SystemClock(trusted=True, monotonic_s=lambda: camera.now_s)
    Loop(
        camera=camera,
        worker=DetectionWorker(ExactDetector(camera, [])),
        pipeline=pipeline,
        deliver=lambda count: None,
        timekeeper=Timekeeper(clock, Schedule(zone=ZoneInfo("UTC"))),
        panel=Panel(show_fault=shown.append, is_pausing=lambda: pausing),
    ).run(threading.Event())
    assert pipeline.may_count == [not pausing] * 5  # the time is not observed
    assert pipeline.excluded == (5 if pausing else 0)
    assert shown == [None if pausing else Fault.PICTURE]
