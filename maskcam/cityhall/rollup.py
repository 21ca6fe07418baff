"""Which hour and day a window belongs to: pure arithmetic on whole minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTS = ("with_mask", "without_mask", "incorrect", "unclear")


class Window(NamedTuple):
    """A received window. `start` is in minutes since the epoch; counts are None if withheld."""

    unit_id: int
    start: int
    site_id: int
    minutes: int
    with_mask: int | None
    without_mask: int | None
    incorrect: int | None
    unclear: int | None
    observed_s: float

    @property
    def withheld(self) -> bool:
        """Whether there were too few people to be told."""
        return self.with_mask is None


@dataclass(slots=True)
class Sums:
    """What one bucket of one unit gains."""

    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    observed_s: float = 0.0
    covered_minutes: int = 0
    withheld_minutes: int = 0


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


def roll_up(windows: Iterable[Window], *, calendar: Calendar) -> tuple[dict[Key, Sums], ...]:
    """Returns what the windows add to the hourly and to the daily sums.

    Counts go to the bucket in which the window starts: they cannot be split
    without inventing people. Time is split exactly.
    """
    hourly: dict[Key, Sums] = {}
    daily: dict[Key, Sums] = {}
    for window in windows:
        _book(hourly, window, bucket_of=calendar.hour, following=calendar.next_hour)
        _book(daily, window, bucket_of=calendar.day, following=calendar.next_day)
    return hourly, daily


def _book(
    sums: dict[Key, Sums],
    window: Window,
    *,
    bucket_of: Callable[[int], int],
    following: Callable[[int], int],
) -> None:
    unit_id, start, site_id, minutes, *counts, observed_s = window
    bucket = bucket_of(start)
    part = _part(sums, (bucket, site_id, unit_id))
    if counts[0] is not None:
        for place, count in enumerate(counts):
            part.counts[place] += count or 0
    end = start + minutes
    while start < end:
        after = following(bucket)
        inside = min(end, after) - start
        part = _part(sums, (bucket, site_id, unit_id))
        part.covered_minutes += inside
        part.observed_s += observed_s * inside / minutes
        part.withheld_minutes += inside if counts[0] is None else 0
        start = bucket = after


def _part(sums: dict[Key, Sums], key: Key) -> Sums:
    found = sums.get(key)
    if found is None:
        found = sums[key] = Sums()
    return found
