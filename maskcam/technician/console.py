"""`maskcam console`: the unit's own screen and keyboard, before it counts.

A flashed unit has no login. Whoever stands before it may check and aim, and nothing
else, until city hall locks it ([technician] aim = false); then only its id is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from maskcam import __version__
from maskcam.config import Config
from maskcam.errors import MaskcamError
from maskcam.messages import say, translate
from maskcam.technician.finding import Finding
from maskcam.technician.selfcheck import all_well, as_line

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
    check: Callable[[], Iterable[Finding]],
    aim: Callable[[], None],
) -> None:
    """Serves the technician; returns when counting may begin.

    Args:
        config: of the unit.
        terminal: of the unit.
        check: looks at every part, as `maskcam check`.
        aim: shows the aim until the technician has seen enough, as `maskcam aim`.
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
            _check(terminal, check())
        elif pressed == AIM:
            try:
                aim()
            except MaskcamError as error:
                terminal.say(say("aim: {why}", why=translate(error)))


def _check(terminal: Terminal, findings: Iterable[Finding]) -> None:
    found = []
    for finding in findings:
        terminal.say(as_line(finding))
        found.append(finding)
    terminal.say(say("all is well" if all_well(found) else "not all is well: see NOT OK above"))
