"""The lamp on the pole: it answers an objection, and blinks what is wrong.

Whoever shook the head must know that it was recognised, so the lamp lights for two
seconds; one short blink says that one more swing is wanted. While the button's pause
lasts it stays lit. Between times it shows the technician a fault by short flashes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from maskcam.unit.lamp_codes import Fault
from maskcam.unit.pins import open_pin

_ANSWER_S = 2.0
_HINT_S = 0.2
_HINT_PAUSE_S = 1.0  # between two hints: one blink is one hint
_STEP_S = 0.05
_FLASH_S, _DARK_S, _PAUSE_S = 0.2, 0.4, 2.0


class Lamp:
    """A lamp on a GPIO pin, or none at all.

    Args:
        gpio: number of the pin (BCM); None: there is no lamp, and nothing happens.
        pin_factory: gpiozero's; None: the machine's own.
        now: the monotonic clock.
    """

    def __init__(
        self,
        gpio: int | None,
        *,
        pin_factory: Any = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gpio = gpio
        self._factory = pin_factory
        self._now = now
        self._lock = threading.Lock()
        self._lit_until_s = 0.0
        self._hint_until_s = -_HINT_PAUSE_S
        self._fault: Fault | None = None
        self._fault_since_s = 0.0
        self._led: Any = None

    def __enter__(self) -> Self:
        """Takes the pin.

        Raises:
            MaskcamError: there is no such pin, or gpiozero is not installed.
        """
        if self._gpio is None:
            return self
        led = open_pin(
            "LED", self._gpio, name="lamp", key="gpio from [lamp]", pin_factory=self._factory
        )
        # gpiozero's own thread carries the values to the pin.
        led.source_delay = _STEP_S
        led.source = self._values()
        self._led = led
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Puts the lamp out and gives the pin back."""
        led, self._led = self._led, None
        if led is not None:
            led.close()

    def answer_objection(self) -> None:
        """Lights the lamp for 2 s from now on, whatever it shows otherwise."""
        with self._lock:
            self._lit_until_s = max(self._lit_until_s, self._now() + _ANSWER_S)

    def hint(self) -> None:
        """Blinks once: half of a head shake was recognised, and one more swing is wanted."""
        with self._lock:
            now_s = self._now()
            if now_s >= max(self._hint_until_s + _HINT_PAUSE_S, self._lit_until_s):
                self._hint_until_s = now_s + _HINT_S

    def light(self, seconds: float) -> None:
        """Lights the lamp for so long from now on: nobody is counted in this time."""
        with self._lock:
            self._lit_until_s = max(self._lit_until_s, self._now() + seconds)

    def show(self, fault: Fault | None) -> None:
        """Blinks the fault's number from now on; None: all is well."""
        with self._lock:
            if fault != self._fault:
                self._fault, self._fault_since_s = fault, self._now()

    def is_lit(self) -> bool:
        """Returns whether the lamp is to be lit at this moment."""
        with self._lock:
            now_s = self._now()
            if now_s < max(self._lit_until_s, self._hint_until_s):
                return True
            if now_s < self._hint_until_s + _DARK_S:
                return False  # a hint stands alone
            if self._fault is None:
                return False
            return _flashes(self._fault, now_s - self._fault_since_s)

    def _values(self) -> Iterator[bool]:
        while True:
            yield self.is_lit()


def _flashes(fault: Fault, since_s: float) -> bool:
    """Returns whether the lamp is lit, so long after the code began."""
    beat_s = _FLASH_S + _DARK_S
    in_code_s = since_s % (fault * beat_s + _PAUSE_S)
    return in_code_s < fault * beat_s and in_code_s % beat_s < _FLASH_S


def flashing_s(fault: Fault) -> float:
    """Returns how long the flashes of a fault take, without the pause, in seconds."""
    return fault * (_FLASH_S + _DARK_S)
