"""Only in the ci image: closes windows as fast as the outbox keeps them, in place of the camera.

Says "closed N" (N: minutes since 1970) on its standard output once a window is on disk.
What a window holds follows from N, so that city hall can tell an invented one.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from maskcam import config
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.records import MinuteCount
from maskcam.unit.watchdog import notify

FIRST = 28_000_000  # a minute in 2023: no clock can be behind it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAUSE_S = 0.05


def window(minute: int) -> MinuteCount:
    """Returns the window that stands for a minute."""
    return MinuteCount(
        run=minute - FIRST + 1,
        start=_EPOCH + timedelta(minutes=minute),
        minutes=1,
        with_mask=minute % 23,
        without_mask=minute % 7,
        incorrect=minute % 3,
        unclear=1,
        observed_s=60,
        epsilon=1.0,
    )


def main(path: str) -> None:
    """Runs until the power is cut."""
    loaded = config.load(Path(path))
    unit = loaded.unit
    outbox = Outbox(unit.state_directory, site=unit.site, unit=unit.id)
    minute = FIRST + outbox.last_run
    broker = loaded.broker.connection()
    with Publisher(outbox, broker=broker, site=unit.site, unit=unit.id) as publisher:
        notify("READY=1")
        while True:
            if publisher.deliver(window(minute)).result(30):
                os.write(1, f"closed {minute}\n".encode())
            notify("WATCHDOG=1")
            minute += 1
            time.sleep(_PAUSE_S)  # some of the emulated processor is for the network


if __name__ == "__main__":
    main(sys.argv[1])
