"""Where and when most people pass without a mask."""

from __future__ import annotations

from typing import NamedTuple

from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader, Span, Totals

LEAST_S = 1800.0
"""Less observation says nothing about an hour."""


class Slot(NamedTuple):
    """People without a mask at one site in one hour of the day, over some days.

    `per_hour`: of all cameras of the site together. `weekday` is None for all days.
    """

    site: str
    weekday: int | None
    hour: int
    totals: Totals
    per_hour: float

    @property
    def needs_masks(self) -> bool:
        """Whether one mask per hour would be needed, rounded: noise alone is nobody."""
        return self.per_hour >= 0.5


class Slots(NamedTuple):
    """The slots, most people first, and whether anything at all was observed."""

    by_hour: list[Slot]
    """Of the days asked for, all weekdays alike."""
    best: dict[str, Slot]
    """Of each site the weekday and hour with most people."""
    observed: bool


def find_slots(
    reader: Reader, *, span: Span, periods: Periods, weekday: int | None = None
) -> Slots:
    """Returns sites and hours of the day, most people without a mask per hour first.

    Args:
        reader: where the sums are.
        span: the days to look at.
        periods: the city's days.
        weekday: only these days (Monday is 0), or all.
    """

    def find() -> Slots:
        return _find(reader, span, periods, weekday)

    if not periods.is_over(span):
        return find()
    return reader.kept.get(("slots", span, weekday), lambda: reader.fingerprint(span), find)


def most_needed(slots: Slots) -> Slot | None:
    """Returns the hour of the week and the site where most masks are needed; None: nowhere."""
    needed = [slot for slot in slots.best.values() if slot.needs_masks]
    return max(needed, key=lambda slot: slot.per_hour, default=None)


def _find(reader: Reader, span: Span, periods: Periods, weekday: int | None) -> Slots:
    slots: list[Slot] = []
    most: dict[str, int] = {}
    hours = {key: h for key, h in periods.clock_hours(span).items() if weekday in {None, key[0]}}
    for (day, hour), site, rate, totals in reader.slot_sums(hours, least_s=LEAST_S):
        slots.append(Slot(site, day, hour, totals, rate))
        most[site] = max(most.get(site, 0), totals.units)
    best: dict[str, Slot] = {}
    alike: dict[tuple[str, int], list[Slot]] = {}
    for slot in slots:  # a camera that never saw this hour is taken as the others
        slot = slot._replace(per_hour=slot.per_hour * most[slot.site] / slot.totals.units)
        if slot.site not in best or slot.per_hour > best[slot.site].per_hour:
            best[slot.site] = slot
        alike.setdefault((slot.site, slot.hour), []).append(slot)
    by_hour = [_average(slots) for slots in alike.values()]
    by_hour.sort(key=lambda slot: (-slot.per_hour, slot.site, slot.hour))
    observed = bool(slots) or any(t.observed_s for t in reader.by_site("daily", span).values())
    return Slots(by_hour, best, observed)


def _average(slots: list[Slot]) -> Slot:
    """Returns an hour over all its weekdays, each of the same weight."""
    sums = [sum(values) for values in zip(*(slot.totals for slot in slots), strict=True)]
    totals = Totals(*sums)._replace(units=max(slot.totals.units for slot in slots))
    rate = sum(slot.per_hour for slot in slots) / len(slots)
    weekday = slots[0].weekday if len(slots) == 1 else None
    return Slot(slots[0].site, weekday, slots[0].hour, totals, rate)
