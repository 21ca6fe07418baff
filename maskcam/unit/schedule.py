"""When the unit may count: operating hours and the end of the deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Operating hours in local time, and the last day of the deployment.

    hours: (from, to) pairs; a pair that ends before it begins runs over midnight;
        none at all means always.
    ends: the last day on which people are counted, or None.
    """

    zone: ZoneInfo
    hours: Sequence[tuple[time, time]] = ()
    ends: date | None = None

    @property
    def always(self) -> bool:
        """Whether counting never depends on the time of day or the date."""
        return not self.hours and self.ends is None

    def is_open(self, now: datetime | None) -> bool:
        """Returns whether people may be counted at `now` (aware, or None while unknown)."""
        if self.always:
            return True
        if now is None:
            return False
        local = now.astimezone(self.zone)
        if self.ends is not None and local.date() > self.ends:
            return False
        return not self.hours or any(_within(local.time(), *pair) for pair in self.hours)


def _within(moment: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= moment < end
    return moment >= start or moment < end
