"""Keeps what was not stored, with the reason, until an administrator takes or deletes it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from maskcam.cityhall.access_schema import quarantine
from maskcam.cityhall.database import writing
from maskcam.cityhall.plausibility import DOUBTS
from maskcam.cityhall.store import Store
from maskcam.delivery.wire import ReceivedCount, WireError, decode_count, parse_topic
from maskcam.records import WindowKind

MAX_PER_UNIT = 5000
MAX_ALL = 100_000
"""Three days of a unit; some 60 MB. What is beyond is counted in the metrics and not kept."""
FIRST_PER_UNIT = 100
"""These are kept even when others have filled all the rest."""
NOTICE = "flood"
"""No message, but that a unit sent too many, once for each unit: there is always room for it."""
TAKEABLE = frozenset(
    {"future", "crowd", "unregistered", "site", "minutes", "noise", "before"}
    | {"unforeseen", "unstorable"}
    | DOUBTS.keys()
)
"""What can be stored all the same, once somebody has looked at it."""


class Kept(NamedTuple):
    """A message that was not stored."""

    reason: str
    detail: str
    unit: str
    topic: str
    payload: bytes


class Group(NamedTuple):
    """Kept messages of one unit for one reason; `first` and `last` are when they were received."""

    unit: str
    reason: str
    number: int
    first: int
    last: int
    detail: str

    @property
    def takeable(self) -> bool:
        """Whether an administrator can have them stored."""
        return self.reason in TAKEABLE


class Quarantine:
    """The kept messages.

    Args:
        engine: the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, messages: Sequence[Kept], *, now_s: int) -> None:
        """Keeps messages, each once, as long as there is room for the unit and in all."""
        if not messages:
            return
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        with writing(self._engine).begin() as connection:
            room = _room(connection, {message.unit for message in messages})
            rows = []
            for message in messages:
                own = room[f"unit {message.unit}"]
                first = own > MAX_PER_UNIT - FIRST_PER_UNIT
                full = own <= 0 or (room[""] <= 0 and not first)
                if full and message.reason != NOTICE:
                    continue
                room[""] -= 1
                room[f"unit {message.unit}"] -= 1
                rows.append(_row(message, now_s))
            if rows:
                connection.execute(insert(quarantine).on_conflict_do_nothing(), rows)

    def groups(self) -> list[Group]:
        """Returns what is kept, by unit and reason, the newest first."""
        table = quarantine
        query = (
            select(
                table.c.unit,
                table.c.reason,
                func.count(),
                func.min(table.c.received_at),
                func.max(table.c.received_at),
                func.max(table.c.detail),
            )
            .group_by(table.c.unit, table.c.reason)
            .order_by(func.max(table.c.received_at).desc())
        )
        with self._engine.connect() as connection:
            return [Group(*row) for row in connection.execute(query)]

    def delete(self, unit: str, reason: str) -> int:
        """Deletes the messages of a group and returns how many."""
        with writing(self._engine).begin() as connection:
            return int(connection.execute(delete(quarantine).where(_of(unit, reason))).rowcount)

    def take(self, unit: str, reason: str, *, store: Store) -> tuple[int, int]:
        """Stores the messages of a group all the same; those that cannot be read stay.

        Returns:
            How many were stored, and how many stay.
        """
        query = select(quarantine.c.id, quarantine.c.topic, quarantine.c.payload)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(_of(unit, reason))).all()
        taken: list[int] = []
        records: list[ReceivedCount] = []
        for row in rows if reason in TAKEABLE else ():
            record = _read(row.topic, row.payload)
            if record is not None:
                taken.append(row.id)
                records.append(record)
        store.write(records, overruling=reason in DOUBTS)
        with writing(self._engine).begin() as connection:
            for place in range(0, len(taken), 500):
                ids = taken[place : place + 500]
                connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids)))
        return len(taken), len(rows) - len(taken)


def unit_of(topic: str) -> str:
    """Returns the unit that a topic names, "" if it is none of ours."""
    try:
        return parse_topic(topic).unit
    except WireError:
        return ""


def _read(topic: str, payload: bytes) -> ReceivedCount | None:
    try:
        record = decode_count(payload, kind=WindowKind(parse_topic(topic).kind))
    except (WireError, ValueError):
        return None
    return record if record.unit == unit_of(topic) else None


def _room(connection: Connection, units: set[str]) -> dict[str, int]:
    """Returns how many more messages are kept: in all under "", for a unit under its name."""
    number = select(func.count()).select_from(quarantine)
    room = {"": MAX_ALL - (connection.scalar(number) or 0)}
    for unit in units:
        used = connection.scalar(number.where(quarantine.c.unit == unit)) or 0
        room[f"unit {unit}"] = MAX_PER_UNIT - used
    return room


def _of(unit: str, reason: str) -> ColumnElement[bool]:
    return (quarantine.c.unit == unit) & (quarantine.c.reason == reason)


def _row(message: Kept, now_s: int) -> dict[str, object]:
    digest = hashlib.sha256(message.topic.encode() + b"\0" + message.payload).hexdigest()
    return {
        "digest": digest,
        "received_at": now_s,
        "reason": message.reason,
        "unit": message.unit,
        "topic": message.topic[:255],
        "payload": message.payload[:4096],
        "detail": message.detail[:300],
    }
