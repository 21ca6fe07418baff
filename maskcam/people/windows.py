"""Cuts time into minutes, counts passages in them, and tells no number that is too small.

Minutes are cut on the monotonic clock. Once UTC is known the cuts fall on its whole
minutes; minutes cut before are stamped with the UTC minute in which they began, so
they are up to a minute early. Afterwards every minute follows the one before without
gap or overlap: a step of the wall clock is followed by a tenth of a second a minute
at most, which is more than any crystal drifts, so it shifts, doubles and loses nothing.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from maskcam.records import MaskState, MinuteCount, Passage

MINUTE_S: Final = 60.0
_SLEW_S: Final = 0.1  # a minute
_MOST_WAITING: Final = 1440  # windows kept as they are while UTC is unknown
_MOST_KEPT: Final = 20_000  # over a year of windows of an hour
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How few people may be told, and when.

    min_people: a window with fewer is not told alone; 1 switches this off.
    min_window_minutes: no window is shorter.
    max_window_minutes: a window that is still too small is told without figures.
    delay_minutes: a window is told so long after its end.

    Raises:
        ValueError: a value is out of range.
    """

    min_people: int = 5
    min_window_minutes: int = 1
    max_window_minutes: int = 60
    delay_minutes: int = 0

    def __post_init__(self) -> None:
        if self.min_people < 1 or self.delay_minutes < 0:
            raise ValueError("min_people must be 1 or more and delay_minutes 0 or more")
        if not 1 <= self.min_window_minutes <= self.max_window_minutes <= 1440:
            raise ValueError("max_window_minutes must be 1 to 1440, and no less than the minimum")

    @classmethod
    def preset(
        cls, name: str, *, min_people: int | None = None, max_window_minutes: int | None = None
    ) -> Self:
        """Returns the rules of a preset, with single values replaced.

        `standard` tells a minute of 5 people or more at once. `decree` follows French
        decree 2021-269: windows of 20 minutes, told 15 minutes late, of 10 people or more.

        Raises:
            ValueError: there is no such preset, or a value is out of range.
        """
        if name == "decree":
            people, shortest, delay = 10, 20, 15
        elif name == "standard":
            people, shortest, delay = 5, 1, 0
        else:
            raise ValueError(f"there is no preset {name!r}: use standard or decree")
        return cls(
            min_people=people if min_people is None else min_people,
            min_window_minutes=shortest,
            max_window_minutes=60 if max_window_minutes is None else max_window_minutes,
            delay_minutes=delay,
        )


class _Window(NamedTuple):
    """Minutes told together; `first` counts minutes since the start of the process."""

    first: int
    minutes: int
    closed_at_s: float
    observed_s: float
    people: dict[MaskState, int] | None  # None: too few to be told


@dataclass(slots=True)
class _OpenWindow:
    first: int
    minutes: int = 0
    observed_s: float = 0.0
    people: Counter[MaskState] = field(default_factory=Counter)


