"""Reads which cameras stood where, and what arrived of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from sqlalchemy import Engine, case, func, select

from maskcam.cityhall import schema
from maskcam.cityhall.older_counts import PREFIX
from maskcam.cityhall.queries import inside, of_sites, site_ids
from maskcam.cityhall.reader import Span
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.delivery.wire import ReceivedCount


class Stay(NamedTuple):
    """A unit's time at a site: its first and last day with counts, by their first minutes."""

    site: str
    unit: str
    since: int
    until: int


class Latest(NamedTuple):
    """What arrived of a unit lately."""

    unit: str
    heard_until: int
    """End of its latest window, in minutes since the epoch."""
    covered_minutes: int
    observed_s: float
    """Both in the hours asked for."""


def stays(engine: Engine, *, site: str | None = None) -> list[Stay]:
    """Returns which unit stood at which site, and when; of one site, all about its units."""
    stints, sites, units = schema.stints, schema.sites, schema.units
    query = (
        select(sites.c.name, units.c.name, stints.c.since, stints.c.until)
        .join(sites, stints.c.site_id == sites.c.id)
        .join(units, stints.c.unit_id == units.c.id)
        .order_by(stints.c.since, units.c.name)
    )
    if site is not None:
        here = select(stints.c.unit_id).where(stints.c.site_id.in_(site_ids([site])))
        query = query.where(stints.c.unit_id.in_(here))
    with engine.connect() as connection:
        return [Stay(*row) for row in connection.execute(query)]


def without_hours_of_cameras(
    counts: Sequence[ReceivedCount], engine: Engine, calendar: Calendar
) -> list[ReceivedCount]:
    """Returns those older counts whose hours no camera of ours at the same site observed.

    Two counters side by side would count everybody twice.
    """
    hours = [calendar.hour(minute_of(item.count.start)) for item in counts]
    if not hours:
        return []
    hourly, sites, units = schema.hourly, schema.sites, schema.units
    query = (
        select(sites.c.name, hourly.c.bucket)
        .join(sites, hourly.c.site_id == sites.c.id)
        .join(units, hourly.c.unit_id == units.c.id)
        .where(hourly.c.bucket >= min(hours), hourly.c.bucket <= max(hours))
        .where(hourly.c.observed_s > 0, ~units.c.name.startswith(PREFIX))
        .distinct()
    )
    with engine.connect() as connection:
        observed = {(name, hour) for name, hour in connection.execute(query)}
    places = zip(counts, hours, strict=True)
    return [item for item, hour in places if (item.site, hour) not in observed]


def latest(engine: Engine, span: Span) -> list[Latest]:
    """Returns what arrived of each unit: its latest window, and the sums of some hours."""
    windows, units, hourly = schema.windows, schema.units, schema.hourly
    older = windows.alias()
    newest = select(func.max(older.c.start)).where(older.c.unit_id == units.c.id).correlate(units)
    ends = (
        select(func.max(windows.c.start + windows.c.minutes))
        .where(windows.c.unit_id == units.c.id, windows.c.start >= newest.scalar_subquery() - 20)
        .correlate(units)
        .scalar_subquery()
    )
    sums = (
        select(
            hourly.c.unit_id,
            func.sum(hourly.c.covered_minutes).label("covered"),
            func.sum(hourly.c.observed_s).label("observed"),
        )
        .where(hourly.c.bucket >= span.start, hourly.c.bucket < span.end)
        .group_by(hourly.c.unit_id)
        .subquery()
    )
    query = select(
        units.c.name,
        func.coalesce(ends, 0),
        func.coalesce(sums.c.covered, 0),
        func.coalesce(sums.c.observed, 0.0),
    ).join(sums, sums.c.unit_id == units.c.id, isouter=True)
    with engine.connect() as connection:
        return [Latest(*row) for row in connection.execute(query).all()]


def observing(engine: Engine, hours: Iterable[int]) -> dict[int, set[str]]:
    """Returns, for each of some hours (their first minutes), the units that observed anything."""
    hourly, units = schema.hourly, schema.units
    query = (
        select(hourly.c.bucket, units.c.name)
        .join(units, hourly.c.unit_id == units.c.id)
        .where(hourly.c.bucket.in_(list(hours)), hourly.c.observed_s > 0)
    )
    found: dict[int, set[str]] = {}
    with engine.connect() as connection:
        for hour, unit in connection.execute(query).all():
            found.setdefault(hour, set()).add(unit)
    return found


def last_sight(
    engine: Engine, names: Set[str], *, since: int, calendar: Calendar
) -> dict[str, int]:
    """Returns the last hour from `since` on in which each of some units observed a minute or more.

    A unit that did in no hour is there with the last hour in which it observed anything, on its
    last day with a minute, and is missing if there is no such day.
    """
    if not names:
        return {}
    hourly, daily, units = schema.hourly, schema.daily, schema.units
    last_days = (
        select(units.c.id, units.c.name, func.max(daily.c.bucket))
        .join(units, daily.c.unit_id == units.c.id)
        .where(daily.c.bucket >= since, daily.c.observed_s >= 60)
        .group_by(units.c.id, units.c.name)
    )
    found: dict[str, int] = {}
    with engine.connect() as connection:
        by_day: dict[int, dict[int, str]] = {}
        for number, name, day in connection.execute(last_days):
            if name in names:
                by_day.setdefault(day, {})[number] = name
        for day, wanted in by_day.items():
            minute = case((hourly.c.observed_s >= 60, hourly.c.bucket))
            last_hours = (
                select(hourly.c.unit_id, func.coalesce(func.max(minute), func.max(hourly.c.bucket)))
                .where(inside(hourly, day, calendar.next_day(day)), hourly.c.observed_s > 0)
                .group_by(hourly.c.unit_id)
            )
            for number, hour in connection.execute(last_hours):
                if number in wanted:
                    found[wanted[number]] = hour
    return found


def observed_days(
    engine: Engine, span: Span, *, calendar: Calendar, site: str | None = None
) -> dict[tuple[str, str], dict[int, float]]:
    """Returns, by site and unit, the seconds observed on each day."""
    daily, sites, units = schema.daily, schema.sites, schema.units
    query = select(daily.c.site_id, daily.c.unit_id, daily.c.bucket, daily.c.observed_s)
    site_names = select(sites.c.id, sites.c.name)
    unit_names = select(units.c.id, units.c.name)
    if site is None:
        query = query.where(daily.c.bucket >= span.start, daily.c.bucket < span.end)
    else:
        query = query.where(of_sites(daily, [site], calendar.days(*span)))
        site_names = site_names.where(sites.c.name == site)
        here = select(daily.c.unit_id).where(of_sites(daily, [site], calendar.days(*span)))
        unit_names = unit_names.where(units.c.id.in_(here))
    found: dict[tuple[int, int], dict[int, float]] = {}
    with engine.connect() as connection:
        name_of_site = {row.id: row.name for row in connection.execute(site_names)}
        name_of_unit = {row.id: row.name for row in connection.execute(unit_names)}
        for number, unit, day, seconds in connection.execute(query).all():
            found.setdefault((number, unit), {})[day] = seconds
    return {
        (name_of_site[number], name_of_unit[unit]): days for (number, unit), days in found.items()
    }
