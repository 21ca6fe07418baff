"""Reads sums and units; everything the dashboard shows comes through here."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import Column, Engine, bindparam, case, cast, func, select

from maskcam.cityhall import schema
from maskcam.cityhall.database import plain_rows
from maskcam.cityhall.past_cache import Kept
from maskcam.cityhall.queries import SUMMED, inside, matched_hours, names_of, of_sites
from maskcam.cityhall.rollup import COUNTS, Calendar
from maskcam.cityhall.statistics import FEW, Interval, share

K = TypeVar("K", bound=Hashable)
Level = Literal["hourly", "daily"]


class Totals(NamedTuple):
    """Sums over units and time. `observed_s` and the minutes are summed over units, too.

    Counts carry noise: small ones may be negative. `variance` is that of each of the four.
    """

    with_mask: int = 0
    without_mask: int = 0
    incorrect: int = 0
    unclear: int = 0
    observed_s: float = 0.0
    covered_minutes: int = 0
    variance: float = 0.0
    units: int = 0
    """Units that observed, the most in any part of the time."""

    def plus(self, other: Totals) -> Totals:
        """Returns the sums of both; of the units the most of both."""
        return Totals(
            self.with_mask + other.with_mask,
            self.without_mask + other.without_mask,
            self.incorrect + other.incorrect,
            self.unclear + other.unclear,
            self.observed_s + other.observed_s,
            self.covered_minutes + other.covered_minutes,
            self.variance + other.variance,
            max(self.units, other.units),
        )

    @property
    def people(self) -> int:
        """Passages."""
        return self.with_mask + self.without_mask + self.incorrect + self.unclear

    @property
    def judged(self) -> int:
        """Passages whose mask could be judged."""
        return self.with_mask + self.without_mask + self.incorrect

    def mask_share(self, *, right: float = 1.0) -> Interval | None:
        """Returns the share of judged passages with a mask worn properly; None: too few judged.

        The one rule for page, chart, API, CSV and PDF.

        Args:
            right: the part of masks and faces that is recognised at least.
        """
        masked, without, incorrect, _, _, _, variance, _ = self
        judged = masked + without + incorrect
        return share(masked, judged, variance=variance, right=right) if judged >= FEW else None

    @property
    def observed_hours(self) -> float:
        """Hours observed, summed over units."""
        return self.observed_s / 3600


class Unit(NamedTuple):
    """A unit and its last status; `online` is None if it never published one."""

    name: str
    site: str
    online: bool | None
    version: str | None
    heard_at: int | None


class Span(NamedTuple):
    """Minutes since the epoch: from `start` to before `end`."""

    start: int
    end: int


class Reader:
    """Answers questions about spans of time, from the sums only."""

    def __init__(self, engine: Engine, *, calendar: Calendar) -> None:
        self.engine = engine
        self.calendar = calendar
        self.kept = Kept()

    def sites(self) -> list[str]:
        """Returns the names of all sites, sorted."""
        with self.engine.connect() as connection:
            return list(
                connection.scalars(select(schema.sites.c.name).order_by(schema.sites.c.name))
            )

    def units(self) -> list[Unit]:
        """Returns all units, sorted by site and name."""
        units, sites = schema.units, schema.sites
        query = (
            select(
                units.c.name,
                sites.c.name.label("site"),
                *(units.c[name] for name in ("online", "version", "heard_at")),
            )
            .join(sites, units.c.site_id == sites.c.id)
            .order_by(sites.c.name, units.c.name)
        )
        with self.engine.connect() as connection:
            return [Unit(*row) for row in connection.execute(query)]

    def matched(
        self,
        pairs: Iterable[tuple[Span, int]],
        *,
        least_s: float,
        sites: Sequence[str] | None = None,
    ) -> dict[str, tuple[Totals, Totals]]:
        """Returns, by site, the camera hours observed at both of two times, now and before.

        Args:
            pairs: hours of now, and by how many minutes their counterparts are earlier.
            least_s: seconds that a camera must have observed in each of the two hours.
            sites: only these.
        """
        found: dict[int, tuple[Totals, Totals]] = {}
        with self.engine.connect() as connection:
            names = names_of(connection, schema.sites)
            for span, earlier in pairs:
                hours = inside(schema.hourly, *span)
                if sites is not None:
                    hours = of_sites(schema.hourly, sites, self.calendar.hours(*span))
                for number, *sums in connection.execute(
                    matched_hours(hours, earlier, least_s)
                ).all():
                    known = found.get(number, (Totals(), Totals()))
                    half = len(SUMMED)
                    found[number] = (
                        known[0].plus(Totals(*sums[:half])),
                        known[1].plus(Totals(*sums[half:])),
                    )
        return {names[number]: totals for number, totals in found.items()}

    def camera_hours(self, span: Span) -> int:
        """Returns about how many sums of hours there are in `span`: what it costs to read it."""
        with self.engine.connect() as connection:
            units = connection.scalar(select(func.count()).select_from(schema.units)) or 0
        return units * (span.end - span.start) // 60

    def slot_sums(
        self, slots: Mapping[K, Sequence[int]], *, least_s: float
    ) -> Iterator[tuple[K, str, float, Totals]]:
        """Yields slot, site, rate and totals.

        The rate is of people without a mask per hour: that of each unit while it observed,
        added up, so that a unit that was away does not look like an empty street.

        Args:
            slots: the first minutes of the hours of each, which are added up.
            least_s: seconds that a unit must have observed in a slot, all its hours together.
        """
        table = schema.hourly
        units = (
            select(table.c.site_id, *(func.sum(table.c[name]).label(name) for name in SUMMED))
            .where(table.c.bucket.in_(bindparam("hours", expanding=True)))
            .group_by(table.c.site_id, table.c.unit_id)
            .subquery()
        )
        query = (
            select(
                units.c.site_id,
                func.sum(units.c.without_mask * 3600.0 / units.c.observed_s),
                *(  # PostgreSQL makes decimals of sums of sums
                    cast(func.sum(units.c[name]), table.c[name].type) for name in SUMMED
                ),
                func.count(),
            )
            .where(units.c.observed_s >= least_s)
            .group_by(units.c.site_id)
        )
        with self.engine.connect() as connection:
            names = names_of(connection, schema.sites)
            for slot, hours in slots.items():  # one after the other: a year is too much to sort
                for site, rate, *sums in connection.execute(query, {"hours": hours}).all():
                    yield slot, names[site], float(rate), Totals(*sums)

    def by_site(
        self, level: Level, span: Span, *, sites: Sequence[str] | None = None
    ) -> dict[str, Totals]:
        """Returns the totals of each site that has any in `span`."""
        table = schema.metadata.tables[level]
        return {name: totals for (name,), totals in self._sums(span, [table.c.site_id], sites)}

    def by_bucket(self, level: Level, span: Span, *, site: str) -> dict[int, Totals]:
        """Returns the totals of each hour or day of a site that has any."""
        table = schema.metadata.tables[level]
        return {bucket: totals for (bucket,), totals in self._sums(span, [table.c.bucket], [site])}

    def by_unit(self, level: Level, span: Span, *, site: str) -> dict[tuple[str, int], Totals]:
        """Returns the totals of each unit of a site, by hour or day."""
        table = schema.metadata.tables[level]
        return dict(self._sums(span, [table.c.unit_id, table.c.bucket], [site]))

    def in_order(self, level: Level, span: Span) -> Iterator[tuple[int, dict[str, Totals]]]:
        """Yields hours or days in order, with each site's totals; read as they are asked for."""
        table = schema.metadata.tables[level]
        query = (
            select(
                table.c.bucket,
                table.c.site_id,
                *(func.sum(table.c[name]) for name in SUMMED),
                func.count().filter(table.c.observed_s >= 60),
            )
            .where(inside(table, *span))
            .group_by(table.c.bucket, table.c.site_id)  # as they lie there: nothing is sorted
            .order_by(table.c.bucket, table.c.site_id)
        )
        with self.engine.connect() as connection:
            names = names_of(connection, schema.sites)
            rows = plain_rows(connection, query)
            for bucket, of_sites_then in groupby(rows, itemgetter(0)):
                yield bucket, {names[row[1]]: Totals._make(row[2:]) for row in of_sites_then}

    def windows(self, span: Span, *, site: str | None = None) -> Iterator[tuple[Any, ...]]:
        """Yields the stored windows in order of unit and start, as they arrived."""
        table = schema.windows
        columns = ("site_id", "unit_id", "start", "minutes", *COUNTS, "observed_s", "epsilon")
        query = (
            select(*(table.c[name] for name in columns))
            .where(~table.c.is_hour, table.c.start >= span.start, table.c.start < span.end)
            .order_by(table.c.unit_id, table.c.start)
        )
        with self.engine.connect() as connection:
            sites, units = names_of(connection, schema.sites), names_of(connection, schema.units)
            if site is not None:
                query = query.where(
                    table.c.site_id.in_(number for number, name in sites.items() if name == site)
                )
            for row in plain_rows(connection, query):
                yield sites[row[0]], units[row[1]], *row[2:]

    def fingerprint(self, span: Span) -> tuple[object, ...]:
        """Returns what changes whenever a sum of a day in `span` does."""
        table = schema.daily
        query = select(
            func.count(),
            *(func.sum(table.c[name]) for name in (*COUNTS, "covered_minutes", "observed_s")),
        ).where(inside(table, *span))
        with self.engine.connect() as connection:
            found = connection.execute(query).one()
        return (*found[:-1], round(found[-1] or 0))  # in which order it was added up is open

    def first_day(self) -> int | None:
        """Returns the first day of which anything is known."""
        with self.engine.connect() as connection:
            day: int | None = connection.scalar(select(func.min(schema.daily.c.bucket)))
            return day

    def state(self, now: datetime) -> dict[str, str]:
        """Returns, by site, a text that changes whenever its figures of the last two days do."""
        since = self.calendar.day(int(now.timestamp() // 60) - 1440)
        table, units = schema.hourly, schema.units
        sums = (
            select(
                table.c.site_id,
                func.count(),
                func.sum(table.c.covered_minutes),
                func.sum(table.c.with_mask),
            )
            .where(table.c.bucket >= since)
            .group_by(table.c.site_id)
        )
        heard = select(
            units.c.site_id, func.count(), func.max(units.c.heard_at), func.count(units.c.online)
        ).group_by(units.c.site_id)
        found: dict[str, str] = {}
        with self.engine.connect() as connection:
            names = names_of(connection, schema.sites)
            for query in (sums, heard):
                for number, *values in connection.execute(query).all():
                    text = ".".join(str(value or 0) for value in values)
                    found[names[number]] = f"{found.get(names[number], '')}/{text}"
        return found

    def _sums(
        self, span: Span, by: Sequence[Column[Any]], sites: Sequence[str] | None
    ) -> Iterator[tuple[tuple[Any, ...], Totals]]:
        """Yields totals by columns of a table of sums; numbers of sites and units become names."""
        table = by[0].table
        query = select(
            *by,
            *(func.sum(table.c[name]) for name in SUMMED),
            func.count(case((table.c.observed_s >= 60, table.c.unit_id)).distinct()),
        ).group_by(*by)
        if sites is None:
            query = query.where(inside(table, *span))
        else:
            steps = self.calendar.hours if table is schema.hourly else self.calendar.days
            query = query.where(of_sites(table, sites, steps(*span)))
        named = {"site_id": schema.sites, "unit_id": schema.units}
        with self.engine.connect() as connection:
            names = [
                names_of(connection, named[column.name]) if column.name in named else None
                for column in by
            ]
            for row in connection.execute(query).all():
                key, sums = row[: len(by)], row[len(by) :]
                found = (n[part] if n else part for n, part in zip(names, key, strict=True))
                yield tuple(found), Totals(*sums)
