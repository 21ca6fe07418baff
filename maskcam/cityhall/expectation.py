"""What the cameras of a site should have observed: a day is whole only if each of them did."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from statistics import median
from typing import NamedTuple

from maskcam.cityhall import cameras
from maskcam.cityhall.cameras import Stay
from maskcam.cityhall.older_counts import PREFIX
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Span
from maskcam.cityhall.rollup import Calendar

MISSED_DAYS = 14
"""A camera that publishes nothing belongs to its site for so many more days, then to none."""
USUAL_DAYS = 56
"""Over so many days what is usual for a camera is learnt."""
CLOSED_WEEKS = 3
"""A camera that never observed on a weekday in so many weeks is not meant to."""

LEAST_S = 60.0
"""Who observes less on a day, observes nothing."""
_DAY = 1440


class _Habit(NamedTuple):
    """Seconds that a camera usually observes, and the first day on which it did."""

    by_weekday: dict[int, float]
    any_day: float
    first: int | None


class Habits:
    """How long each camera usually observes on each day of the week.

    Args:
        observed: seconds observed, by site and unit, of each day that is over (by its first
            minute).
        calendar: the city's days.
    """

    def __init__(
        self, observed: Mapping[tuple[str, str], Mapping[int, float]], *, calendar: Calendar
    ) -> None:
        self._calendar = calendar
        self._weekdays: dict[int, int] = {}
        self._habits = {place: self._habit(days) for place, days in observed.items()}
        self._open: dict[str, set[int]] = {}
        for (site, _), habit in self._habits.items():
            self._open.setdefault(site, set()).update(habit.by_weekday)

    def usual(self, site: str, unit: str, day: int) -> float:
        """Returns what a camera observes on a usual day: of this weekday, or else of any.

        On a weekday on which no camera of the site ever observed, the site is closed; and so is
        a camera that had its chances.
        """
        habit = self._habits.get((site, unit))
        if habit is None or habit.first is None:
            return 0.0
        weekday = self._weekday(day)
        if weekday in habit.by_weekday:
            return habit.by_weekday[weekday]
        had_chances = day - habit.first >= CLOSED_WEEKS * 7 * _DAY
        return 0.0 if had_chances or weekday not in self._open[site] else habit.any_day

    def _habit(self, days: Mapping[int, float]) -> _Habit:
        over = {day: seconds for day, seconds in days.items() if seconds >= LEAST_S}
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
            found = self._weekdays[day] = self._calendar.local(day).weekday()
        return found


class Expectation:
    """The cameras that belonged to each site, and how long each of them usually observes.

    Args:
        stays: which unit stood where, in order of their beginning.
        habits: of the cameras.
        today: seconds observed today, by site and unit.
        periods: the city's days.
    """

    def __init__(
        self,
        stays: Iterable[Stay],
        habits: Habits,
        today: Mapping[tuple[str, str], float],
        *,
        periods: Periods,
    ) -> None:
        self._calendar = periods.calendar
        self._now = self._calendar.day(periods.now)
        self._habits, self._today = habits, today
        self._stays: dict[str, list[Stay]] = {}
        self._belonging: dict[tuple[str, int], list[str]] = {}
        ends: dict[str, Stay] = {}
        known = list(stays)
        for stay in known:
            ends[stay.unit] = stay
        for stay in known:
            until = stay.until
            if ends[stay.unit] is stay and not stay.unit.startswith(PREFIX):
                until += MISSED_DAYS * _DAY + 60  # the clocks may change meanwhile
            self._stays.setdefault(stay.site, []).append(stay._replace(until=until))

    def belonging(self, site: str, minute: int) -> list[str]:
        """Returns the units that belonged to a site on the day of a minute."""
        day = self._calendar.day(minute)
        found = self._belonging.get((site, day))
        if found is None:
            units = {s.unit for s in self._stays.get(site, ()) if s.since <= day <= s.until}
            found = self._belonging[site, day] = sorted(units)
        return found

    def of_day(self, site: str, day: int) -> float:
        """Returns the seconds that a site's cameras should have observed on a day, together."""
        units = self.belonging(site, day)
        if day >= self._now:  # not over: by its best camera
            return len(units) * max((self._today.get((site, u), 0.0) for u in units), default=0.0)
        return sum(self._habits.usual(site, unit, day) for unit in units)

    def missing(self, site: str, day: int, observed: Container[str]) -> list[str]:
        """Returns the units that should have observed on a day that is over, but for `observed`."""
        return [
            unit
            for unit in self.belonging(site, day)
            if unit not in observed and self._habits.usual(site, unit, day) >= LEAST_S
        ]


def expectation(
    reader: Reader, span: Span, *, periods: Periods, site: str | None = None
) -> Expectation:
    """Returns what should have been observed in `span`, at one site or at all.

    Habits are learnt from eight weeks and more before the end of `span`, and from three weeks
    after it: a weekday that was new to a site may have become usual.
    """
    calendar = periods.calendar
    today = periods.day(periods.today)
    end = min(today.start, calendar.day(span.end + CLOSED_WEEKS * 7 * _DAY))
    first = calendar.day(min(span.end, end) - 1) - USUAL_DAYS * _DAY
    wide = Span(min(span.start, calendar.day(first)), end)

    def learn() -> Habits:
        observed = cameras.observed_days(reader.engine, wide, calendar=calendar, site=site)
        return Habits(observed, calendar=calendar)

    if site is None and wide.end - wide.start <= 2 * USUAL_DAYS * _DAY:
        habits = reader.kept.get(("habits", wide), lambda: reader.fingerprint(wide), learn)
    else:
        habits = learn()
    now: dict[tuple[str, str], float] = {}
    if span.end > today.start:
        found = cameras.observed_days(reader.engine, today, calendar=calendar, site=site)
        now = {place: sum(days.values()) for place, days in found.items()}
    return Expectation(cameras.stays(reader.engine, site=site), habits, now, periods=periods)


def missed_days(
    reader: Reader, span: Span, *, periods: Periods, site: str
) -> dict[str, list[Span]]:
    """Returns the days that are over on which a camera should have observed and did not.

    By camera; days that follow each other are one span.
    """
    calendar, today = periods.calendar, periods.day(periods.today).start
    expected = expectation(reader, span, periods=periods, site=site)
    seen = cameras.observed_days(reader.engine, span, calendar=calendar, site=site)
    found: dict[str, list[Span]] = {}
    for day in calendar.days(span.start, min(span.end, today)):
        there = {unit for (_, unit), days in seen.items() if days.get(day, 0.0) >= LEAST_S}
        for unit in expected.missing(site, day, there):
            runs, end = found.setdefault(unit, []), calendar.next_day(day)
            start = runs.pop().start if runs and runs[-1].end == day else day
            runs.append(Span(start, end))
    return found
