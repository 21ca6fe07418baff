"""What each page shows, as values: no HTML, no language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from maskcam.cityhall.reader import Level, Reader, Span, Totals, Unit
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.statistics import FEW, Interval, difference

PARTLY = 0.90
"""Below this part of its time observed, an hour or day is marked as partly observed."""


class Seen(StrEnum):
    """What is known of an hour or day."""

    FULLY = "fully"
    PARTLY = "partly"
    BLIND = "blind"
    OFFLINE = "offline"
    TO_COME = "to_come"

    @property
    def is_gap(self) -> bool:
        """Whether there is nothing to draw: unknown, which is not zero."""
        return self not in {Seen.FULLY, Seen.PARTLY}


class Point(NamedTuple):
    """One hour or day of a site. `totals` are shown unless `seen.is_gap`."""

    bucket: int
    end: int
    seen: Seen
    totals: Totals
    observed_part: float


class Change(NamedTuple):
    """Passages now against before, in the camera hours that were observed both times."""

    now: Totals = Totals()
    before: Totals = Totals()

    @property
    def ratio(self) -> float | None:
        """Relative change: 0.12 is 12 % more. None where there is nothing to compare with."""
        return self.now.people / self.before.people - 1 if self.before.people > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteToday:
    """A site on the first screen."""

    site: str
    today: Totals
    change: Change
    week: Totals
    share_change: Interval | None
    days: list[Point]
    units: list[Unit]

    @property
    def online(self) -> int:
        """Number of units that said they are online."""
        return sum(bool(unit.online) for unit in self.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """People without a mask at one site in one hour of the day, over some days."""

    site: str
    hour: int
    totals: Totals
    per_hour: float
    """People without a mask in an hour, all units of the site together."""


class Periods:
    """Days and weeks around a moment, as spans."""

    def __init__(self, calendar: Calendar, *, now: datetime) -> None:
        self.calendar = calendar
        self.now = minute_of(now)
        self.today = calendar.local(self.now).date()

    def day(self, day: date) -> Span:
        """Returns one local day."""
        return self.days(day, day)

    def days(self, first: date, last: date) -> Span:
        """Returns the days from `first` to `last`, both included."""
        return Span(self._midnight(first), self._midnight(last + timedelta(days=1)))

    def so_far(self, day: date) -> Span:
        """Returns `day` up to the last full hour by today's clock, to compare days by."""
        clock = self.calendar.local(self.calendar.hour(self.now))
        end = datetime(day.year, day.month, day.day, clock.hour, tzinfo=self.calendar.zone)
        return Span(self._midnight(day), minute_of(end))

    def _midnight(self, day: date) -> int:
        return minute_of(datetime(day.year, day.month, day.day, tzinfo=self.calendar.zone))


def overview(reader: Reader, *, now: datetime) -> list[SiteToday]:
    """Returns every site for the first screen, from the sums alone."""
    periods = Periods(reader.calendar, now=now)
    today = periods.today
    week_ago = today - timedelta(days=7)
    day_now = reader.by_site("daily", periods.day(today))
    changes = changes_by_site(reader, periods.so_far(today), periods.so_far(week_ago))
    this_week = reader.by_site("daily", periods.days(week_ago, today - timedelta(days=1)))
    last_week = reader.by_site(
        "daily", periods.days(today - timedelta(days=14), today - timedelta(days=8))
    )
    fortnight = periods.days(today - timedelta(days=13), today)
    daily = reader.by_bucket("daily", fortnight)
    units: dict[str, list[Unit]] = {}
    seen = reader.seen_units(fortnight)
    for unit in reader.units():
        if unit.online or unit.name in seen:  # a unit that was taken down is not missed for ever
            units.setdefault(unit.site, []).append(unit)
    nothing = Totals()
    return [
        SiteToday(
            site=site,
            today=day_now.get(site, nothing),
            change=changes.get(site, Change()),
            week=this_week.get(site, nothing),
            share_change=share_change(this_week.get(site, nothing), last_week.get(site, nothing)),
            days=_points(
                {bucket: t for (name, bucket), t in daily.items() if name == site},
                fortnight,
                level="daily",
                periods=periods,
            ),
            units=units.get(site, []),
        )
        for site in reader.sites()
    ]


