"""The audit log: what was done at city hall, and by whom. It can only grow."""

from __future__ import annotations

import getpass
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine, insert, select

from maskcam.cityhall.access_schema import audit
from maskcam.cityhall.database import writing
from maskcam.names import printable

REPEATED_S = 3600
"""The same deed of the same account is noted once in this time: a program asks every minute."""
_REMEMBERED = 10_000
MOST_PER_HOUR = 500
"""Lines of one kind of one account, where lines may be left out: the log can only grow."""


class Entry(NamedTuple):
    """A line of the log; `at` is in seconds since the epoch."""

    at: int
    who: str
    what: str
    detail: str


class Audit:
    """Writes and reads the log.

    Args:
        engine: the database.
        clock: seconds since the epoch.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._noted: dict[tuple[str, str, str], float] = {}
        self._number: Counter[tuple[str, str]] = Counter()
        self._hour_begun = 0.0

    def note(self, who: str, what: str, detail: str = "", *, repeated: bool = True) -> None:
        """Appends a line.

        Args:
            who: an account, or the system's user at the command line.
            what: the deed, a word or two: ``sign in``, ``export``.
            detail: with what: a unit, an address of ours.
            repeated: False leaves out what was noted within the last hour, and what
                goes beyond `MOST_PER_HOUR`.
        """
        key, now = (who, what, detail), self._clock()
        if not repeated:
            if now - self._noted.get(key, float("-inf")) < REPEATED_S:
                return
            number = self._count(who, what, now)
            if number > MOST_PER_HOUR:
                return
            if number == MOST_PER_HOUR:
                detail += "; more of this hour are left out"
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[key] = now
        with writing(self._engine).begin() as connection:
            connection.execute(
                insert(audit).values(
                    at=int(now), who=who[:63], what=what[:40], detail=printable(detail)[:200]
                )
            )

    def _count(self, who: str, what: str, now: float) -> int:
        if not 0 <= now - self._hour_begun < REPEATED_S:
            self._hour_begun = now
            self._number.clear()
        self._number[who, what] += 1
        return self._number[who, what]

    def latest(self, number: int = 200, *, before: int | None = None) -> list[tuple[int, Entry]]:
        """Returns the newest lines with their numbers, or those before a number."""
        query = select(audit).order_by(audit.c.id.desc()).limit(number)
        if before is not None:
            query = query.where(audit.c.id < before)
        with self._engine.connect() as connection:
            return [(row.id, Entry(*row[1:])) for row in connection.execute(query)]


def system_user() -> str:
    """Returns who calls a command, for the log."""
    name = os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{name} (command line)"
