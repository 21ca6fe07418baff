"""Writes windows and states of units, each exactly once, with their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from maskcam.cityhall import schema
from maskcam.cityhall.database import writing
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.plausibility import doubt
from maskcam.cityhall.rollup import COUNTS, Calendar, Key, Sums, Window, fold, minute_of, roll_up
from maskcam.cityhall.stints import Stint, settle
from maskcam.cityhall.superseded import withdraw_older_counts
from maskcam.delivery.wire import ReceivedCount
from maskcam.records import WindowKind

_WINDOWS_FROM = "windows_from"
_HOURS_FROM = "hours_from"
_ROWS_AT_ONCE = 1000  # SQLite and PostgreSQL take 32,766 and 65,535 values in a statement
_Hour = tuple[int, int]  # a unit, and hours since the epoch
Doubt = tuple[str, ReceivedCount]
"""A key of `judgement.DOUBTS`, and the window."""
_minute = lru_cache(maxsize=20_000)(minute_of)


class Written(NamedTuple):
    """What became of a batch: numbers of windows.

    `repeated` arrived before with the same content; `contradicting` arrived before
    with other content, and the first one stays; `overlapping` are hours that share minutes with
    another one of the same run; `replaced` gave way to one of a higher run with the same key,
    whichever came first; `too_old` are from before the retention.
    """

    stored: int = 0
    repeated: int = 0
    contradicting: int = 0
    replaced: int = 0
    too_old: int = 0
    overlapping: int = 0


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
        self._stints: dict[int, list[Stint]] = {}

    def write(
        self,
        counts: Sequence[ReceivedCount],
        statuses: Sequence[HeardStatus] = (),
        *,
        doubted: list[Doubt] | None = None,
        overruling: bool = False,
    ) -> Written:
        """Stores a batch in one transaction: all of it or nothing.

        With `overruling`, a window that contradicts a stored one takes its place; else it is
        added to `doubted`, as are those that overlap.

        Rows are written in the order of their keys, so that two collectors which
        write the same units wait for each other and never in a circle.
        """
        try:
            with self._writing.begin() as connection:
                self._learn_names(connection, counts, statuses)
                found: list[Doubt] = []
                written = self._write_counts(connection, counts, found, overruling=overruling)
                self._write_statuses(connection, statuses)
        except Exception:
            self._sites.clear()  # ids learnt in a transaction that was rolled back
            self._units.clear()
            self._stints.clear()
            raise
        if doubted is not None:
            doubted += found
        return written

    def forget(self, *, windows_before: int | None, hours_before: int | None) -> None:
        """Deletes windows and hourly sums that began before these minutes; daily sums stay."""
        with self._writing.begin() as connection:
            unit_ids = connection.scalars(select(schema.units.c.id)).all()
            if windows_before is not None:
                windows_before -= windows_before % 60  # an hour and its minutes go together
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

    def _write_counts(
        self,
        connection: Connection,
        counts: Sequence[ReceivedCount],
        doubted: list[Doubt],
        *,
        overruling: bool,
    ) -> Written:
        if not counts:
            return Written()
        oldest = self._fact(connection, _WINDOWS_FROM)
        received = [(self._window(item), item) for item in counts]
        recent = [(window, item) for window, item in received if window.start >= oldest]
        stored = self._stored_hours(connection, [window for window, _ in recent])
        number = Counter[str](too_old=len(received) - len(recent))
        changed: dict[tuple[int, int, bool], Window] = {}
        after = {hour: dict(windows) for hour, windows in stored.items()}
        for window, item in recent:
            known = after[_hour(window)].get(window.key)
            if not overruling and (word := doubt(window, known, after[_hour(window)])):
                number["replaced" if word == "interleaved" else word] += 1
                doubted.append((word, item))
            elif known is None or window.run > known.run or (overruling and window != known):
                after[_hour(window)][window.key] = changed[window.key] = window
                number["replaced" if known else "stored"] += 1
            else:
                number["repeated"] += 1
        self._upsert(connection, [changed[key] for key in sorted(changed)])
        gone = withdraw_older_counts(connection, changed.values(), calendar=self.calendar)
        hours = {_hour(window) for window in changed.values()}
        counted = chain.from_iterable(fold(stored[hour].values()) for hour in hours)
        sums = roll_up(
            chain.from_iterable(fold(after[hour].values()) for hour in hours),
            calendar=self.calendar,
            less=chain(counted, gone),
        )
        for table, part in zip((schema.hourly, schema.daily), sums, strict=True):
            self._add(connection, table, part)
        self._record_stints(connection, sums[1])
        return Written(**number)

    def _stored_hours(
        self, connection: Connection, windows: Sequence[Window]
    ) -> dict[_Hour, dict[tuple[int, int, bool], Window]]:
        """Returns all stored windows of the units and hours of UTC that these belong to."""
        units: dict[int, set[int]] = {}
        for window in windows:
            units.setdefault(window.start // 60, set()).add(window.unit_id)
        every = sorted(set().union(*units.values()))
        if self.engine.dialect.name == "postgresql":  # SQLite has one writer at a time
            table = schema.units
            rows = select(table.c.id).where(table.c.id.in_(every)).order_by(table.c.id)
            connection.execute(rows.with_for_update())
        table = schema.windows
        columns = [table.c[name] for name in Window._fields]
        stored: dict[_Hour, dict[tuple[int, int, bool], Window]] = {}
        for hour, unit_ids in units.items():
            stored.update({(unit_id, hour): {} for unit_id in unit_ids})
            wanted = select(*columns).where(
                table.c.unit_id.in_(unit_ids),
                table.c.start >= 60 * hour,
                table.c.start < 60 * (hour + 1),
            )
            for row in connection.execute(wanted):
                window = Window(*row)
                stored[_hour(window)][window.key] = window
        return stored

    def _upsert(self, connection: Connection, windows: Sequence[Window]) -> None:
        """Stores windows, in place of those with their keys.

        The statement is written here: SQLAlchemy takes three times as long to fill its own.
        """
        for place in range(0, len(windows), _ROWS_AT_ONCE):
            part = windows[place : place + _ROWS_AT_ONCE]
            connection.exec_driver_sql(self._insertion(len(part)), tuple(chain.from_iterable(part)))

    def _insertion(self, rows: int) -> str:
        mark = "?" if self.engine.dialect.paramstyle == "qmark" else "%s"
        row = "(" + ", ".join([mark] * len(Window._fields)) + ")"
        changes = ", ".join(f"{name} = excluded.{name}" for name in Window._fields[3:])
        return (
            f"INSERT INTO windows ({', '.join(Window._fields)}) VALUES {', '.join([row] * rows)} "  # noqa: S608
            f"ON CONFLICT (unit_id, start, is_hour) DO UPDATE SET {changes}"
        )

    def _add(self, connection: Connection, table: Table, sums: Mapping[Key, Sums]) -> None:
        if not sums:
            return
        statement = self._insert(table)
        added = (*COUNTS, "observed_s", "covered_minutes", "variance")
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
                    "variance": part.variance,
                }
                for (bucket, site_id, unit_id), part in sorted(sums.items(), key=lambda kv: kv[0])
            ],
        )

    def _record_stints(self, connection: Connection, days: Iterable[Key]) -> None:
        """Notes at which site the units stood on these days; nothing to do but once a day."""
        news = [
            (unit_id, site_id, day)
            for day, site_id, unit_id in sorted(days)
            if not any(
                one.site_id == site_id and one.since <= day <= one.until
                for one in self._stints.get(unit_id, ())
            )
        ]
        table = schema.stints
        for unit_id in sorted({unit_id for unit_id, *_ in news}):
            columns = [table.c[name] for name in Stint._fields]
            rows = connection.execute(select(*columns).where(table.c.unit_id == unit_id))
            stints = [Stint(*row) for row in rows]
            for _, site_id, day in (one for one in news if one[0] == unit_id):
                stints = settle(stints, unit_id, site_id, day)
            connection.execute(delete(table).where(table.c.unit_id == unit_id))
            connection.execute(table.insert(), [one._asdict() for one in stints])
            self._stints[unit_id] = stints

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
            count.kind is WindowKind.HOUR,
            count.run,
            self._sites[item.site],
            count.minutes,
            count.with_mask,
            count.without_mask,
            count.incorrect,
            count.unclear,
            count.observed_s,
            count.epsilon,
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


def _hour(window: Window) -> _Hour:
    return window.unit_id, window.start // 60
