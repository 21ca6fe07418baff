import time

import pytest

from maskcam.errors import MaskcamError
from maskcam.unit.lamp import Lamp
from maskcam.unit.lamp_codes import Fault


def lit(lamp, clock, seconds):
    """Returns the times in s, from now, at which the lamp changes; it is looked at each 10 ms."""
    begin_s, changes, before = clock.now_s, [], False
    for step in range(round(seconds * 100)):
        clock.now_s = begin_s + step / 100
        if lamp.is_lit() != before:
            before = not before
            changes.append(round(step / 100, 2))
    return changes


def wait_for(pin, state, timeout_s=2.0):
    deadline = time.monotonic() + timeout_s
    while pin.state != state and time.monotonic() < deadline:
        time.sleep(0.01)
    return pin.state == state


def test_lights_two_seconds_when_an_objection_was_recognised(clock):
    lamp = Lamp(17, now=clock)
    assert not lamp.is_lit()
    lamp.answer_objection()
    assert lit(lamp, clock, 5) == [0, 2.0]


def test_a_second_objection_lengthens_it(clock):
    lamp = Lamp(17, now=clock)
    lamp.answer_objection()
    clock.now_s += 1.5
    lamp.answer_objection()
    assert lit(lamp, clock, 5) == [0, 2.0]


def test_half_a_shake_is_one_short_blink_a_second(clock):
    lamp = Lamp(17, now=clock)
    lamp.hint()
    assert lit(lamp, clock, 0.6) == pytest.approx([0, 0.2], abs=0.011)
    lamp.hint()
    assert not lamp.is_lit()
    clock.now_s += 1.0
    lamp.hint()
    assert lamp.is_lit()


def test_a_hint_interrupts_no_answer_and_stands_alone_in_a_fault(clock):
    lamp = Lamp(17, now=clock)
    lamp.show(Fault.STORAGE)
    lamp.hint()
    assert lit(lamp, clock, 0.6) == pytest.approx([0, 0.2], abs=0.011)
    lamp.answer_objection()
    lamp.hint()
    assert lit(lamp, clock, 2.0) == [0]


def test_it_is_lit_as_long_as_the_button_pauses_the_counting(clock):
    lamp = Lamp(17, now=clock)
    lamp.light(30)
    lamp.answer_objection()
    assert lit(lamp, clock, 40) == [0, 30.0]


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_is_as_many_flashes_as_its_number(clock, fault):
    lamp = Lamp(17, now=clock)
    lamp.show(fault)
    changes = lit(lamp, clock, fault * 0.6 + 2.0)
    assert len(changes) == 2 * fault
    assert changes[:4] == pytest.approx([0, 0.2, 0.6, 0.8], abs=0.011)


def test_flashes_of_a_fault_go_on_until_it_is_over(clock):
    lamp = Lamp(17, now=clock)
    lamp.show(Fault.CAMERA)
    assert len(lit(lamp, clock, 3 * (2 * 0.6 + 2.0))) == 3 * 4
    lamp.show(None)
    assert lit(lamp, clock, 5) == []


def test_saying_the_same_fault_again_does_not_begin_anew(clock):
    lamp = Lamp(17, now=clock)
    lamp.show(Fault.CAMERA)
    clock.now_s += 0.3
    lamp.show(Fault.CAMERA)
    assert not lamp.is_lit()


def test_the_answer_to_a_person_goes_before_a_fault(clock):
    lamp = Lamp(17, now=clock)
    lamp.show(Fault.NETWORK)
    lamp.answer_objection()
    assert lit(lamp, clock, 2.0) == [0]


def test_no_lamp_is_no_error():
    with Lamp(None) as lamp:
        lamp.answer_objection()
        lamp.show(Fault.CAMERA)


def test_the_pin_follows(factory):
    pin = factory.pin(17)
    with Lamp(17, pin_factory=factory) as lamp:
        assert pin.function == "output"
        assert not pin.state
        lamp.answer_objection()
        assert wait_for(pin, 1)
    assert pin.function == "input"


def test_the_pin_is_free_again_afterwards(factory):
    for _ in range(2):
        with Lamp(17, pin_factory=factory):
            pass


def test_a_pin_that_cannot_be_had_is_an_error(factory):
    message = r"the lamp on GPIO 17 cannot be used .*; install gpiozero and lgpio"
    with Lamp(17, pin_factory=factory), pytest.raises(MaskcamError, match=message):
        Lamp(17, pin_factory=factory).__enter__()


def test_a_machine_without_gpio_is_an_error(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gpiozero", None)
    with pytest.raises(MaskcamError, match="or remove gpio from"):
        Lamp(17).__enter__()


def test_every_fault_has_a_number_of_its_own_and_a_meaning():
    assert all(fault >= 2 and ":" in fault.meaning for fault in Fault)
    assert len({fault.meaning for fault in Fault}) == len(Fault)
