"""Which cameras somebody must be notified of, and who was notified already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from maskcam.cityhall.access_schema import notices
from maskcam.cityhall.database import writing
from maskcam.cityhall.health import Health, State

ALL = "all"
"""The subject of a notice on all cameras together: not they are at fault."""


class News(NamedTuple):
    """What is new to a channel: cameras that need attention, and those that no longer do."""

    ill: list[Health]
    well: list[Health]
    all_silent: bool = False
    all_well: bool = False

    @property
    def subjects(self) -> list[str]:
        """Under which names it is noted."""
        return [one.unit.name for one in self.ill] + [ALL] * self.all_silent

    def __bool__(self) -> bool:
        return bool(self.ill or self.well or self.all_silent or self.all_well)


def find_news(cameras: list[Health], known: set[str], *, now: int, after_minutes: int) -> News:
    """Returns what a channel must be notified of.

    Args:
        cameras: all of them.
        known: the subjects that it was notified of and that are not over.
        now: minutes since the epoch.
        after_minutes: so long a camera must need attention before anybody is notified.
    """
    silent = {State.SILENT, State.OFFLINE, State.CLOSED}
    ill = [one for one in cameras if one.state.needs_attention]
    if len(cameras) > 1 and ill and all(one.state in silent for one in cameras):
        long = max(one.since or 0 for one in ill) <= now - after_minutes
        return News([], [], all_silent=long and ALL not in known)
    new = [
        one
        for one in ill
        if one.unit.name not in known and now - (one.since or now) >= after_minutes
    ]
    well = [one for one in cameras if one.unit.name in known and one.state is State.GOOD]
    return News(new, well, all_well=ALL in known and len(ill) != len(cameras))


class Notices:
    """Notes in the database what was sent, so that of several dashboards one sends.

    Args:
        engine: the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, channel: str) -> set[str]:
        """Returns the subjects of which a channel was notified."""
        query = select(notices.c.subject).where(notices.c.channel == channel)
        with self._engine.connect() as connection:
            return set(connection.scalars(query))

    def claim(self, channel: str, subject: str, *, now_s: int) -> bool:
        """Notes that a channel is notified of a subject; False if another one did so first."""
        row = {"channel": channel, "subject": subject, "at": now_s}
        try:
            with writing(self._engine).begin() as connection:
                connection.execute(insert(notices).values(row))
        except IntegrityError:
            return False
        return True

    def release(self, channel: str, subjects: Iterable[str]) -> bool:
        """Forgets subjects: they are over, or could not be sent. False: others did so first."""
        with writing(self._engine).begin() as connection:
            done = connection.execute(
                delete(notices).where(
                    notices.c.channel == channel, notices.c.subject.in_(list(subjects))
                )
            )
        return bool(done.rowcount)
