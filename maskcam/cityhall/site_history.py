"""A day, week, month or year of a site, hour by hour up to month by month, and the time before.

The earlier time goes back by whole weeks wherever weekdays matter, so that a Saturday stands
beside a Saturday.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from maskcam.cityhall.comparison import Change, compare
from maskcam.cityhall.figures import Point, joined, site_points
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Level, Reader

Length = Literal["day", "week", "month", "year"]
Against = Literal["none", "before", "weekdays", "last_year"]
LENGTHS: tuple[Length, ...] = ("day", "week", "month", "year")
YEAR_DAYS = 364
"""A year back on the same weekday."""
BACK: dict[Length, dict[Against, int]] = {
    "day": {"before": 1, "weekdays": 7, "last_year": YEAR_DAYS},
    "week": {"before": 7, "weekdays": 7, "last_year": YEAR_DAYS},
    "month": {"before": 28, "weekdays": 28, "last_year": YEAR_DAYS},
    "year": {"before": YEAR_DAYS, "weekdays": YEAR_DAYS, "last_year": YEAR_DAYS},
}
"""By how many days the time is earlier with which one of each length is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was chosen; `first` and `last` are its days, `day` is one of them."""

    length: Length
    against: Against
    day: date

    @property
    def first(self) -> date:
        """The first day."""
        if self.length == "week":
            return self.day - timedelta(days=self.day.weekday())
        if self.length == "month":
            return self.day.replace(day=1)
        return self.day.replace(month=1, day=1) if self.length == "year" else self.day

    @property
    def last(self) -> date:
        """The last day."""
        if self.length == "week":
            return self.first + timedelta(days=6)
        if self.length == "month":
            return self.day.replace(day=monthrange(self.day.year, self.day.month)[1])
        return self.day.replace(month=12, day=31) if self.length == "year" else self.day

    @property
    def level(self) -> Level:
        """Whether it is read from the sums of hours or of days."""
        return "hourly" if self.length == "day" else "daily"

    @property
    def back(self) -> int | None:
        """By how many days the earlier time is earlier; None without one."""
        return BACK[self.length].get(self.against)

    @property
    def earlier(self) -> tuple[date, date] | None:
        """First and last day of the earlier time: of a year, the year before."""
        if self.back is None:
            return None
        if self.length == "year":
            return (
                self.first.replace(year=self.day.year - 1),
                self.last.replace(year=self.day.year - 1),
            )
        days = timedelta(days=self.back)
        return self.first - days, self.last - days

    @property
    def before(self) -> date:
        """A day of the time before it."""
        return self.first - timedelta(days=1)

    @property
    def after(self) -> date:
        """A day of the time after it."""
        return self.last + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTime:
    """Its points, those of the earlier time beside them (None: there is none), and the change.

    The points of the earlier time are shown; `change` holds what both times observed.
    """

    points: list[Point]
    earlier: list[Point | None]
    change: Change | None


def find_chosen(reader: Reader, chosen: Chosen, *, site: str, now: datetime) -> ChosenTime:
    """Returns what is known of a site in the chosen time, and in the earlier one."""
    periods = Periods(reader.calendar, now=now)
    points = _points(reader, chosen, site, now, days=(chosen.first, chosen.last))
    back, days = chosen.back, chosen.earlier
    if back is None or days is None:
        return ChosenTime(points=points, earlier=[None] * len(points), change=None)
    place_of = _place_of(chosen, periods)
    found = {
        place_of(point.bucket, back): point
        for point in _points(reader, chosen, site, now, days=days)
        if not point.seen.is_gap
    }
    span = periods.days(chosen.first, min(chosen.last, periods.today))
    if chosen.last >= periods.today:  # of today the hours that are over
        span = span._replace(end=periods.so_far(periods.today).end)
    changes = {}
    if span.end > span.start:
        changes = compare(reader, span, days=back, periods=periods, sites=[site])
    return ChosenTime(
        points=points,
        earlier=[found.get(place_of(point.bucket, 0)) for point in points],
        change=changes.get(site, Change()),
    )


def _points(
    reader: Reader, chosen: Chosen, site: str, now: datetime, *, days: tuple[date, date]
) -> list[Point]:
    """Returns the hours, days or months of these days, as the length asks for."""
    periods = Periods(reader.calendar, now=now)
    span = periods.days(*days)
    points = site_points(reader, site=site, level=chosen.level, span=span, now=now)
    if chosen.length != "year":
        return points
    local = periods.calendar.local
    months = joined(((site, point) for point in points), lambda day: local(day).month)
    return [point for _, point in months]


def _place_of(chosen: Chosen, periods: Periods) -> Callable[[int, int], object]:
    """Returns a function that gives a bucket, shifted by days, its place in the chosen time."""
    local = periods.calendar.local

    def place(bucket: int, back: int) -> object:
        moment = local(bucket)
        if chosen.length == "year":
            return moment.month
        day = moment.date() + timedelta(days=back)
        return (day, moment.hour, moment.fold) if chosen.level == "hourly" else day

    return place
