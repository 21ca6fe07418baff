"""When the unit may count: from the day of the sign, in its hours, to the last day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Operating hours in local time, and the first and last day of the deployment.

    hours: (from, to) pairs; a pair that ends before it begins runs over midnight;
        none at all means always.
    begins: the day on which the sign was put up, or None.
    ends: the last day on which people are counted, or None.
    """

    zone: ZoneInfo
    hours: Sequence[tuple[time, time]] = ()
    begins: date | None = None
    ends: date | None = None

    def is_open(self, now: datetime | None) -> bool:
        """Returns whether people may be counted at `now` (aware, or None while unknown)."""
        if now is None:
            return not self.hours and self.ends is None
        local = now.astimezone(self.zone)
        if self.begins is not None and local.date() < self.begins:
            return False
        if self.ends is not None and local.date() > self.ends:
            return False
        return not self.hours or any(_within(local.time(), *pair) for pair in self.hours)


def _within(moment: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= moment < end
    return moment >= start or moment < end
