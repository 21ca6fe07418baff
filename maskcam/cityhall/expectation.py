"""What the cameras of a site should have observed: a day is whole only if each of them did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import NamedTuple

from maskcam.cityhall import cameras
from maskcam.cityhall.cameras import Stay
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Span

MISSED_DAYS = 14
"""A camera that publishes nothing belongs to its site for so many more days, then to none."""
USUAL_DAYS = 56
"""Over so many days what is usual for a camera is learnt."""
CLOSED_WEEKS = 3
"""A camera that never observed on a weekday in so many weeks is not meant to."""

_DAY = 1440


class _Habit(NamedTuple):
    """Seconds that a camera usually observes, and the first day on which it did."""

    by_weekday: dict[int, float]
    any_day: float
    first: int | None


class Expectation:
    """The cameras that belonged to each site, and how long each of them usually observes.

    Args:
        stays: which unit stood where, in order of their beginning.
        observed: seconds observed, by site and unit, of each day (by its first minute).
        periods: the city's days.
    """

    def __init__(
        self,
        stays: Iterable[Stay],
        observed: Mapping[tuple[str, str], Mapping[int, float]],
        *,
        periods: Periods,
    ) -> None:
        self._periods = periods
        self._observed = observed
        self._habits: dict[tuple[str, str], _Habit] = {}
        self._weekdays: dict[int, int] = {}
        self._stays: dict[str, list[Stay]] = {}
        ends: dict[str, Stay] = {}
        known = list(stays)
        for stay in known:
            ends[stay.unit] = stay
        for stay in known:
            until = stay.until
            if ends[stay.unit] is stay:
                until += MISSED_DAYS * _DAY + 60  # the clocks may change meanwhile
            self._stays.setdefault(stay.site, []).append(stay._replace(until=until))

    def belonging(self, site: str, minute: int) -> list[str]:
        """Returns the units that belonged to a site on the day of a minute."""
        day = self._periods.calendar.day(minute)
        found = {s.unit for s in self._stays.get(site, ()) if s.since <= day <= s.until}
        return sorted(found)

    def of_day(self, site: str, day: int) -> float:
        """Returns the seconds that a site's cameras should have observed on a day, together."""
        units = self.belonging(site, day)
        if day >= self._periods.calendar.day(self._periods.now):  # not over: by its best camera
            seen = [self._observed.get((site, unit), {}).get(day, 0.0) for unit in units]
            return len(units) * max(seen, default=0.0)
        return sum(self._usual(site, unit, day) for unit in units)

    def _usual(self, site: str, unit: str, day: int) -> float:
        """Returns what a camera observes on a usual day: of this weekday, or else of any."""
        habit = self._habits.get((site, unit))
        if habit is None:
            habit = self._habits[site, unit] = self._habit(self._observed.get((site, unit), {}))
        weekday = self._weekday(day)
        if weekday in habit.by_weekday:
            return habit.by_weekday[weekday]
        if habit.first is not None and day - habit.first >= CLOSED_WEEKS * 7 * _DAY:
            return 0.0  # it has had its chances, and is closed on such days
        return habit.any_day

    def _habit(self, days: Mapping[int, float]) -> _Habit:
        over = {day: seconds for day, seconds in days.items() if seconds >= 60}
        by_weekday: dict[int, list[float]] = {}
        for day, seconds in over.items():
            by_weekday.setdefault(self._weekday(day), []).append(seconds)
        return _Habit(
            {weekday: median(seconds) for weekday, seconds in by_weekday.items()},
            median(over.values()) if over else 0.0,
            min(over, default=None),
        )

    def _weekday(self, day: int) -> int:
        found = self._weekdays.get(day)
        if found is None:
            found = self._weekdays[day] = self._periods.calendar.local(day).weekday()
        return found


def expectation(
    reader: Reader, span: Span, *, periods: Periods, site: str | None = None
) -> Expectation:
    """Returns what should have been observed in `span`, at one site or at all."""
    first = periods.calendar.day(span.end - 1) - USUAL_DAYS * _DAY
    wide = Span(min(span.start, first), span.end)
    observed: dict[tuple[str, str], dict[int, float]] = {}
    for name, unit, day, seconds in cameras.observed_days(reader.engine, wide, site=site):
        observed.setdefault((name, unit), {})[day] = seconds
    return Expectation(cameras.stays(reader.engine), observed, periods=periods)
