"""Makes good times of capture from the time stamps that sources give.

Both clocks return only times that grow from frame to frame. A frame that cannot be placed
after the one before it gets none, and is to be dropped: a made-up time would be judged
as a measured one.
"""

from __future__ import annotations

import math
from typing import Final

GAP_S: Final = 0.6
"""Nobody can be observed in so long a pause between two frames of a film."""

_JITTER_S: Final = 0.5  # a stamp that is earlier by more belongs to another recording
_LONGEST_PAUSE_S: Final = 86_400.0


class StreamClock:
    """Places the frames of a file on one time line that begins at 0.

    A pause of up to a day stays as long as it is. Where the stamps step back, or further
    ahead, another recording was joined: it goes on after a gap of 0.6 s.
    """

    def __init__(self) -> None:
        self._own_s: float | None = None
        self._time_s = 0.0

    def time_of(self, own_s: float | None) -> float | None:
        """Returns the time in s of the frame with the stamp `own_s`; None: it has no place."""
        if own_s is None or not math.isfinite(own_s):
            return None
        if self._own_s is None:
            self._own_s = own_s
            return self._time_s
        step_s = own_s - self._own_s
        if -_JITTER_S <= step_s <= 0:
            return None
        self._time_s += step_s if 0 < step_s <= _LONGEST_PAUSE_S else GAP_S
        self._own_s = own_s
        return self._time_s


class CountingClock:
    """Gives the frames of a film without time stamps the times of a known frame rate."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._count = -1

    def time_of(self, own_s: float | None) -> float | None:
        """Returns the time in s of the next frame, whatever its stamp."""
        del own_s
        self._count += 1
        return self._count / self._fps


class ArrivalClock:
    """Puts the even time stamps of a live source on the monotonic clock.

    A frame is never earlier than its stamp, so the quickest arrival seen shows how
    the two clocks relate; arrival alone would carry the network's jitter into the
    head-shake stage.
    """

    _TOO_LATE_S: Final = 0.5

    def __init__(self) -> None:
        self._offset_s = math.inf
        self._own_s = -math.inf
        self._time_s = -math.inf

    def time_of(self, own_s: float | None, arrived_s: float) -> float | None:
        """Returns the monotonic time in s of a frame with the stamp `own_s`; None: drop it."""
        time_s = self._placed(own_s, arrived_s)
        if time_s <= self._time_s:
            return None
        self._time_s = time_s
        return time_s

    def _placed(self, own_s: float | None, arrived_s: float) -> float:
        if own_s is None or not math.isfinite(own_s) or own_s <= self._own_s:
            self._offset_s = math.inf  # no stamps, or they began again
            self._own_s = own_s if own_s is not None and math.isfinite(own_s) else -math.inf
            return arrived_s
        self._own_s = own_s
        self._offset_s = min(self._offset_s, arrived_s - own_s)
        if arrived_s - (own_s + self._offset_s) > self._TOO_LATE_S:  # the clocks drifted apart
            self._offset_s = arrived_s - own_s
        return own_s + self._offset_s
