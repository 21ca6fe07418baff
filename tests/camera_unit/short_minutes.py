"""``maskcam`` with minutes of a second, or TEST_MINUTE_S: windows close while a test waits.

    python -m tests.camera_unit.short_minutes run --config FILE

Counting, noise, outbox and delivery are the unit's own; only the length of a minute, and what
the clock says in it, are other. UTC then lies in the 1970s.
"""

from __future__ import annotations

import os
import sys

from maskcam import cli
from maskcam.people import windows
from maskcam.unit.clock import SystemClock

MINUTE_S = float(os.environ.get("TEST_MINUTE_S", "1"))
_FIRST_MINUTE = 29_600_000  # in 2026, for what is published


def shorten() -> None:
    """Makes all minutes of this process short."""
    windows._MINUTE_S = MINUTE_S  # type: ignore[misc]

    def utc_offset_s(clock: SystemClock) -> float | None:
        return _FIRST_MINUTE * MINUTE_S if clock.synchronised() else None

    SystemClock.utc_offset_s = utc_offset_s  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    shorten()
    sys.exit(cli.main(sys.argv[1:]))
