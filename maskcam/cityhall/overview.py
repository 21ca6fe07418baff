"""The first screen: the city in one line, what needs attention, and each site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from maskcam.cityhall.comparison import Change, compare, recall_change, total_change
from maskcam.cityhall.expectation import expectation
from maskcam.cityhall.figures import Point, PointMaker, buckets, total_of
from maskcam.cityhall.health import Health, State, find_health
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Totals

DAYS = 15
"""Today and the two weeks before it."""
YEAR = 52 * 7
"""Days back to the same weekday."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteToday:
    """A site on the first screen. `change`: today so far; `week_change`: the last 7 days."""

    site: str
    today: Totals
    change: Change
    week: Totals
    week_change: Change
    days: list[Point]
    cameras: list[Health]

    @property
    def observing(self) -> int:
        """Number of cameras whose windows arrive and show something."""
        return observing(self.cameras)

    @property
    def closed(self) -> bool:
        """Whether it is outside the usual hours of all its cameras."""
        return bool(self.cameras) and all(one.state is State.CLOSED for one in self.cameras)

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look after one of its cameras."""
        return any(camera.state.needs_attention for camera in self.cameras)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All sites, and the city as their sum."""

    sites: list[SiteToday]
    today: Totals
    yesterday: Totals
    yesterday_short: int
    """Number of sites of which less was observed yesterday than usual."""
    change: Change
    week: Totals
    week_change: Change
    year_change: Change
    """Of the last 7 days, against the same weekdays a year before; see `year_of_changes`."""
    attention: list[Health]
    """Cameras that somebody should look after, those that are dark longest first."""

    @property
    def cameras(self) -> list[Health]:
        """All cameras."""
        return [camera for site in self.sites for camera in site.cameras]

    @property
    def all_silent(self) -> bool:
        """Whether nothing arrives of any camera, though it should: not the cameras' fault."""
        silent = {State.SILENT, State.OFFLINE, State.CLOSED}
        return bool(self.attention) and all(one.state in silent for one in self.cameras)

    @property
    def observing(self) -> int:
        """Number of cameras whose windows arrive and show something."""
        return observing(self.cameras)


def observing(cameras: Iterable[Health]) -> int:
    """Returns how many of these cameras observe now."""
    return sum(camera.state is State.GOOD for camera in cameras)


def overview(reader: Reader, *, now: datetime) -> Overview:
    """Returns the first screen, from the sums alone."""
    periods = Periods(reader.calendar, now=now)
    today = periods.today
    day_now = reader.by_site("daily", periods.day(today))
    changes = compare(reader, periods.so_far(today), days=7, periods=periods)
    week = periods.days(today - timedelta(days=7), today - timedelta(days=1))
    weeks = reader.by_site("daily", week)
    week_changes = compare(reader, week, days=7, periods=periods)
    cameras = find_health(reader, periods=periods)
    of_site: dict[str, list[Health]] = {}
    for camera in cameras:
        of_site.setdefault(camera.unit.site, []).append(camera)
    names = reader.sites()
    days = _days(reader, names, periods)
    nothing = Totals()
    sites = [
        SiteToday(
            site=site,
            today=day_now.get(site, nothing),
            change=changes.get(site, Change()),
            week=weeks.get(site, nothing),
            week_change=week_changes.get(site, Change()),
            days=days[site],
            cameras=of_site.get(site, []),
        )
        for site in names
    ]
    return Overview(
        sites=sites,
        today=total_of(day_now),
        yesterday=total_of([item.days[-2].totals for item in sites]),
        yesterday_short=sum(item.days[-2].is_short for item in sites),
        change=total_change(changes.values()),
        week=total_of(weeks),
        week_change=total_change(week_changes.values()),
        year_change=recall_change(reader, week, days=YEAR),
        attention=sorted(
            (camera for camera in cameras if camera.state.needs_attention),
            key=lambda camera: camera.since or 0,
        ),
    )


def year_of_changes(reader: Reader, periods: Periods) -> dict[str, Change]:
    """Returns the changes of the last 7 days against a year before.

    They take long for a region: the first screen shows them once they were asked for.
    """
    week = periods.days(periods.today - timedelta(days=7), periods.today - timedelta(days=1))
    return compare(reader, week, days=YEAR, periods=periods)


def _days(reader: Reader, sites: list[str], periods: Periods) -> dict[str, list[Point]]:
    """Returns the last days of each site."""
    span = periods.days(periods.today - timedelta(days=DAYS - 1), periods.today)
    points = PointMaker(expectation(reader, span, periods=periods), level="daily", periods=periods)
    totals = dict(reader.in_order("daily", span))
    made: dict[str, list[Point]] = {site: [] for site in sites}
    for day in buckets(span, level="daily", periods=periods):
        make, found = points.at(day), totals.get(day, {})
        for site in sites:
            made[site].append(make(site, found.get(site, Totals())))
    return made
