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
        return not self.why_closed(now)

    def is_before_sign(self, moment: datetime) -> bool:
        """Returns whether nobody was told yet at `moment` (aware) that people are counted."""
        return self.begins is not None and moment.astimezone(self.zone).date() < self.begins

    def why_closed(self, now: datetime | None) -> str:
        """Returns why nobody may be counted at `now`; nothing if people may."""
        if now is None:
            return "the time is not known yet" if self.hours or self.ends is not None else ""
        local = now.astimezone(self.zone)
        if self.is_before_sign(now):
            return f"the sign goes up on {self.begins}"
        if self.ends is not None and local.date() > self.ends:
            return f"the deployment ended on {self.ends}"
        if self.hours and not any(_within(local.time(), *pair) for pair in self.hours):
            return "outside of the operating hours"
        return ""


def _within(moment: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= moment < end
    return moment >= start or moment < end
