"""Works out what the first pages show of the past before anybody asks for it."""

from __future__ import annotations

from datetime import UTC, timedelta

from maskcam.cityhall.comparison import compare
from maskcam.cityhall.overview import overview, year_of_changes
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.web.context import DEFAULT_DAYS, WebContext
from maskcam.cityhall.web.repeated import EVERY_S, Repeated
from maskcam.cityhall.weekly import find_week, last_monday
from maskcam.cityhall.where_and_when import find_slots


def warm(context: WebContext) -> None:
    """Makes what the pages keep of past days, unless it is kept already.

    At 2,000 cameras a second of work after midnight and after a window that came late, else less
    than a tenth.
    """
    reader, now = context.reader, context.clock().astimezone(UTC)
    periods = Periods(reader.calendar, now=now)
    yesterday = periods.today - timedelta(days=1)
    spans = {
        name: periods.days(periods.today - timedelta(days=days), yesterday)
        for name, days in DEFAULT_DAYS.items()
    }
    overview(reader, now=now)
    compare(reader, spans["compare"], days=7, periods=periods)
    find_slots(reader, span=spans["where"], periods=periods)
    year_of_changes(reader, periods)
    find_week(reader, monday=last_monday(periods.today), now=now)


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
