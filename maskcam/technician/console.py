"""`maskcam console`: the unit's own screen and keyboard, before it counts.

A flashed unit has no login. Whoever stands before it may check and aim, and nothing
else, until city hall locks it ([technician] aim = false); then only its id is shown.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from maskcam import __version__
from maskcam.config import Config
from maskcam.messages import say, translate

UNTOUCHED_S: Final = 20.0  # then counting begins
UNATTENDED_S: Final = 600.0  # a technician who has gone

# Digits, since letters lie elsewhere on a French keyboard and the unit knows no layout.
CHECK, AIM, COUNT = "1", "2", "3"


class Terminal(Protocol):
    """A terminal, as `maskcam.technician.terminal.Keys` is one."""

    def key(self, timeout_s: float) -> str | None:
        """Returns the key that is pressed; None: none was."""
        ...

    def say(self, line: str) -> None:
        """Writes a line."""
        ...


def attend(
    config: Config,
    terminal: Terminal,
    *,
    run: Callable[[str], str | None],
) -> None:
    """Serves the technician; returns when counting may begin.

    Args:
        config: of the unit.
        terminal: of the unit.
        run: runs the command "check" or "aim" at the terminal, see `run_command`.
    """
    terminal.say(f"maskcam {__version__}: {config.unit.id}")
    if not config.technician.aim:
        return
    wait_s = UNTOUCHED_S
    while True:
        terminal.say(
            say(
                "press {check}: check every part, {aim}: aim the camera, {count}: count "
                "(by itself in {wait} s)",
                check=CHECK,
                aim=AIM,
                count=COUNT,
                wait=f"{wait_s:.0f}",
            )
        )
        pressed = terminal.key(wait_s)
        if pressed in {COUNT, None}:
            terminal.say(say("counting begins"))
            return
        wait_s = UNATTENDED_S
        if pressed == CHECK:
            well = run("check") is None
            terminal.say(say("all is well" if well else "not all is well: see NOT OK above"))
        elif pressed == AIM and (why := run("aim")) is not None:
            terminal.say(say("aim: {why}", why=translate(why)))


def run_command(name: str, file: Path) -> str | None:
    """Runs a command of maskcam at this terminal; returns why it failed, or None.

    Each runs in a process of its own, for a process can open a Raspberry Pi's camera only once.

    Args:
        name: of the command.
        file: the configuration.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "maskcam", name, "--config", str(file)],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    sys.stderr.write(done.stderr)  # for the journal
    if done.returncode == 0:
        return None
    last = done.stderr.splitlines()[-1:]
    return last[0].removeprefix("maskcam: ") if last else ""
