"""The push button on the pole: whoever presses it stops the counting for a while.

It asks for no gesture and no look. Who pressed is not known; that somebody did can be seen
in `observed_s`, for the time of the pause is not observed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from maskcam.unit.pins import open_pin

_BOUNCE_S = 0.05


class Button:
    """A push button between a GPIO pin and ground, or none at all.

    Args:
        gpio: number of the pin (BCM); None: there is no button, and nothing happens.
        pause_s: for so long nobody is counted after each press.
        on_press: called at each press with `pause_s`, from gpiozero's thread.
        pin_factory: gpiozero's; None: the machine's own.
        now: the monotonic clock.
    """

    def __init__(
        self,
        gpio: int | None,
        *,
        pause_s: float,
        on_press: Callable[[float], object] = lambda seconds: None,
        pin_factory: Any = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gpio = gpio
        self._pause_s = pause_s
        self._on_press = on_press
        self._factory = pin_factory
        self._now = now
        self._lock = threading.Lock()
        self._paused_until_s = -float("inf")
        self._button: Any = None

    def __enter__(self) -> Self:
        """Takes the pin.

        Raises:
            MaskcamError: there is no such pin, or gpiozero is not installed.
        """
        if self._gpio is None:
            return self
        button = open_pin(
            "Button",
            self._gpio,
            name="button",
            key="button_gpio from [objections]",
            bounce_time=_BOUNCE_S,
            pin_factory=self._factory,
        )
        button.when_pressed = self.press
        self._button = button
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Gives the pin back."""
        button, self._button = self._button, None
        if button is not None:
            button.close()

    @property
    def is_held(self) -> bool:
        """Whether the button is down at this moment: a stuck one stays so."""
        return bool(self._button is not None and self._button.is_pressed)

    def press(self) -> None:
        """Pauses the counting from now on."""
        with self._lock:
            self._paused_until_s = self._now() + self._pause_s
        self._on_press(self._pause_s)

    def is_pausing(self) -> bool:
        """Returns whether nobody may be counted now: pressed not long ago, or still held."""
        with self._lock:
            return self._now() < self._paused_until_s or self.is_held
