"""Makes good times of capture from the time stamps that sources give."""

from __future__ import annotations

import math

_DEFAULT_FPS = 30.0


class StreamClock:
    """Makes times that always grow from the time stamps of a stream.

    Stamps that stand still or go back are continued at the nominal rate, and what
    follows is shifted, so that the length of no later gap changes.

    Args:
        fps: the nominal rate; one that cannot be right is taken for 30.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / (fps if 1 <= fps <= 240 else _DEFAULT_FPS)
        self._shift_s = 0.0
        self._last_s: float | None = None

    def time_of(self, position_ms: float) -> float:
        """Returns the time in s of the next frame, whose own stamp is `position_ms`."""
        own_s = position_ms / 1000
        last_s = self._last_s
        if last_s is None:
            self._last_s = max(own_s, 0.0) if math.isfinite(own_s) else 0.0
            self._shift_s = self._last_s - (own_s if math.isfinite(own_s) else 0.0)
            return self._last_s
        time_s = own_s + self._shift_s if math.isfinite(own_s) else last_s
        if time_s <= last_s:
            time_s = last_s + self._interval_s
            if math.isfinite(own_s):
                self._shift_s = time_s - own_s
        self._last_s = time_s
        return time_s


class ArrivalClock:
    """Puts the even time stamps of a live source on the monotonic clock.

    A frame is never earlier than its stamp, so the quickest arrival seen tells how
    the two clocks relate; arrival alone would carry the network's jitter into the
    head-shake stage.
    """

    _TOO_LATE_S = 0.5

    def __init__(self) -> None:
        self._offset_s = math.inf
        self._last_own_s = -math.inf

    def time_of(self, own_s: float, arrived_s: float) -> float:
        """Returns the monotonic time in s of a frame with the stamp `own_s`."""
        if not math.isfinite(own_s) or own_s <= self._last_own_s:
            self._offset_s = math.inf  # no stamps, or they began again
            self._last_own_s = own_s if math.isfinite(own_s) else -math.inf
            return arrived_s
        self._last_own_s = own_s
        self._offset_s = min(self._offset_s, arrived_s - own_s)
        if arrived_s - (own_s + self._offset_s) > self._TOO_LATE_S:  # the clocks drifted apart
            self._offset_s = arrived_s - own_s
        return own_s + self._offset_s
