"""A small unit as a process: real outbox, real publisher, and a clock that runs fast.

Before a window is handed over it says "closing N", and "closed N" once it is kept.
Ends on SIGTERM. Arguments: state directory, port of the broker, first minute, and
seconds between windows.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import BrokerSettings, Publisher
from tests.delivery.windows import SITE, UNIT, window


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def main(state: str, port: str, first: str, pace_s: str) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    broker = BrokerSettings(
        host="127.0.0.1", port=int(port), reconnect_min_s=0.05, reconnect_max_s=0.5, keepalive_s=5
    )
    outbox = Outbox(Path(state), site=SITE, unit=UNIT)
    minute = int(first)
    with Publisher(outbox, broker=broker, site=SITE, unit=UNIT) as publisher:
        say("started")
        while not ended.wait(float(pace_s)):
            say(f"closing {minute}")
            publisher.deliver(window(minute)).result(20)
            say(f"closed {minute}")
            minute += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
