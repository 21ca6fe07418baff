"""Works out what the first pages show of the past before anybody asks for it."""

from __future__ import annotations

from datetime import UTC

from maskcam.cityhall.comparison import compare
from maskcam.cityhall.overview import Overview, overview, year_of_changes
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.web.context import DEFAULT_DAYS, WebContext
from maskcam.cityhall.web.repeated import EVERY_S, Repeated
from maskcam.cityhall.weekly import find_week, last_monday
from maskcam.cityhall.where_and_when import find_slots

STALE_S = 1.5 * EVERY_S


def overview_of(context: WebContext, periods: Periods) -> Overview:
    """Returns the first screen's figures; at 2,000 cameras they may be a minute old."""
    found: Overview = context.memo.get(
        ("overview", periods.today),
        lambda: overview(context.reader, now=context.clock().astimezone(UTC)),
        stale_s=STALE_S,
    )
    return found


def warm(context: WebContext) -> None:
    """Makes what the pages keep of past days, unless it is kept already.

    At 2,000 cameras some seconds of work after midnight and after a window that came late, else
    half a second.
    """
    reader, now = context.reader, context.clock().astimezone(UTC)
    periods = Periods(reader.calendar, now=now)
    spans = {name: periods.last_days(days) for name, days in DEFAULT_DAYS.items()}
    compare(reader, spans["compare"], days=7, periods=periods)
    find_slots(reader, span=spans["where"], periods=periods)
    year_of_changes(reader, periods)
    find_week(reader, monday=last_monday(periods.today), now=now)
    overview_of(context, periods)  # it shows some of what was made above


class Warmer(Repeated):
    """Keeps the pages warm; what fails, pages work out themselves.

    Args:
        context: of the pages.
        every_s: how often it looks whether something came late, or a day is over.
    """

    def __init__(self, context: WebContext, *, every_s: float = EVERY_S) -> None:
        super().__init__("warmer", every_s=every_s, at_once=True)
        self._context = context

    def look(self) -> None:
        """Makes what is not kept yet. See `warm`."""
        warm(self._context)
