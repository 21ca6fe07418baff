"""Which windows count, and in which hour and day: pure arithmetic on whole minutes.

An hour that a unit published stands for its minutes, since one noise is less than sixty.
Minutes stand for themselves until their hour has come, or where it never does: a unit that
lost its power had published them, but not the hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from maskcam.cityhall.statistics import noise_variance

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTS = ("with_mask", "without_mask", "incorrect", "unclear")


class Window(NamedTuple):
    """A received window or hour. `start`: minutes since the epoch; counts: None if unobserved."""

    unit_id: int
    start: int
    is_hour: bool
    run: int
    site_id: int
    minutes: int
    with_mask: int | None
    without_mask: int | None
    incorrect: int | None
    unclear: int | None
    observed_s: int
    epsilon: float | None

    @property
    def key(self) -> tuple[int, int, bool]:
        """What makes it unique."""
        return self.unit_id, self.start, self.is_hour


@dataclass(slots=True)
class Sums:
    """What one bucket of one unit gains; `variance`: of the noise in each of the counts."""

    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    observed_s: float = 0.0
    covered_minutes: int = 0
    variance: float = 0.0


Key = tuple[int, int, int]
"""(bucket, site_id, unit_id): the primary key of a roll-up row."""


def minute_of(moment: datetime) -> int:
    """Returns the whole minutes from the epoch to an aware `moment`."""
    return int((moment - EPOCH) // timedelta(minutes=1))


def moment_of(minute: int) -> datetime:
    """Returns the UTC time of a minute since the epoch."""
    return EPOCH + timedelta(minutes=minute)


class Calendar:
    """Hours and days as the clocks of the city show them."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._hour = lru_cache(maxsize=4096)(self._hour_starting_at)
        self._day = lru_cache(maxsize=4096)(self._day_starting_at)

    def hour(self, minute: int) -> int:
        """Returns the first minute of the hour that contains `minute`."""
        return self._hour(minute - minute % 15)  # zones begin their hours at any quarter of UTC's

    def day(self, minute: int) -> int:
        """Returns the first minute of the local day that contains `minute`."""
        return self._day(minute - minute % 15)

    def next_hour(self, hour: int) -> int:
        """Returns the first minute of the following hour."""
        return self._hour(hour + 60)

    def next_day(self, day: int) -> int:
        """Returns the first minute of the following day, which may be 23 or 25 hours later."""
        return self.day(day + 26 * 60)

    def hours(self, start: int, end: int) -> Iterator[int]:
        """Yields the first minute of each hour from `start` to before `end`."""
        while start < end:
            yield start
            start = self.next_hour(start)

    def days(self, start: int, end: int) -> Iterator[int]:
        """Yields the first minute of each day from `start` to before `end`."""
        while start < end:
            yield start
            start = self.next_day(start)

    def local(self, minute: int) -> datetime:
        """Returns the local time of `minute`."""
        return moment_of(minute).astimezone(self.zone)

    def _hour_starting_at(self, minute: int) -> int:
        offset = self.local(minute).utcoffset() or timedelta(0)
        shift = int(offset // timedelta(minutes=1))
        return (minute + shift) // 60 * 60 - shift

    def _day_starting_at(self, minute: int) -> int:
        date = self.local(minute).date()
        return minute_of(datetime(date.year, date.month, date.day, tzinfo=self.zone))


def fold(windows: Iterable[Window]) -> list[Window]:
    """Returns those of the windows of one unit in one hour of UTC that count: no minute twice.

    A higher run goes before a lower one, and the hour before its minutes.
    """
    chosen: list[Window] = []
    taken: set[int] = set()
    for window in sorted(windows, key=lambda one: (-one.run, not one.is_hour, one.start)):
        minutes = range(window.start, window.start + window.minutes)
        if taken.isdisjoint(minutes):
            taken.update(minutes)
            chosen.append(window)
    return chosen


def roll_up(
    windows: Iterable[Window], *, calendar: Calendar, less: Iterable[Window] = ()
) -> tuple[dict[Key, Sums], ...]:
    """Returns what the windows add to the hourly and to the daily sums.

    Counts go to the bucket in which the window starts: they cannot be split
    without inventing people. Time is split exactly.

    Args:
        windows: those that count now.
        calendar: of the city.
        less: those that counted before, which are taken off.
    """
    hourly: dict[Key, Sums] = {}
    daily: dict[Key, Sums] = {}
    for sign, part in ((1, windows), (-1, less)):
        for window in part:
            _book(hourly, window, sign, bucket_of=calendar.hour, following=calendar.next_hour)
            _book(daily, window, sign, bucket_of=calendar.day, following=calendar.next_day)
    return hourly, daily


def _book(
    sums: dict[Key, Sums],
    window: Window,
    sign: int,
    *,
    bucket_of: Callable[[int], int],
    following: Callable[[int], int],
) -> None:
    start, minutes = window.start, window.minutes
    bucket = bucket_of(start)
    part = _part(sums, (bucket, window.site_id, window.unit_id))
    if window.with_mask is not None:
        for place, name in enumerate(COUNTS):
            part.counts[place] += sign * getattr(window, name)
        part.variance += sign * noise_variance(window.epsilon)
    end = start + minutes
    while start < end:
        after = following(bucket)
        inside = min(end, after) - start
        part = _part(sums, (bucket, window.site_id, window.unit_id))
        part.covered_minutes += sign * inside
        part.observed_s += sign * window.observed_s * inside / minutes
        start = bucket = after


def _part(sums: dict[Key, Sums], key: Key) -> Sums:
    found = sums.get(key)
    if found is None:
        found = sums[key] = Sums()
    return found
