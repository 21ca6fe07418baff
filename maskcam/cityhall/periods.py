"""Days, weeks and their counterparts, as spans of minutes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from maskcam.cityhall.reader import Span
from maskcam.cityhall.rollup import Calendar, minute_of


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

    def last_days(self, number: int) -> Span:
        """Returns so many days up to yesterday."""
        one = timedelta(days=1)
        return self.days(self.today - number * one, self.today - one)

    def so_far(self, day: date) -> Span:
        """Returns `day` up to the last full hour by today's clock, to compare days by."""
        clock = self.calendar.local(self.calendar.hour(self.now))
        end = datetime(day.year, day.month, day.day, clock.hour, tzinfo=self.calendar.zone)
        return Span(self._midnight(day), minute_of(end))

    def is_over(self, span: Span) -> bool:
        """Whether all of `span` is before today: what is known of it hardly changes any more."""
        return span.end <= self._midnight(self.today)

    def counterparts(self, span: Span, *, days: int) -> list[tuple[Span, int]]:
        """Returns the hours of `span` whose counterparts are `days` earlier by the clocks.

        Each part comes with the minutes by which its counterpart is earlier: that changes where
        the clocks do. An hour that one of the two days has and the other lacks is left out.
        """
        parts: list[tuple[Span, int]] = []
        hour = self.calendar.hour(span.start)
        while hour < span.end:
            following = self.calendar.next_hour(hour)
            earlier = self._earlier(hour, days)
            if earlier is not None:
                if parts and parts[-1] == (Span(parts[-1][0].start, hour), hour - earlier):
                    parts[-1] = Span(parts[-1][0].start, following), hour - earlier
                else:
                    parts.append((Span(hour, following), hour - earlier))
            hour = following
        return parts

    def _earlier(self, hour: int, days: int) -> int | None:
        local = self.calendar.local(hour)
        moment = local - timedelta(days=days)  # by the clocks: the zone is kept, the fold, too
        found = minute_of(moment)
        back = self.calendar.local(found)
        same = (back.replace(tzinfo=None), back.fold) == (moment.replace(tzinfo=None), local.fold)
        return found if same else None

    def clock_hours(self, span: Span) -> dict[tuple[int, int], list[int]]:
        """Returns the hours of `span` by weekday (Monday is 0) and hour of the city's clocks."""
        found: dict[tuple[int, int], list[int]] = {}
        for hour in self.calendar.hours(*span):
            local = self.calendar.local(hour)
            found.setdefault((local.weekday(), local.hour), []).append(hour)
        return found

    def _midnight(self, day: date) -> int:
        return minute_of(datetime(day.year, day.month, day.day, tzinfo=self.calendar.zone))
