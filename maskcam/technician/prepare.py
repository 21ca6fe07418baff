"""What the unit does with its provisioning folder at each boot, before it may count.

The folder lies on the card's FAT partition, where anybody's computer can edit it. It is
checked as a whole; only if it is right, its files go to memory for the service to take.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from maskcam import toml_settings
from maskcam.errors import ConfigError, MaskcamError
from maskcam.messages import say
from maskcam.technician.provisioning import CONFIG, FILES, examine_folder
from maskcam.unit.lamp import Lamp
from maskcam.unit.lamp_codes import Fault

GUIDE_GPIO: Final = 17  # where the guide has the lamp soldered


def prepare(folder: Path, output: Path) -> None:
    """Checks `folder` and copies its files to `output`, readable by their owner only.

    No date is judged: at boot a Raspberry Pi does not know the time yet. The broker
    judges the certificates, and the unit its last day, once the time is known.

    Args:
        folder: on the card, as `scripts/setup-unit` wrote it.
        output: a folder in memory. What an earlier boot left there is removed first.

    Raises:
        ProvisioningError: a line for each fault; `output` holds no file of a unit.
        MaskcamError: `output` cannot be written.
    """
    try:
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FILES:
            (output / name).unlink(missing_ok=True)
        examine_folder(folder, today=None)
        for name in FILES:
            handle = os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write((folder / name).read_bytes())
    except OSError as error:
        why = say("cannot be written ({why})", why=error.strerror)
        raise MaskcamError(f"{output}: {why}") from error


def blink(folder: Path) -> None:
    """Blinks that the unit is not configured, until SIGTERM or SIGINT.

    Raises:
        MaskcamError: the lamp cannot be used.
    """
    endings = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)  # before the lamp's thread begins
    with Lamp(lamp_pin(folder)) as lamp:
        lamp.show(Fault.CONFIGURATION)
        signal.sigwait(endings)


def lamp_pin(folder: Path) -> int | None:
    """Returns the lamp's pin by a configuration that need not be right; None: no lamp."""
    path = folder / CONFIG
    try:
        values = toml_settings.parse(toml_settings.read(path, missing=""), name="")
    except ConfigError:
        return GUIDE_GPIO
    lamp = values.get("lamp")
    pin = lamp.get("gpio") if isinstance(lamp, dict) else None
    return pin if isinstance(pin, int) and 0 <= pin <= 27 else None
