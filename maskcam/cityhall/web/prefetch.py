"""Works out what the first pages show of the past before anybody asks for it."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, timedelta
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from maskcam.cityhall.comparison import compare
from maskcam.cityhall.overview import overview
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.web.context import DEFAULT_DAYS, WebContext
from maskcam.cityhall.weekly import find_week, last_monday
from maskcam.cityhall.where_and_when import find_slots

_log = logging.getLogger(__name__)

EVERY_S = 60.0
"""At 2,000 cameras a second of work after midnight and after a window that came late, else less
than a tenth."""
STOP_TIMEOUT_S = 30.0


def warm(context: WebContext) -> None:
    """Makes what the pages keep of past days, unless it is kept already."""
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
    find_week(reader, monday=last_monday(periods.today), now=now)


class Warmer:
    """A context manager; inside it a thread keeps the pages warm.

    Args:
        context: of the pages.
        every_s: how often it looks whether something came late, or a day is over.
    """

    def __init__(self, context: WebContext, *, every_s: float = EVERY_S) -> None:
        self._context = context
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dashboard-warmer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        while True:
            try:
                warm(self._context)
            except SQLAlchemyError as error:  # pages work it out themselves; it is tried again
                _log.warning("pages cannot be warmed (%s)", type(error).__name__)
            if self._stopping.wait(self._every_s):
                return
