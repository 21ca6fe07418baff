"""What changed between two times, in the camera hours that were observed in both.

What a camera did not see would look like fewer people, and a camera that was off like
other people: so passages and shares are compared camera by camera and hour by hour.
"""

from __future__ import annotations

from collections.abc import Iterable
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
        now, before = self.now.mask_share, self.before.mask_share
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
    reader: Reader, span: Span, *, days: int, periods: Periods, site: str | None = None
) -> dict[str, Change]:
    """Returns the change of each site between `span` and the same hours `days` earlier.

    Args:
        reader: where the sums are.
        span: whole hours, of now.
        days: a multiple of 7, so that weekdays match.
        periods: the city's days.
        site: only this one.
    """
    calendar = periods.calendar

    def match() -> dict[str, tuple[Totals, Totals]]:
        pairs = periods.counterparts(span, days=days)
        return reader.matched(pairs, least_s=PARTLY * 3600, site=site)

    if periods.is_over(span):
        back = days * 1440
        earlier = Span(calendar.day(span.start - back - 60), span.end - back + 60)  # clocks change
        found = reader.kept.get(
            ("matched", span, days, site),
            lambda: (reader.fingerprint(span), reader.fingerprint(earlier)),
            match,
        )
    else:
        found = match()
    whole_days = all(calendar.day(edge) == edge for edge in span)
    all_of_it = reader.by_site("daily" if whole_days else "hourly", span, site=site)
    changes = {}
    for site, total in all_of_it.items():
        now, before = found.get(site, (Totals(), Totals()))
        changes[site] = Change(now, before, max(0.0, total.observed_s - now.observed_s))
    return changes
