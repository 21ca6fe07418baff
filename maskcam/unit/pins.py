"""Opens what hangs on a GPIO pin: the one module that knows gpiozero."""

from __future__ import annotations

import importlib
from typing import Any

from maskcam.errors import MaskcamError


def open_pin(kind: str, gpio: int, *, name: str, key: str, **options: Any) -> Any:
    """Returns gpiozero's device on a pin.

    Args:
        kind: gpiozero's class, such as "LED".
        gpio: number of the pin (BCM).
        name: of the device, as the technician knows it.
        key: setting of the configuration that names the pin, such as "gpio from [lamp]".
        options: for the class; `pin_factory` None: the machine's own.

    Raises:
        MaskcamError: there is no such pin, or gpiozero is not installed.
    """
    try:
        return getattr(importlib.import_module("gpiozero"), kind)(gpio, **options)
    except Exception as error:  # gpiozero's and those of its four back ends
        raise MaskcamError(
            f"the {name} on GPIO {gpio} cannot be used ({error}); install gpiozero and "
            f"lgpio, or remove {key}"
        ) from error