def share_change(now: Totals, before: Totals) -> Interval | None:
    """Returns the change of the mask share, or None if either had too few passages."""
    first, second = before.mask_share, now.mask_share
    if first is None or second is None or min(now.judged, before.judged) < FEW:
        return None
    return difference(second, first)


def changes_by_site(reader: Reader, now: Span, before: Span) -> dict[str, Change]:
    """Returns how passages changed between two spans of whole weeks apart.

    Only hours of a camera that were observed in both count: what a camera did not see
    would look like fewer people.
    """
    first = _well_observed(reader, before)
    pairs: dict[str, list[tuple[Totals, Totals]]] = {}
    for key, totals in _well_observed(reader, now).items():
        if (earlier := first.get(key)) is not None:
            pairs.setdefault(key[0], []).append((totals, earlier))
    return {
        site: Change(
            *(Totals(*map(sum, zip(*part, strict=True))) for part in zip(*found, strict=True))
        )
        for site, found in pairs.items()
    }


def _well_observed(reader: Reader, span: Span) -> dict[tuple[str, str, int, int], Totals]:
    """Returns the camera hours observed nearly whole, by site, camera, weekday and hour."""
    found = {}
    hour = lru_cache(maxsize=2048)(reader.calendar.local)
    for (site, unit, bucket), totals in reader.by_camera_hour(span).items():
        if totals.observed_s >= PARTLY * 3600:
            local = hour(bucket)
            found[site, unit, local.weekday(), local.hour] = totals
    return found


def site_points(
    reader: Reader, *, site: str, level: Level, span: Span, now: datetime
) -> list[Point]:
    """Returns every hour or day of `span` at `site`, with what is known of it."""
    totals = reader.by_bucket(level, span, site=site)
    buckets = {bucket: t for (_, bucket), t in totals.items()}
    return _points(buckets, span, level=level, periods=Periods(reader.calendar, now=now))


def slots(reader: Reader, *, span: Span, weekday: int | None = None) -> list[Slot]:
    """Returns sites and hours of the day, most people without a mask per hour first.

    Args:
        reader: where the sums are.
        span: the days to look at.
        weekday: only these days (Monday is 0), or all.
    """
    found: dict[tuple[str, int], list[Totals]] = {}
    units: dict[str, int] = {}
    for (site, bucket), totals in reader.by_bucket("hourly", span).items():
        local = reader.calendar.local(bucket)
        units[site] = max(units.get(site, 0), totals.units)
        if weekday is None or local.weekday() == weekday:
            found.setdefault((site, local.hour), []).append(totals)
    result = []
    for (site, hour), parts in found.items():
        total = Totals(*map(sum, zip(*parts, strict=True)))
        if total.observed_s >= 1800:  # less says nothing about an hour
            rate = total.without_mask / total.observed_hours * units[site]
            result.append(Slot(site=site, hour=hour, totals=total, per_hour=rate))
    return sorted(result, key=lambda slot: (-slot.per_hour, slot.site, slot.hour))


def _points(
    totals: dict[int, Totals], span: Span, *, level: Level, periods: Periods
) -> list[Point]:
    calendar = periods.calendar
    following = calendar.next_hour if level == "hourly" else calendar.next_day
    units = max((total.units for total in totals.values()), default=1)
    points = []
    bucket = span.start
    while bucket < span.end:
        end = following(bucket)
        total = totals.get(bucket, Totals())
        elapsed = max(0, min(end, periods.now) - bucket)
        part = min(1.0, total.observed_s / (60 * elapsed * units)) if elapsed else 0.0
        points.append(Point(bucket, end, _seen(total, bucket, part, level, periods), total, part))
        bucket = end
    return points


def _seen(total: Totals, bucket: int, part: float, level: Level, periods: Periods) -> Seen:
    if bucket > periods.now:
        return Seen.TO_COME
    if total.covered_minutes == 0:
        return Seen.OFFLINE
    if total.observed_s < 60:
        return Seen.BLIND
    # A camera that is meant to run in the mornings only leaves most of a day open.
    return Seen.PARTLY if level == "hourly" and part < PARTLY else Seen.FULLY
