"""What time it is, and whether people may be counted now; asked once a second."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from maskcam.unit.clock import SystemClock
from maskcam.unit.schedule import Schedule

_log = logging.getLogger(__name__)

_READ_EVERY_S = 1.0
_CAMERA_BELIEVED_S = 5.0  # a busy machine may be so late with a frame


class Timekeeper:
    """Reads the clock, and logs when the clock is known and when counting begins and ends.

    Until the first reading UTC is unknown and nobody may be counted. Once it was known, it goes
    on with the monotonic clock while nobody corrects the system clock: a day of that costs
    seconds at most.

    Args:
        clock: knows UTC once it can be believed.
        schedule: when people may be counted.
    """

    def __init__(self, clock: SystemClock, schedule: Schedule) -> None:
        self._clock = clock
        self._schedule = schedule
        self._offset_s: float | None = None
        self._closed_because: str | None = None
        self._read_at_s = -_READ_EVERY_S

    @property
    def knows_utc(self) -> bool:
        """Whether UTC was known at the last reading."""
        return self._offset_s is not None

    @property
    def is_open(self) -> bool:
        """Whether people might be counted at the last reading."""
        return self._closed_because == ""

    @property
    def closed_because(self) -> str:
        """Why nobody may be counted; nothing if people may."""
        return self._closed_because or ""

    def now_s(self) -> float:
        """Returns the monotonic time."""
        return self._clock.monotonic_s()

    def utc_s(self, at_s: float) -> float | None:
        """Returns UTC at the time of a frame; where a camera's own time is wrong, UTC now."""
        now_s = self.now_s()
        believed_s = at_s if abs(now_s - at_s) < _CAMERA_BELIEVED_S else now_s
        return None if self._offset_s is None else believed_s + self._offset_s

    def may_tell_of(self, start: datetime) -> bool:
        """Returns whether a window that began at `start` may tell of people.

        Before the time was known nobody could know whether the sign was up.
        """
        return not self._schedule.is_before_sign(start)

    def read(self, now_s: float) -> bool:
        """Reads clock and schedule if a second has passed; returns whether it did."""
        if now_s - self._read_at_s < _READ_EVERY_S:
            return False
        self._read_at_s = now_s
        offset_s = self._clock.utc_offset_s()
        if offset_s is not None and self._offset_s is None:
            _log.info("the clock is synchronised: windows can be published")
        if offset_s is not None:
            self._offset_s = offset_s
        known_s = self._offset_s
        now = None if known_s is None else datetime.fromtimestamp(now_s + known_s, UTC)
        closed_because = self._schedule.why_closed(now)
        if closed_because != self._closed_because:
            _log.info(
                "%s", f"nobody is counted: {closed_because}" if closed_because else "counting"
            )
        self._closed_because = closed_because
        return True
