"""Cuts time into fixed windows, counts passages in them, and publishes each with noise.

Minutes are those of UTC; counting begins with the next whole one. Before UTC is known they are
cut on the monotonic clock, and later stamped with the UTC minute in which they began. A clock
that steps by more than 2 s is believed at once: minutes that it leaves out are unobserved, and
minutes that were published already come again only under a higher run.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

from maskcam.people.noise import RandomBelow, draw_noise
from maskcam.records import MaskState, MinuteCount, Passage, WindowKind

_MINUTE_S: Final = 60.0
_HOUR: Final = 60
_STEP_S: Final = 2.0
_MOST_WAITING: Final = 20_160  # minutes kept while UTC is unknown: two weeks
_PRESETS: Final = {"standard": (1, 0), "decree": (20, 15)}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRules:
    """How long windows are, how late they are published, and with how much noise.

    minutes: length of a window, and the least of the part of an hour; a divisor of 60.
    delay_minutes: a window is published so long after its end; the publisher keeps it until then.
    epsilon_minute, epsilon_hour: of the noise of windows and hours; None: exact numbers.
    """

    minutes: int = 1
    delay_minutes: int = 0
    epsilon_minute: float | None = 1.0
    epsilon_hour: float | None = 1.0

    @classmethod
    def preset(cls, name: str, *, exact: bool = False, **epsilons: float) -> Self:
        """Returns the rules of a preset, with other epsilons, or `exact` without noise.

        `standard` publishes each minute at its end. `decree` follows French decree
        2021-269: windows of 20 minutes, published 15 minutes late.

        Raises:
            ValueError: there is no such preset.
        """
        if name not in _PRESETS:
            raise ValueError(f"there is no preset {name!r}: use {' or '.join(_PRESETS)}")
        noise = {"epsilon_minute": None, "epsilon_hour": None} if exact else epsilons
        minutes, delay_minutes = _PRESETS[name]
        return cls(minutes=minutes, delay_minutes=delay_minutes, **noise)


class _Span(NamedTuple):
    """Exact numbers from the minute `first` to before `end`, since 1970 or the start."""

    first: int
    end: int
    observed_s: float
    people: Counter[MaskState]


class MinuteCounts:
    """Books passages and observed time, and returns the counts of windows that are over.

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
        self._waiting: deque[_Span] = deque(maxlen=_MOST_WAITING)
        self._windows: dict[WindowKind, _Span] = {}
        self._closed: list[tuple[int, MinuteCount]] = []  # each with its last minute's end
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
        self._observed.append((from_s, to_s))

    def advance(self, at_s: float, utc_offset_s: float | None) -> list[MinuteCount]:
        """Closes the windows that are over and returns their counts, oldest first.

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
            self._to_s = self._to_s + _MINUTE_S if now is None else self._begin_of(self._minute + 1)
        return list(self._release(at_s))

    def finish(self, at_s: float, utc_offset_s: float | None = None) -> list[MinuteCount]:
        """Returns the last counts: of a unit, the part of the hour that is over; of a film, all."""
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
            self._from_s = self._begin_of(minute)
            self._passages = [p for p in self._passages if p.ended_at_s >= self._from_s]
        if first:
            for past in self._waiting:
                later = minute - self._minute
                self._book(past._replace(first=past.first + later, end=past.end + later))
            self._waiting.clear()
        elif minute <= self._last:  # published already: by another run from here on
            self._close_window(WindowKind.HOUR)
            self._windows.clear()
            self._closed = [one for one in self._closed if self._begin_of(one[0]) <= at_s]
            self._run, self._last = self._next_run(), minute - 1
        self._minute = minute
        self._to_s = self._begin_of(minute + 1)

    def _begin_of(self, minute: int) -> float:
        """Returns the monotonic time at which a minute of UTC begins."""
        assert self._offset_s is not None
        return minute * _MINUTE_S - self._offset_s

    def _close_minute(self, end_s: float) -> None:
        ended = Counter(p.state for p in self._passages if p.ended_at_s < end_s)
        self._passages = [p for p in self._passages if p.ended_at_s >= end_s]
        seen_s = sum(max(0.0, min(b, end_s) - max(a, self._from_s)) for a, b in self._observed)
        self._observed = [(a, b) for a, b in self._observed if b > end_s]
        minute = _Span(self._minute, self._minute + 1, min(seen_s, _MINUTE_S), ended)
        self._minute, self._from_s = minute.end, end_s
        if self._offset_s is None:
            self.dropped += len(self._waiting) == _MOST_WAITING
            self._waiting.append(minute)
        else:
            self._book(minute)

    def _book(self, minute: _Span) -> None:
        """Adds a minute to its window and its hour, and closes what is complete."""
        self.booked += minute.people
        self._last = minute.first
        for kind, length in ((WindowKind.COUNT, self._rules.minutes), (WindowKind.HOUR, _HOUR)):
            window = self._windows.get(kind)
            if window is not None and minute.first // length != window.first // length:
                self._close_window(kind)
                window = None
            first, _, seen_s, people = window or (minute.first, 0, 0.0, Counter[MaskState]())
            self._windows[kind] = _Span(
                first, minute.end, seen_s + minute.observed_s, people + minute.people
            )
            if minute.end % length == 0:
                self._close_window(kind)

    def _close_window(self, kind: WindowKind) -> None:
        window = self._windows.pop(kind, None)
        if window is None:
            return
        first, end, seen_s, people = window
        length, epsilon = self._rules.minutes, self._rules.epsilon_hour
        if kind is WindowKind.HOUR and end - first < length and not self._recording:
            return  # a part of an hour tells of no shorter time than a window
        if kind is WindowKind.COUNT:
            epsilon = self._rules.epsilon_minute
            if first % length and not self._recording:
                return  # windows are whole
            first = first // length * length
            end = first + length
        observed_s = round(seen_s)
        numbers = {state.value: people[state] for state in MaskState}
        if epsilon is not None:
            for state in numbers:
                numbers[state] += draw_noise(epsilon, self._random_below)
        count = MinuteCount(
            kind=kind,
            run=self._run,
            start=_EPOCH + timedelta(minutes=first),
            minutes=end - first,
            **(numbers if observed_s else dict.fromkeys(numbers)),
            observed_s=observed_s,
            epsilon=epsilon,
        )
        self._closed.append((end, count))

    def _release(self, at_s: float) -> Iterator[MinuteCount]:
        while self._closed and self._begin_of(self._closed[0][0]) <= at_s:
            yield self._closed.pop(0)[1]
