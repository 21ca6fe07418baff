"""Writes windows and states of units, each exactly once, with their sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from maskcam.cityhall import schema
from maskcam.cityhall.database import writing
from maskcam.cityhall.rollup import COUNTS, Calendar, Key, Sums, Window, minute_of, roll_up
from maskcam.delivery.wire import ReceivedCount, Status

_WINDOWS_FROM = "windows_from"
_HOURS_FROM = "hours_from"
_ROWS_AT_ONCE = 1000  # SQLite and PostgreSQL take 32,766 and 65,535 values in a statement
_minute = lru_cache(maxsize=20_000)(minute_of)


class Written(NamedTuple):
    """What became of a batch: numbers of windows.

    `repeated` arrived before with the same content; `contradicting` arrived before
    with other content, and the first one stays; `too_old` are from before the retention.
    """

    stored: int = 0
    repeated: int = 0
    contradicting: int = 0
    too_old: int = 0


class HeardStatus(NamedTuple):
    """A status message and when it was received (seconds since the epoch)."""

    site: str
    unit: str
    status: Status
    heard_at_s: int


class Store:
    """Writes to the database. Any number of them may share one database.

    Args:
        engine: from `database.connect`; its tables are up to date.
        calendar: hours and days of the city.
    """

    def __init__(self, engine: Engine, *, calendar: Calendar) -> None:
        self.engine = engine
        self.calendar = calendar
        self._writing = writing(engine)
        self._sites: dict[str, int] = {}
        self._units: dict[str, tuple[int, int]] = {}

    def write(
        self, counts: Sequence[ReceivedCount], statuses: Sequence[HeardStatus] = ()
    ) -> Written:
        """Stores a batch in one transaction: all of it or nothing.

        Rows are written in the order of their keys, so that two collectors which
        write the same units wait for each other and never in a circle.
        """
        try:
            with self._writing.begin() as connection:
                self._learn_names(connection, counts, statuses)
                written = self._write_counts(connection, counts)
                self._write_statuses(connection, statuses)
        except Exception:
            self._sites.clear()  # ids learnt in a transaction that was rolled back
            self._units.clear()
            raise
        return written

    def forget(self, *, windows_before: int | None, hours_before: int | None) -> None:
        """Deletes windows and hourly sums that began before these minutes; daily sums stay."""
        with self._writing.begin() as connection:
            unit_ids = connection.scalars(select(schema.units.c.id)).all()
            if windows_before is not None:
                for unit_id in unit_ids:
                    connection.execute(
                        delete(schema.windows).where(
                            schema.windows.c.unit_id == unit_id,
                            schema.windows.c.start < windows_before,
                        )
                    )
                self._advance(connection, _WINDOWS_FROM, windows_before)
            if hours_before is not None:
                connection.execute(
                    delete(schema.hourly).where(schema.hourly.c.bucket < hours_before)
                )
                self._advance(connection, _HOURS_FROM, hours_before)

    def _write_counts(self, connection: Connection, counts: Sequence[ReceivedCount]) -> Written:
        if not counts:
            return Written()
        oldest = self._fact(connection, _WINDOWS_FROM)
        received: dict[tuple[int, int], Window] = {}
        repeated = contradicting = too_old = 0
        for item in counts:
            window = self._window(item)
            key = (window.unit_id, window.start)
            if window.start < oldest:
                too_old += 1
            elif (first := received.setdefault(key, window)) is not window:
                if first == window:
                    repeated += 1
                else:
                    contradicting += 1
        ordered = [received[key] for key in sorted(received)]
        new = self._insert_new(connection, ordered)
        known = [window for window in ordered if (window.unit_id, window.start) not in new]
        same = self._count_same(connection, known)
        hours, days = roll_up(
            (window for window in ordered if (window.unit_id, window.start) in new),
            calendar=self.calendar,
        )
        self._add(connection, schema.hourly, hours)
        self._add(connection, schema.daily, days)
        return Written(
            stored=len(new),
            repeated=repeated + same,
            contradicting=contradicting + len(known) - same,
            too_old=too_old,
        )

    def _insert_new(
        self, connection: Connection, ordered: Sequence[Window]
    ) -> set[tuple[int, int]]:
        """Stores windows and returns the keys of those that were not there yet.

        The statement is written here: SQLAlchemy takes three times as long to fill its own.
        """
        new: set[tuple[int, int]] = set()
        for place in range(0, len(ordered), _ROWS_AT_ONCE):
            part = ordered[place : place + _ROWS_AT_ONCE]
            values = tuple(chain.from_iterable(part))
            new.update(map(tuple, connection.exec_driver_sql(self._insertion(len(part)), values)))
        return new

    def _insertion(self, rows: int) -> str:
        mark = "?" if self.engine.dialect.paramstyle == "qmark" else "%s"
        row = "(" + ", ".join([mark] * len(Window._fields)) + ")"
        return (
            f"INSERT INTO windows ({', '.join(Window._fields)}) VALUES {', '.join([row] * rows)} "  # noqa: S608
            "ON CONFLICT DO NOTHING RETURNING unit_id, start"
        )

    @staticmethod
    def _count_same(connection: Connection, known: Sequence[Window]) -> int:
        table = schema.windows
        columns = [table.c[name] for name in Window._fields]
        same = 0
        for place in range(0, len(known), 500):
            part = known[place : place + 500]
            keys = [(window.unit_id, window.start) for window in part]
            rows = connection.execute(
                select(*columns).where(tuple_(table.c.unit_id, table.c.start).in_(keys))
            )
            stored = {(row.unit_id, row.start): tuple(row) for row in rows}
            same += sum(stored.get((w.unit_id, w.start)) == tuple(w) for w in part)
        return same

    def _add(self, connection: Connection, table: Table, sums: Mapping[Key, Sums]) -> None:
        if not sums:
            return
        statement = self._insert(table)
        added = (*COUNTS, "observed_s", "covered_minutes", "withheld_minutes")
        statement = statement.on_conflict_do_update(
            index_elements=["bucket", "site_id", "unit_id"],
            set_={name: table.c[name] + statement.excluded[name] for name in added},
        )
        connection.execute(
            statement,
            [
                {
                    "bucket": bucket,
                    "site_id": site_id,
                    "unit_id": unit_id,
                    **dict(zip(COUNTS, part.counts, strict=True)),
                    "observed_s": part.observed_s,
                    "covered_minutes": part.covered_minutes,
                    "withheld_minutes": part.withheld_minutes,
                }
                for (bucket, site_id, unit_id), part in sorted(sums.items(), key=lambda kv: kv[0])
            ],
        )

    def _write_statuses(self, connection: Connection, statuses: Sequence[HeardStatus]) -> None:
        latest = {heard.unit: heard for heard in statuses}
        for unit, heard in sorted(latest.items()):
            since = heard.status.since
            connection.execute(
                update(schema.units)
                .where(schema.units.c.name == unit)
                .values(
                    online=heard.status.online,
                    version=heard.status.version,
                    since=None if since is None else int(since.timestamp()),
                    heard_at=heard.heard_at_s,
                )
            )

    def _learn_names(
        self,
        connection: Connection,
        counts: Iterable[ReceivedCount],
        statuses: Iterable[HeardStatus],
    ) -> None:
        """Knows the ids of all names afterwards; a unit belongs to the site it last spoke for."""
        site_of = {item.unit: item.site for item in statuses}
        site_of |= {item.unit: item.site for item in counts}
        wanted = {item.site for item in counts} | set(site_of.values())
        if not wanted <= self._sites.keys():
            self._add_names(connection, schema.sites, [{"name": n} for n in sorted(wanted)])
            rows = connection.execute(select(schema.sites.c.name, schema.sites.c.id))
            self._sites = {row.name: row.id for row in rows}
        if not site_of.keys() <= self._units.keys():
            new = [{"name": n, "site_id": self._sites[s]} for n, s in sorted(site_of.items())]
            self._add_names(connection, schema.units, new)
            table = schema.units
            found = connection.execute(select(table.c.name, table.c.id, table.c.site_id))
            self._units = {row.name: (row.id, row.site_id) for row in found}
        for unit, site in sorted(site_of.items()):
            unit_id, site_id = self._units[unit]
            if site_id != self._sites[site]:
                connection.execute(
                    update(schema.units)
                    .where(schema.units.c.id == unit_id)
                    .values(site_id=self._sites[site])
                )
                self._units[unit] = (unit_id, self._sites[site])

    def _add_names(
        self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]
    ) -> None:
        connection.execute(self._insert(table).on_conflict_do_nothing(), rows)

    def _window(self, item: ReceivedCount) -> Window:
        count = item.count
        return Window(
            self._units[item.unit][0],
            _minute(count.start),
            self._sites[item.site],
            count.minutes,
            count.with_mask,
            count.without_mask,
            count.incorrect,
            count.unclear,
            count.observed_s,
        )

    def _insert(self, table: Table) -> Any:
        """Returns an INSERT that knows ON CONFLICT; both databases write it alike."""
        if self.engine.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)

    @staticmethod
    def _fact(connection: Connection, name: str) -> int:
        value = connection.scalar(select(schema.facts.c.value).where(schema.facts.c.name == name))
        return int(value) if value is not None else 0

    def _advance(self, connection: Connection, name: str, value: int) -> None:
        later = max(value, self._fact(connection, name))
        statement = self._insert(schema.facts).values(name=name, value=str(later))
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": str(later)})
        )
