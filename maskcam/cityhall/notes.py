"""Notes of administrators on days: a market that was closed, works in the street."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Engine, delete, insert, or_, select

from maskcam.cityhall.access_schema import notes
from maskcam.cityhall.database import writing

LONGEST = 120
MOST = 200
"""So many notes are shown at once."""


class Note(NamedTuple):
    """A note on a day. `site` is "" for one on all sites."""

    id: int
    day: date
    site: str
    text: str


class Notes:
    """Writes and reads them.

    Args:
        engine: the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, day: date, *, site: str, text: str) -> None:
        """Adds a note, unless the day has just this one."""
        with writing(self._engine).begin() as connection:
            same = (notes.c.day == day.isoformat(), notes.c.site == site, notes.c.text == text)
            if connection.scalar(select(notes.c.id).where(*same)) is None:
                row = {"day": day.isoformat(), "site": site, "text": text}
                connection.execute(insert(notes).values(row))

    def remove(self, number: int) -> Note | None:
        """Removes a note and returns it; None if it is gone already."""
        with writing(self._engine).begin() as connection:
            row = connection.execute(select(notes).where(notes.c.id == number)).one_or_none()
            connection.execute(delete(notes).where(notes.c.id == number))
        return None if row is None else _note(*row)

    def between(self, first: date, last: date, *, site: str | None = None) -> list[Note]:
        """Returns the notes on some days, in order: of a site those on all sites, too."""
        query = (
            select(notes)
            .where(notes.c.day >= first.isoformat(), notes.c.day <= last.isoformat())
            .order_by(notes.c.day, notes.c.site, notes.c.id)
            .limit(MOST)
        )
        if site is not None:
            query = query.where(or_(notes.c.site == site, notes.c.site == ""))
        with self._engine.connect() as connection:
            return [_note(*row) for row in connection.execute(query)]


def _note(number: int, day: str, site: str, text: str) -> Note:
    return Note(number, date.fromisoformat(day), site, text)
