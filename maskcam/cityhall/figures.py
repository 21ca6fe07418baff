"""Hours and days of a site, with what is known of each: no HTML, no language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from maskcam.cityhall.expectation import Expectation, expectation
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Level, Reader, Span, Totals

PARTLY = 0.90
"""Below this part of what the cameras should have observed, an hour or day is marked."""


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
        return self is not Seen.FULLY and self is not Seen.PARTLY


class Point(NamedTuple):
    """One hour or day of a site. `totals` are shown unless `seen.is_gap`.

    `observed_part` is of what the `cameras` that belonged to the site should have observed.
    """

    bucket: int
    end: int
    seen: Seen
    totals: Totals
    observed_part: float
    cameras: int = 1
    expected_s: float = 0.0

    @property
    def is_short(self) -> bool:
        """Whether less was observed than usual, or nothing."""
        missed = self.seen.is_gap and self.seen is not Seen.TO_COME and self.expected_s > 0
        return missed or self.seen is Seen.PARTLY


def site_points(
    reader: Reader, *, site: str, level: Level, span: Span, now: datetime
) -> list[Point]:
    """Returns every hour or day of `span` at `site`, with what is known of it."""
    periods = Periods(reader.calendar, now=now)
    expected = expectation(reader, span, periods=periods, site=site)
    totals = reader.by_bucket(level, span, site=site)
    points = PointMaker(expected, level=level, periods=periods)
    return [
        points.make(site, bucket, totals.get(bucket, Totals()))
        for bucket in buckets(span, level=level, periods=periods)
    ]


def all_points(
    reader: Reader, *, level: Level, span: Span, now: datetime
) -> Iterator[tuple[str, Point]]:
    """Yields every hour or day of every site, in order of time, and keeps none."""
    periods = Periods(reader.calendar, now=now)
    expected = expectation(reader, span, periods=periods)
    points = PointMaker(expected, level=level, periods=periods)
    sites = reader.sites()
    observed = reader.in_order(level, span)
    when, found = next(observed, _NEVER)
    for bucket in buckets(span, level=level, periods=periods):
        make, totals = points.at(bucket), found if when == bucket else _NEVER[1]
        yield from [(site, make(site, totals.get(site, _NOTHING))) for site in sites]
        if when == bucket:
            when, found = next(observed, _NEVER)


def buckets(span: Span, *, level: Level, periods: Periods) -> Iterator[int]:
    """Yields the first minute of each hour or day of `span`."""
    calendar = periods.calendar
    return (calendar.hours if level == "hourly" else calendar.days)(*span)


class PointMaker:
    """Says what is known of an hour or day, from its sums and from what is expected."""

    def __init__(self, expected: Expectation, *, level: Level, periods: Periods) -> None:
        self._expected = expected
        self._hourly = level == "hourly"
        self._periods = periods
        self._belonging: dict[int, dict[str, int]] = {}

    def make(self, site: str, bucket: int, total: Totals) -> Point:
        """Returns the point of a site that begins at `bucket`."""
        return self.at(bucket)(site, total)

    def at(self, bucket: int) -> Callable[[str, Totals], Point]:
        """Returns a function that makes the points of all sites which begin at `bucket`."""
        calendar, now = self._periods.calendar, self._periods.now
        end = calendar.next_hour(bucket) if self._hourly else calendar.next_day(bucket)
        if bucket > now:
            return lambda _, total: Point(bucket, end, Seen.TO_COME, total, 0.0)
        day, all_of = calendar.day(bucket), self._expected
        belonging = self._belonging.setdefault(day, {})
        each_s = 60.0 * (min(end, now) - bucket) if self._hourly else None

        def make(site: str, total: Totals) -> Point:
            observed_s, units = total.observed_s, total.units
            cameras = belonging.get(site)
            if cameras is None:
                cameras = belonging[site] = len(all_of.belonging(site, day))
            if units > cameras:
                cameras = units
            expected = all_of.of_day(site, bucket) if each_s is None else each_s * cameras
            part = observed_s / expected if expected > observed_s else 1.0
            return Point(bucket, end, _seen(total, part), total, part, cameras, expected)

        return make


def city_point(points: list[Point]) -> Point:
    """Returns the same hour or day of several sites, at least one, as one."""
    total = total_of([point.totals for point in points])
    total = total._replace(units=sum(point.totals.units for point in points))
    first, expected = points[0], sum(point.expected_s for point in points)
    part = min(1.0, total.observed_s / expected) if expected > 0 else 1.0
    seen = Seen.TO_COME if first.seen is Seen.TO_COME else _seen(total, part)
    cameras = sum(point.cameras for point in points)
    return Point(first.bucket, first.end, seen, total, part, cameras, expected)


def joined(
    points: Iterable[tuple[str, Point]], period_of: Callable[[int], object]
) -> Iterator[tuple[str, Point]]:
    """Yields days joined to weeks, months or years.

    Args:
        points: days of one site or of several, in order of time.
        period_of: returns the period of a day.
    """
    period: object = None
    waiting: dict[str, list[Point]] = {}
    for site, point in points:
        if (now := period_of(point.bucket)) != period:
            yield from ((name, _as_one(days)) for name, days in waiting.items())
            period, waiting = now, {}
        waiting.setdefault(site, []).append(point)
    yield from ((name, _as_one(days)) for name, days in waiting.items())


def _as_one(points: list[Point]) -> Point:
    past = [point for point in points if point.seen is not Seen.TO_COME]
    total = total_of([point.totals for point in past])
    expected = sum(point.expected_s for point in past)
    part = min(1.0, total.observed_s / expected) if expected > 0 else 1.0
    seen = _seen(total, part) if past else Seen.TO_COME
    cameras = max((point.cameras for point in past), default=0)
    return Point(points[0].bucket, points[-1].end, seen, total, part, cameras, expected)


def total_of(points: Mapping[str, Totals] | list[Totals]) -> Totals:
    """Returns the sum of totals."""
    total = Totals()
    for part in points.values() if isinstance(points, Mapping) else points:
        total = total.plus(part)
    return total


def _seen(total: Totals, part: float) -> Seen:
    if total.covered_minutes == 0:
        return Seen.OFFLINE
    if total.observed_s < 60:
        return Seen.BLIND
    return Seen.PARTLY if part < PARTLY else Seen.FULLY


_NOTHING = Totals()
_NEVER: tuple[int, dict[str, Totals]] = (-1, {})
