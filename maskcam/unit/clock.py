"""Whether the system clock can be believed.

A Raspberry Pi has no battery clock: until the network has set the time, the
system clock shows any date. The kernel knows whether it has been disciplined. The
service may not ask the kernel (`ProtectClock=` forbids adjtimex as a whole, since the same
call sets the clock): there, systemd-timesyncd's own mark says it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_TIMESYNCD_MARK: Final = Path("/run/systemd/timesync/synchronized")
_TIMEX_BYTES: Final = 512  # struct timex has 208 bytes on 64-bit Linux; leave room


class SystemClock:
    """The offset between UTC and the monotonic clock, once it is known.

    Args:
        trusted: believe the system clock without asking the kernel, for a machine
            with a battery clock or a test bench.
        utc_s: UTC in seconds since 1970, right or wrong.
        monotonic_s: the monotonic clock, by which frames are stamped.
    """

    def __init__(
        self,
        *,
        trusted: bool = False,
        utc_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted = trusted
        self._utc_s = utc_s
        self._monotonic_s = monotonic_s

    def monotonic_s(self) -> float:
        """Returns the monotonic time in seconds."""
        return self._monotonic_s()

    def synchronised(self) -> bool:
        """Returns whether the kernel says that the clock is disciplined."""
        return self._trusted or is_synchronised()

    def utc_offset_s(self) -> float | None:
        """Returns UTC minus the monotonic time in seconds, or None while UTC is unknown."""
        return self._utc_s() - self._monotonic_s() if self.synchronised() else None


def is_synchronised(*, mark: Path = _TIMESYNCD_MARK) -> bool:
    """Asks the kernel (adjtimex, read only) whether the clock is synchronised.

    Args:
        mark: a file that is there once it is; looked for where the kernel may not be asked.

    Raises:
        OSError: the kernel does not answer.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes = 0: change nothing
    state = int(libc.adjtimex(timex))
    if state >= 0:
        return state != _TIME_ERROR
    number = ctypes.get_errno()
    if number == errno.EPERM:
        return mark.exists()
    raise OSError(number, os.strerror(number))
