"""A week of the city, as the report shows it: values, no language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from maskcam.cityhall.comparison import Change, compare, total_change
from maskcam.cityhall.expectation import expectation
from maskcam.cityhall.figures import Point, PointMaker, buckets, city_point, total_of
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Totals
from maskcam.cityhall.where_and_when import Slot, find_slots, most_needed

MAX_SITES = 60
"""So many sites are drawn; the report says how many it left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekOfSite:
    """A site's week."""

    site: str
    totals: Totals
    change: Change
    days: list[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The city's week. `sites` are those with most passages, by name; `days` are the city's."""

    total: Totals
    change: Change
    days: list[Point]
    sites: list[WeekOfSite]
    left_out: int
    rising: list[WeekOfSite]
    falling: list[WeekOfSite]
    best: Slot | None
    partly: int
    """Number of days of sites that were observed in part or not at all."""

    @property
    def sites_observed(self) -> int:
        """Number of sites."""
        return len(self.sites) + self.left_out


def last_monday(today: date) -> date:
    """Returns the first day of the last week that is over."""
    return today - timedelta(days=today.weekday() + 7)


def find_week(reader: Reader, *, monday: date, now: datetime) -> Week:
    """Returns the week that begins on `monday`."""
    periods = Periods(reader.calendar, now=now)
    span = periods.days(monday, monday + timedelta(days=6))
    totals = reader.by_site("daily", span)
    changes = compare(reader, span, days=7, periods=periods)
    expected = expectation(reader, span, periods=periods)
    points = PointMaker(expected, level="daily", periods=periods)
    found = dict(reader.in_order("daily", span))
    starts = list(buckets(span, level="daily", periods=periods))
    made = {
        site: [points.make(site, day, found.get(day, {}).get(site, Totals())) for day in starts]
        for site in totals
    }
    weeks = [
        WeekOfSite(site=site, totals=total, change=changes.get(site, Change()), days=made[site])
        for site, total in totals.items()
    ]
    weeks.sort(key=lambda week: -week.totals.people)
    moved = [week for week in weeks if week.change.share is not None]
    slots = find_slots(reader, span=span, periods=periods)
    return Week(
        total=total_of(totals),
        change=total_change(changes.values()),
        days=[city_point([made[site][place] for site in made]) for place in range(len(starts))]
        if made
        else [],
        sites=sorted(weeks[:MAX_SITES], key=lambda week: week.site),
        left_out=max(0, len(weeks) - MAX_SITES),
        rising=_clearest([w for w in moved if w.change.share and w.change.share.low > 0]),
        falling=_clearest([w for w in moved if w.change.share and w.change.share.high < 0]),
        best=most_needed(slots),
        partly=sum(point.is_short for week in weeks for point in week.days),
    )


def _clearest(weeks: list[WeekOfSite]) -> list[WeekOfSite]:
    """Returns the three sites whose share changed most."""

    def size(week: WeekOfSite) -> float:
        return -abs(week.change.share.value) if week.change.share else 0.0

    return sorted(weeks, key=size)[:3]
