"""Reports to systemd that the unit works, and only while it does.

The keep-alive depends on the ages of the last frame, the last inference and
the last turn of the loop; never on the broker, whose absence a restart would
not mend.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field


def notify(message: str, *, environment: Mapping[str, str] = os.environ) -> bool:
    """Sends `message` to systemd (sd_notify(3)); returns False when systemd does not listen."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(1)
        try:
            connection.sendto(message.encode(), address)
        except OSError:
            return False
    return True


@dataclass(slots=True)
class Watchdog:
    """Keeps systemd's watchdog quiet while every part is alive.

    limits_s: how old the last sign of life of each part may be, in seconds.
    interval_s: time between two keep-alives; at most a third of ``WatchdogSec=``.
    """

    limits_s: Mapping[str, float]
    interval_s: float = 4.0
    _last: dict[str, float] = field(default_factory=dict)
    _sent_at_s: float | None = None

    def alive(self, part: str, *, at_s: float) -> None:
        """Records a sign of life of `part` at monotonic time `at_s`."""
        self._last[part] = at_s

    def stalled(self, *, at_s: float) -> list[str]:
        """Returns the parts whose last sign of life is older than their limit.

        A part that has not yet begun is counted from the first call.
        """
        return [
            part
            for part, limit in self.limits_s.items()
            if at_s - self._last.setdefault(part, at_s) > limit
        ]

    def feed(self, *, at_s: float, status: str) -> bool:
        """Sends the keep-alive and `status` if it is time and nothing has stalled."""
        due = self._sent_at_s is None or at_s - self._sent_at_s >= self.interval_s
        if not due or self.stalled(at_s=at_s):
            return False
        self._sent_at_s = at_s
        return notify(f"WATCHDOG=1\nSTATUS={status}")
