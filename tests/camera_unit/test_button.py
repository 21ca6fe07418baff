import threading

import numpy as np
import pytest

from maskcam.errors import MaskcamError
from maskcam.records import Frame
from maskcam.unit.button import Button
from maskcam.unit.lamp import Lamp
from maskcam.unit.lamp_codes import Fault
from maskcam.unit.loop import Loop


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
    presses = []
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


class Frames:
    """A camera that ends after so many frames, 0.1 s apart."""

    size = (320, 240)

    def __init__(self, count):
        self.left = count

    def read(self, *, timeout_s):
        self.left -= 1
        luma, rgb = np.zeros((240, 320), np.uint8), np.zeros((64, 64, 3), np.uint8)
        return Frame(-self.left / 10, luma, rgb) if self.left >= 0 else None


class Watched:
    """A pipeline that notes what the loop asks of it."""

    observing = sees = False

    def __init__(self):
        self.excluded, self.may_count = 0, []

    def exclude_everybody(self):
        self.excluded += 1

    def process_frame(self, frame, *, may_count):
        self.may_count.append(may_count)

    def objecting(self, at_s):
        return []

    def update_detections(self, detections, at_s):
        pass

    def take_counts(self, utc_s):
        return []

    def finish(self):
        return []


class Nothing:
    def detect(self, frame, *, objecting=()):
        return []


class Known:
    def utc_offset_s(self):
        return 1e9


class Always:
    def why_closed(self, now):
        return None


@pytest.mark.parametrize("pausing", [False, True])
def test_while_pausing_the_loop_counts_nobody_in_view_and_shows_no_fault(pausing):
    pipeline, shown = Watched(), []
    Loop(
        camera=Frames(5),
        detector=Nothing(),
        pipeline=pipeline,
        deliver=lambda count: None,
        clock=Known(),
        schedule=Always(),
        show_fault=shown.append,
        is_pausing=lambda: pausing,
    ).run(threading.Event())
    assert pipeline.may_count == [not pausing] * 5  # the time is not observed
    assert pipeline.excluded == (5 if pausing else 0)
    assert shown == [None if pausing else Fault.PICTURE]
