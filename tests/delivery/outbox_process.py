"""What is done to an outbox in a process of its own: without rights, without room, measured.

python -m tests.delivery.outbox_process TASK STATE [STATISTICS]
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from maskcam.delivery.outbox import Outbox
from tests.delivery.windows import SITE, UNIT, window

NOBODY = 65534


def check(outbox: Outbox, number: int) -> None:
    """Fails unless so many windows wait."""
    assert len(outbox.pending(10_000)) == len(outbox) == number, (len(outbox), number)


def work_read_only(state: Path) -> None:
    """Goes on in memory while the directory is read-only, and writes when it is no longer."""
    if os.getuid() == 0:  # root may write anywhere
        os.chown(state, NOBODY, NOBODY)
        os.setuid(NOBODY)
    with Outbox(state, site=SITE, unit=UNIT) as outbox:
        assert outbox.put(window(0))
    for name in [*state.iterdir(), state]:
        name.chmod(0o555)
    with Outbox(state, site=SITE, unit=UNIT) as outbox:
        assert not outbox.put(window(1))
        assert not outbox.put(window(2))
        check(outbox, 3)  # the one on disk as well: it can still be read
        outbox.acknowledge(outbox.pending(1)[0].key)
        check(outbox, 2)
        for name in [state, *state.iterdir()]:
            name.chmod(0o777)
        assert outbox.put(window(3))
        check(outbox, 3)
    with Outbox(state, site=SITE, unit=UNIT) as outbox:
        check(outbox, 3)


def work_full(state: Path) -> None:
    """Goes on in memory while files may not grow; the limit needs no right to mount."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Outbox(state, site=SITE, unit=UNIT) as outbox:
        full = False
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        for minute in range(120):
            full |= not outbox.put(window(minute))
            check(outbox, minute + 1)
        assert full
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert outbox.put(window(120))
        check(outbox, 121)
    with Outbox(state, site=SITE, unit=UNIT) as outbox:
        check(outbox, 121)


def deliver(outbox: Outbox, minute: int) -> None:
    """Closes a window, and acknowledges all that wait."""
    assert outbox.put(window(minute))
    for waiting in outbox.pending(16):
        outbox.acknowledge(waiting.key)


def work_a_day(state: Path) -> None:
    """Prints the bytes, and the bytes of blocks, that the process writes in a day."""

    def written() -> tuple[int, int]:
        text = Path("/proc/self/io").read_text()
        fields = dict(line.split(": ") for line in text.splitlines())
        return int(fields["wchar"]), int(fields["write_bytes"])

    outbox = Outbox(state, site=SITE, unit=UNIT)
    before = written()
    for minute in range(1440):
        deliver(outbox, minute)
    outbox.close()
    print(*(after - then for then, after in zip(before, written(), strict=True)))


def work_at_its_pace(state: Path, statistics: Path) -> None:
    """Prints the bytes per window that reach a disk, by its statistics in /sys/block."""

    def written() -> int:
        return 512 * int(statistics.read_text().split()[6])

    outbox = Outbox(state, site=SITE, unit=UNIT)
    for minute in range(200):
        deliver(outbox, minute)
    os.sync()
    time.sleep(1)
    before = written()
    for minute in range(200, 240):
        deliver(outbox, minute)
        time.sleep(1.3)
    os.sync()
    print((written() - before) / 40)
    outbox.close()


TASKS: dict[str, Callable[..., None]] = {
    "read-only": work_read_only,
    "full": work_full,
    "a-day": work_a_day,
    "at-its-pace": work_at_its_pace,
}

if __name__ == "__main__":
    TASKS[sys.argv[1]](*map(Path, sys.argv[2:]))