class MinuteCounts:
    """Books passages and observed time, and returns the windows that may be told.

    Args:
        started_at_s: monotonic time at which the first minute begins.
        rules: how few people may be told.
        not_before: end of the last window that an earlier process told (UTC). The
            first minute begins no sooner, and then also holds what came before it, so
            that a restart within a minute tells no start twice.
    """

    def __init__(
        self, *, started_at_s: float, rules: Rules, not_before: datetime | None = None
    ) -> None:
        self._rules = rules
        self._not_before = not_before
        self._offset_s: float | None = None  # UTC minus monotonic
        self._first_minute: int | None = None  # UTC minutes since 1970 of minute 0
        self._minute = 0
        self._from_s = started_at_s
        self._to_s = started_at_s + MINUTE_S
        self._passages: list[Passage] = []
        self._observed: list[tuple[float, float]] = []
        self._window = _OpenWindow(0)
        self._closed: deque[_Window] = deque()
        self.dropped = 0

    def add(self, passage: Passage) -> None:
        """Books a passage in the minute in which it ended; if that is closed, in the open one."""
        self._passages.append(passage)

    def observe(self, from_s: float, to_s: float) -> None:
        """Notes that between the two times head shakes could be seen."""
        if self._observed and self._observed[-1][1] == from_s:
            from_s = self._observed.pop()[0]
        self._observed.append((from_s, to_s))

    def advance(self, at_s: float, utc_offset_s: float | None) -> list[MinuteCount]:
        """Closes the minutes that are over and returns the windows to be told, oldest first.

        Args:
            at_s: the monotonic time now.
            utc_offset_s: UTC minus monotonic time in seconds, or None while it is unknown.
        """
        if self._offset_s is None and utc_offset_s is not None:
            self._anchor(utc_offset_s)
        while self._to_s <= at_s:
            self._close_minute(self._to_s)
            if self._offset_s is not None and utc_offset_s is not None:
                error = utc_offset_s - self._offset_s
                self._offset_s += max(-_SLEW_S, min(_SLEW_S, error))
            self._to_s = self._end_of_minute()
        due_s = at_s - MINUTE_S * self._rules.delay_minutes
        return self._release(due_s)

    def finish(
        self, at_s: float, utc_offset_s: float | None, *, early: bool = False
    ) -> list[MinuteCount]:
        """Closes the open minute and window, and returns all that may be told.

        A last window that is too short or too small is told without figures, and so
        are windows still in their delay unless `early` (a recording of the past).
        Windows that no UTC time is known for are lost.
        """
        told = self.advance(at_s, utc_offset_s)
        if at_s > self._from_s or self._passages:
            self._close_minute(max(at_s, self._from_s), last=True)
        if self._window.minutes:
            self._close_window(at_s)
        due_s = math.inf if early else at_s - MINUTE_S * self._rules.delay_minutes
        told += self._release(due_s)
        self._closed = deque(window._replace(people=None) for window in self._closed)
        return told + self._release(math.inf)

    def _anchor(self, utc_offset_s: float) -> None:
        """Fixes minute 0 in UTC, and moves the end of the open minute to a whole one."""
        self._offset_s = utc_offset_s
        began = self._from_s + utc_offset_s
        minute = math.floor(began / MINUTE_S) - self._minute
        if self._not_before is not None:
            told = math.ceil((self._not_before - _EPOCH).total_seconds() / MINUTE_S)
            if told <= minute + self._rules.max_window_minutes:
                minute = max(minute, told)
        self._first_minute = minute
        self._to_s = self._end_of_minute()

    def _end_of_minute(self) -> float:
        if self._offset_s is None or self._first_minute is None:
            return self._from_s + MINUTE_S
        return (self._first_minute + self._minute + 1) * MINUTE_S - self._offset_s

    def _close_minute(self, end_s: float, *, last: bool = False) -> None:
        booked_by_s = math.inf if last else end_s
        ended = [passage for passage in self._passages if passage.ended_at_s < booked_by_s]
        self._passages = [p for p in self._passages if p.ended_at_s >= booked_by_s]
        observed_s = sum(max(0.0, min(to_s, end_s) - from_s) for from_s, to_s in self._observed)
        self._observed = [
            (max(from_s, end_s), to_s) for from_s, to_s in self._observed if to_s > end_s
        ]
        window = self._window
        window.minutes += 1
        window.observed_s += min(observed_s, MINUTE_S)
        window.people.update(passage.state for passage in ended)
        self._minute += 1
        self._from_s = end_s
        if self._tellable(window) or window.minutes >= self._rules.max_window_minutes:
            self._close_window(end_s)

    def _close_window(self, at_s: float) -> None:
        window = self._window
        people = {state: window.people[state] for state in MaskState}
        self._closed.append(
            _Window(
                first=window.first,
                minutes=window.minutes,
                closed_at_s=at_s,
                observed_s=window.observed_s,
                people=people if self._tellable(window) else None,
            )
        )
        self._window = _OpenWindow(self._minute)
        if self._offset_s is None and len(self._closed) > _MOST_WAITING:
            self._condense()

    def _tellable(self, window: _OpenWindow) -> bool:
        rules = self._rules
        return window.minutes >= rules.min_window_minutes and (
            rules.min_people == 1 or window.people.total() >= rules.min_people
        )

    def _condense(self) -> None:
        """Joins windows that wait for UTC, oldest first, up to the longest allowed."""
        joined: deque[_Window] = deque()
        for window in self._closed:
            last = joined[-1] if joined else None
            if (
                last is None
                or last.people is None
                or window.people is None
                or last.minutes + window.minutes > self._rules.max_window_minutes
            ):
                joined.append(window)
            else:
                joined[-1] = _Window(
                    first=last.first,
                    minutes=last.minutes + window.minutes,
                    closed_at_s=window.closed_at_s,
                    observed_s=last.observed_s + window.observed_s,
                    people={s: last.people[s] + window.people[s] for s in MaskState},
                )
        while len(joined) > _MOST_KEPT:
            joined.popleft()
            self.dropped += 1
        self._closed = joined

    def _release(self, closed_by_s: float) -> list[MinuteCount]:
        told = []
        if self._first_minute is not None:
            while self._closed and self._closed[0].closed_at_s <= closed_by_s:
                told.append(_count(self._closed.popleft(), self._first_minute))
        return told


def _count(window: _Window, first_minute: int) -> MinuteCount:
    start = _EPOCH + timedelta(minutes=first_minute + window.first)
    if window.people is None:
        return MinuteCount.withheld(
            start=start, minutes=window.minutes, observed_s=window.observed_s
        )
    return MinuteCount(
        start=start,
        minutes=window.minutes,
        with_mask=window.people[MaskState.WITH_MASK],
        without_mask=window.people[MaskState.WITHOUT_MASK],
        incorrect=window.people[MaskState.INCORRECT],
        unclear=window.people[MaskState.UNCLEAR],
        observed_s=window.observed_s,
    )
