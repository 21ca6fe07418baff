"""Cuts time into fixed windows, counts passages in them, and publishes each with noise.

Minutes are whole minutes of UTC; counting begins with the next one. Before UTC is known
they are cut on the monotonic clock, and later stamped with the UTC minute in which they
began. A clock that drifts is followed at each boundary. One that steps by more than 2 s is
believed at once: minutes that it leaves out are unobserved, and minutes that were published
already come again only under a higher run.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from maskcam.people.noise import RandomBelow, draw_noise
from maskcam.records import MaskState, MinuteCount, Passage, WindowKind

_MINUTE_S: Final = 60.0
_HOUR: Final = 60
_STEP_S: Final = 2.0
_MOST_WAITING: Final = 20_160  # minutes kept while UTC is unknown: two weeks
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRules:
    """How long windows are, how late they are published, and with how much noise.

    minutes: length of a window; a divisor of 60.
    delay_minutes: a window is published so long after its end.
    epsilon_minute, epsilon_hour: of the noise of windows and hours; None: exact numbers.
    """

    minutes: int = 1
    delay_minutes: int = 0
    epsilon_minute: float | None = 1.0
    epsilon_hour: float | None = 1.0

    @classmethod
    def preset(
        cls,
        name: str,
        *,
        epsilon_minute: float = 1.0,
        epsilon_hour: float = 1.0,
        exact: bool = False,
    ) -> Self:
        """Returns the rules of a preset.

        `standard` publishes each minute at its end. `decree` follows French decree
        2021-269: windows of 20 minutes, published 15 minutes late.

        Raises:
            ValueError: there is no such preset.
        """
        lengths = {"standard": (1, 0), "decree": (20, 15)}
        if name not in lengths:
            raise ValueError(f"there is no preset {name!r}: use standard or decree")
        minutes, delay = lengths[name]
        return cls(
            minutes=minutes,
            delay_minutes=delay,
            epsilon_minute=None if exact else epsilon_minute,
            epsilon_hour=None if exact else epsilon_hour,
        )


class _Minute(NamedTuple):
    """A minute that is over, exact. `number`: since 1970, or since the start without UTC."""

    number: int
    observed_s: float
    people: Counter[MaskState]


@dataclass(slots=True)
class _Window:
    """A window that is open, from the minute `first` to before `end`."""

    first: int
    end: int
    observed_s: float = 0.0
    people: Counter[MaskState] = field(default_factory=Counter)


class MinuteCounts:
    """Books passages and observed time, and returns the counts that are due.

    Args:
        started_at_s: monotonic time now.
        rules: which windows, and how much noise.
        next_run: returns a higher number at each call, also of later processes.
        random_below: the source of randomness of the noise.
        recording: of the past: it is counted from its first frame to its last.

    Attributes:
        booked: exact passages of all minutes that are over, for demo and evaluation.
        dropped: minutes lost since the start, as UTC was unknown for too long.
    """

    def __init__(
        self,
        *,
        started_at_s: float,
        rules: WindowRules,
        next_run: Callable[[], int],
        random_below: RandomBelow,
        recording: bool = False,
    ) -> None:
        self._rules, self._recording = rules, recording
        self._next_run, self._random_below = next_run, random_below
        self._run = next_run()
        self._offset_s: float | None = None  # UTC minus monotonic
        self._minute, self._last = 0, -1  # the open minute; the last that was booked
        self._from_s, self._to_s = started_at_s, started_at_s + _MINUTE_S
        self._begun = recording
        self._passages: list[Passage] = []
        self._observed: list[tuple[float, float]] = []
        self._waiting: deque[_Minute] = deque()
        self._windows: dict[WindowKind, _Window] = {}
        self._closed: list[MinuteCount] = []
        self.booked: Counter[MaskState] = Counter()
        self.dropped = 0

    def has_begun(self, at_s: float) -> bool:
        """Returns whether passages at `at_s` are counted."""
        return self._begun and at_s >= self._from_s

    def add(self, passage: Passage) -> None:
        """Books a passage in the minute in which it ended; if that is over, in the open one."""
        self._passages.append(passage)

    def observe(self, from_s: float, to_s: float) -> None:
        """Records that between the two times head shakes could be seen."""
        if self._observed and self._observed[-1][1] == from_s:
            from_s = self._observed.pop()[0]
        self._observed.append((from_s, to_s))

    def advance(self, at_s: float, utc_offset_s: float | None) -> list[MinuteCount]:
        """Closes the windows that are over and returns the counts that are due, oldest first.

        Args:
            at_s: the monotonic time now.
            utc_offset_s: UTC minus monotonic time in seconds, or None while it is unknown.
        """
        now = self._offset_s if utc_offset_s is None else utc_offset_s
        if now is not None and (self._offset_s is None or abs(now - self._offset_s) > _STEP_S):
            self._set_clock(now, at_s)
        self._begun = True
        while self._to_s <= at_s:
            self._close_minute(self._to_s)
            self._offset_s = now
            self._to_s = self._end_of_minute()
        return list(self._release(at_s))

    def finish(self, at_s: float, utc_offset_s: float | None = None) -> list[MinuteCount]:
        """Returns the last counts.

        Of a unit that stops, that is the part of the hour that is over; of a recording, all.
        """
        counts = self.advance(at_s, utc_offset_s)
        if self._recording:
            self._close_minute(math.inf)
            self._close_window(WindowKind.COUNT)
        self._close_window(WindowKind.HOUR)
        return counts + list(self._release(math.inf if self._recording else at_s))

    def _set_clock(self, offset_s: float, at_s: float) -> None:
        """Gives the open minute its place in UTC, or begins with the next whole one."""
        minute = math.floor((self._from_s + offset_s) / _MINUTE_S)
        first, self._offset_s = self._offset_s is None, offset_s
        if not self._begun or minute == self._last:
            minute += 1
            self._from_s = minute * _MINUTE_S - offset_s
            self._passages = [p for p in self._passages if p.ended_at_s >= self._from_s]
        if first:
            for past in self._waiting:
                self._book(past._replace(number=past.number + minute - self._minute))
            self._waiting.clear()
        elif minute <= self._last:  # published already: by another run from here on
            self._close_window(WindowKind.HOUR)
            self._windows.clear()
            self._closed = [count for count in self._closed if self._end_s(count) <= at_s]
            self._run, self._last = self._next_run(), minute - 1
        self._minute = minute
        self._to_s = self._end_of_minute()

    def _end_of_minute(self) -> float:
        if self._offset_s is None:
            return self._from_s + _MINUTE_S
        return (self._minute + 1) * _MINUTE_S - self._offset_s

    def _close_minute(self, end_s: float) -> None:
        ended = Counter(p.state for p in self._passages if p.ended_at_s < end_s)
        self._passages = [p for p in self._passages if p.ended_at_s >= end_s]
        seen_s = sum(
            max(0.0, min(to_s, end_s) - max(from_s, self._from_s))
            for from_s, to_s in self._observed
        )
        self._observed = [(from_s, to_s) for from_s, to_s in self._observed if to_s > end_s]
        minute = _Minute(self._minute, min(seen_s, _MINUTE_S), ended)
        self._minute, self._from_s = self._minute + 1, end_s
        if self._offset_s is not None:
            self._book(minute)
            return
        self._waiting.append(minute)
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1

    def _book(self, minute: _Minute) -> None:
        """Adds a minute to its window and its hour, and closes what is complete."""
        self.booked += minute.people
        self._last = minute.number
        for kind, length in ((WindowKind.COUNT, self._rules.minutes), (WindowKind.HOUR, _HOUR)):
            window = self._windows.get(kind)
            if window is not None and minute.number // length != window.first // length:
                self._close_window(kind)
                window = None
            if window is None:
                window = self._windows[kind] = _Window(minute.number, minute.number)
            window.end = minute.number + 1
            window.observed_s += minute.observed_s
            window.people += minute.people
            if window.end % length == 0:
                self._close_window(kind)

    def _close_window(self, kind: WindowKind) -> None:
        window = self._windows.pop(kind, None)
        if window is None:
            return
        first, end, epsilon = window.first, window.end, self._rules.epsilon_hour
        if kind is WindowKind.COUNT:
            length, epsilon = self._rules.minutes, self._rules.epsilon_minute
            if first % length and not self._recording:
                return  # windows are whole
            first = first // length * length
            end = first + length
        observed_s = round(min(window.observed_s, _MINUTE_S * (end - first)))
        numbers = {
            state.value: window.people[state]
            + (0 if epsilon is None else draw_noise(epsilon, self._random_below))
            for state in MaskState
        }
        self._closed.append(
            MinuteCount(
                kind=kind,
                run=self._run,
                start=_EPOCH + timedelta(minutes=first),
                minutes=end - first,
                **(numbers if observed_s else dict.fromkeys(numbers)),
                observed_s=observed_s,
                epsilon=epsilon,
            )
        )

    def _end_s(self, count: MinuteCount) -> float:
        """Returns the monotonic time of the end of a window."""
        assert self._offset_s is not None
        minute = (count.start - _EPOCH) // timedelta(minutes=1) + count.minutes
        return minute * _MINUTE_S - self._offset_s

    def _release(self, at_s: float) -> Iterator[MinuteCount]:
        late_s = _MINUTE_S * self._rules.delay_minutes
        while self._closed and self._end_s(self._closed[0]) + late_s <= at_s:
            yield self._closed.pop(0)
