"""What somebody at city hall should look at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from maskcam.cityhall.access_schema import collectors, quarantine

SILENT_S = 60
"""A collector writes its figures every ten seconds."""


class SilentCollector(NamedTuple):
    """A collector that says nothing, or is not connected; `seen_at` is in seconds."""

    name: str
    seen_at: int
    silent: bool


class Attention:
    """Counts and lists it.

    Args:
        engine: the database.
        clock: the time now.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def silent_collectors(self) -> list[SilentCollector]:
        """Returns the collectors that say nothing or are not connected."""
        now = int(self._clock().timestamp())
        with self._engine.connect() as connection:
            rows = connection.execute(select(collectors).order_by(collectors.c.name)).all()
        return [
            SilentCollector(row.name, row.seen_at, now - row.seen_at > SILENT_S)
            for row in rows
            if now - row.seen_at > SILENT_S or not row.connected
        ]

    def number(self) -> int:
        """Returns how many things need a look: kept messages by unit and reason, collectors."""
        groups = select(quarantine.c.unit, quarantine.c.reason).distinct().subquery()
        with self._engine.connect() as connection:
            kept = connection.scalar(select(func.count()).select_from(groups)) or 0
        return kept + len(self.silent_collectors())
