"""Brings a USB Coral back that fails again and again: each step harsher than the one before.

1. a new interpreter, within the process (`maskcam.unit.detection`)
2. a new process: the unit ends with code 11, and systemd starts it again
3. the device is authorised anew on USB, as if it were plugged out and in
4. the power of its port is switched off and on
5. the machine is started again

systemd runs this as root after each end of the unit (`ExecStopPost=+`), and it does
nothing unless the accelerator was the reason; the unit itself has no such rights:

    python -m maskcam.unit.ladder
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from maskcam.errors import AcceleratorError
from maskcam.vision.coral import USB_DEVICES, usb_corals

_log = logging.getLogger(__name__)

STATE: Final = Path("/run/maskcam-ladder.json")
IN_A_ROW_S: Final = 900.0  # a failure so long after the last one begins at the bottom
REBOOT_AFTER_S: Final = 1200.0  # no boot is shorter: the unit shall not do nothing but start
UNPLUGGED_S: Final = 1.0
POWERLESS_S: Final = 3.0
# A libedgetpu that meets a broken device may also end the process by itself.
_CRASHES: Final = {"ABRT", "SEGV", "BUS", "ILL", "FPE"}


class Ladder:
    """Climbs one step for each failure in a row.

    Args:
        root: where /sys is looked for.
        state: a file in memory: what was tried since the machine was started.
        at_s: seconds since the machine was started.
        wait: how to wait.
        reboot: starts the machine again.
    """

    def __init__(
        self,
        *,
        root: Path = Path("/"),
        state: Path = STATE,
        at_s: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
        wait: Callable[[float], None] = time.sleep,
        reboot: Callable[[], None] = lambda: _systemctl("reboot"),
    ) -> None:
        self._root, self._state = root, state
        self._at_s, self._wait, self._reboot = at_s, wait, reboot

    def climb(self) -> None:
        """Takes the step that this failure asks for, and says so."""
        at_s = self._at_s()
        tried = self._tried()
        row = tried["row"] + 1 if at_s - tried["at_s"] < IN_A_ROW_S else 1
        if row == 1:
            step, act = "a new process", _nothing
        elif row == 2:
            step, act = "authorised anew on USB", self.authorise
        elif row == 3 or at_s < REBOOT_AFTER_S:
            step, act = "port power off and on", self.switch_power
        else:
            step, act = "reboot", self._reboot
        tried |= {"row": row, "at_s": at_s, step: tried.get(step, 0) + 1}
        self._state.write_text(json.dumps(tried), encoding="utf-8")
        _log.warning(
            "accelerator: failure %d in a row: %s (%d since the machine was started)",
            row,
            step,
            tried[step],
        )
        act()

    def authorise(self) -> None:
        """Lets the kernel forget each Coral and find it again."""
        devices = usb_corals(root=self._root)
        if not devices:
            _log.warning("accelerator: the kernel sees no Coral on USB")
        for device in devices:
            _write(device / "authorized", "0")
            self._wait(UNPLUGGED_S)
            _write(device / "authorized", "1")

    def switch_power(self) -> None:
        """Switches off and on the ports that hold a Coral, and those that seem empty.

        A Coral that hangs may not be seen on its port any more. And a Pi 4 cuts the
        power only when all its ports are off. Ports that hold anything else are left.
        """
        devices = {device.resolve() for device in usb_corals(root=self._root)}
        ports = [port for port in self._ports() if _occupants(port) <= devices]
        if not ports:
            _log.warning("accelerator: no USB port of this machine can be switched")
        for port in ports:
            _write(port / "disable", "1")
        self._wait(POWERLESS_S)
        for port in ports:
            _write(port / "disable", "0")

    def _ports(self) -> list[Path]:
        switches = (self._root / USB_DEVICES).glob("*/*-port*/disable")
        return sorted({switch.parent.resolve() for switch in switches})

    def _tried(self) -> dict[str, float]:
        with suppress(OSError, ValueError, TypeError):
            return {"row": 0, "at_s": 0.0, **json.loads(self._state.read_text("utf-8"))}
        return {"row": 0, "at_s": 0.0}


def is_to_blame(environment: Mapping[str, str] = os.environ) -> bool:
    """Returns whether the accelerator ended the unit, by the variables of systemd.exec(5)."""
    how, status = environment.get("EXIT_CODE", ""), environment.get("EXIT_STATUS", "")
    if how == "exited":
        return status == str(AcceleratorError.exit_code)
    return how in {"killed", "dumped"} and status in _CRASHES


def _occupants(port: Path) -> set[Path]:
    """Returns what is plugged in: a USB 3 socket has two ports, which know of each other."""
    links = [port / "device", port / "peer" / "device"]
    return {link.resolve() for link in links if link.exists()}


def _write(file: Path, value: str) -> None:
    try:
        file.write_text(value, encoding="ascii")
    except OSError as error:
        _log.warning("accelerator: %s cannot be set to %s (%s)", file, value, error.strerror)


def _nothing() -> None:
    """Systemd makes the new process by itself."""


def _systemctl(command: str) -> None:
    subprocess.run(["systemctl", "--no-block", command], check=False, timeout=5)  # noqa: S603, S607


def main() -> int:
    """Climbs if the accelerator is to blame for the end of the unit."""
    if is_to_blame():
        logging.basicConfig(format="%(message)s", level=logging.INFO)
        Ladder().climb()
    return 0


if __name__ == "__main__":
    sys.exit(main())
