"""What changed between two times, in the camera hours that were observed in both.

What a camera did not see would look like fewer people, and a camera that was off like
other people: so passages and shares are compared camera by camera and hour by hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from maskcam.cityhall.figures import PARTLY
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Span, Totals
from maskcam.cityhall.statistics import FEW, Interval, difference


class Change(NamedTuple):
    """Passages and shares now against before; `left_out_s` of camera time now had no match."""

    now: Totals = Totals()
    before: Totals = Totals()
    left_out_s: float = 0.0

    @property
    def ratio(self) -> float | None:
        """Relative change of passages: 0.12 is 12 % more. None: nothing to compare with."""
        return self.now.people / self.before.people - 1 if self.before.people > 0 else None

    @property
    def share(self) -> Interval | None:
        """Change of the mask share; None where either time has too few judged passages.

        Recognition errs alike both times, so only chance and noise are in the interval.
        """
        now, before = self.now.mask_share(), self.before.mask_share()
        if now is None or before is None or min(self.now.judged, self.before.judged) < FEW:
            return None
        return difference(now, before)

    def plus(self, other: Change) -> Change:
        """Returns both together: of several sites, say."""
        return Change(
            self.now.plus(other.now),
            self.before.plus(other.before),
            self.left_out_s + other.left_out_s,
        )


def total_change(changes: Iterable[Change]) -> Change:
    """Returns the changes of several sites together."""
    total = Change()
    for change in changes:
        total = total.plus(change)
    return total


def whole_weeks(length: timedelta) -> int:
    """Returns the days between a span and the same weekdays before it, at least its length."""
    return -(-length.days // 7) * 7


def recall_change(reader: Reader, span: Span, *, days: int) -> Change:
    """Returns the change of all sites as `compare` found it last; of nothing if it never did.

    It costs nothing, and does not say what is left out.
    """
    found = reader.kept.recall(("matched", span, days, None))
    pairs = found.values() if isinstance(found, dict) else ()
    return total_change(Change(now, before) for now, before in pairs)


def compare(
    reader: Reader,
    span: Span,
    *,
    days: int,
    periods: Periods,
    sites: Sequence[str] | None = None,
) -> dict[str, Change]:
    """Returns the change of each site between `span` and the same hours `days` earlier.

    Args:
        reader: where the sums are.
        span: whole hours, of now, from a midnight on.
        days: a multiple of 7, so that weekdays match.
        periods: the city's days.
        sites: only these: what they cost is their part of what all cost.
    """
    calendar = periods.calendar

    def match() -> dict[str, tuple[Totals, Totals]]:
        pairs = periods.counterparts(span, days=days)
        return reader.matched(pairs, least_s=PARTLY * 3600, sites=sites)

    if periods.is_over(span):
        back = days * 1440
        earlier = Span(calendar.day(span.start - back - 60), span.end - back + 60)  # clocks change
        found = reader.kept.get(
            ("matched", span, days, None if sites is None else tuple(sites)),
            lambda: (reader.fingerprint(span), reader.fingerprint(earlier)),
            match,
        )
    else:
        found = match()
    changes = {}
    for site, seconds in _observed(reader, span, sites).items():
        now, before = found.get(site, (Totals(), Totals()))
        changes[site] = Change(now, before, max(0.0, seconds - now.observed_s))
    return changes


def _observed(reader: Reader, span: Span, sites: Sequence[str] | None) -> dict[str, float]:
    """Returns the seconds that each site observed: of days, and of the hours of the last one."""
    midnight = reader.calendar.day(span.end)
    days = reader.by_site("daily", Span(span.start, midnight), sites=sites)
    hours = reader.by_site("hourly", Span(midnight, span.end), sites=sites)
    return {
        site: sum(part[site].observed_s for part in (days, hours) if site in part)
        for site in sorted(days.keys() | hours.keys())
    }
