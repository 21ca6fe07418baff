"""Whether a window can be right, by what its unit was registered with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from maskcam.cityhall.intake import Refused
from maskcam.cityhall.registry import Registered
from maskcam.cityhall.rollup import Window
from maskcam.delivery.wire import ReceivedCount
from maskcam.records import WindowKind

BEFORE_ADDED = timedelta(days=1)
"""A unit may have been tried out before it was registered, but not longer."""
MAX_PER_MINUTE = 600
"""Passages past one camera: a pavement 4 m wide carries 5 people per second at the most
(Weidmann 1993, Transporttechnik der Fussgaenger: 1.2 per second and metre), doubled."""
NOISE_ROOM = 500
"""What noise may add to a number: with the smallest epsilon, 0.1, once in 1e21 windows."""


def find_fault(
    record: ReceivedCount, registered: Mapping[str, Registered] | None
) -> Refused | None:
    """Returns why a well-formed window cannot be right, or None.

    Args:
        record: as the wire format allows it.
        registered: the units; None where nobody keeps a register.
    """
    count = record.count
    numbers = [count.with_mask, count.without_mask, count.incorrect, count.unclear]
    most = MAX_PER_MINUTE * count.minutes
    if any(abs(number) > most + NOISE_ROOM for number in numbers if number is not None):
        return Refused("crowd", f"window of {record.unit}: no street holds so many people")
    if registered is None:
        return None
    unit = registered.get(record.unit)
    if unit is None:
        return Refused("unregistered", f"{record.unit} is not registered; see: list-units")
    if record.site != unit.site:
        return Refused("site", f"{record.unit} is registered at {unit.site}, not {record.site}")
    if count.kind is WindowKind.COUNT and count.minutes != unit.minutes:
        return Refused(
            "minutes",
            f"{record.unit} is registered with windows of {unit.minutes} min, not {count.minutes}",
        )
    wanted = unit.epsilon if count.kind is WindowKind.COUNT else unit.epsilon_hour
    if count.epsilon != wanted:
        return Refused(
            "noise",
            f"{record.unit} is registered with {_noise(wanted)}, publishes {_noise(count.epsilon)}",
        )
    if unit.added_at and count.start < datetime.fromtimestamp(unit.added_at, UTC) - BEFORE_ADDED:
        return Refused("before", f"window of {record.unit} is from before it was added")
    return None


DOUBTS: Final = {
    "contradicting": "differs from the one that is stored; have two units this id?",
    "overlapping": "shares minutes with one that is stored; have two units this id?",
    "interleaved": "comes after that of a later start of the unit; have two units this id?",
}
"""What is said of a window, by the reason that `doubt` returns."""


def doubt(
    window: Window, known: Window | None, stored: Mapping[tuple[int, int, bool], Window]
) -> str | None:
    """Returns why a window does not go with those that are stored of its hour, or None."""
    if known is not None:
        if window.run < known.run:
            return "interleaved"  # it gives way, whoever sent it
        differs = window.run == known.run and window != known
        return "contradicting" if differs else None
    if not window.is_hour:
        return None  # minutes and blocks of 20 lie side by side
    overlaps = any(
        other.is_hour
        and other.run == window.run
        and other.start < window.start + window.minutes
        and window.start < other.start + other.minutes
        for other in stored.values()
    )
    return "overlapping" if overlaps else None


def _noise(epsilon: float | None) -> str:
    return "exact numbers" if epsilon is None else f"epsilon {epsilon:g}"
