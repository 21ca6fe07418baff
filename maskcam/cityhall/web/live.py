"""Tells open pages that something changed, by server-sent events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from maskcam.cityhall.reader import Reader

_log = logging.getLogger(__name__)

EVERY_S = 2.0
MAX_LISTENERS = 200
KEEP_ALIVE_S = 15.0


class Live:
    """Asks the database every two seconds, once for all listeners, while there are any."""

    def __init__(
        self, reader: Reader, *, clock: Callable[[], datetime], every_s: float = EVERY_S
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._every_s = every_s
        self._state = ""
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self.listeners = 0

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return self.listeners >= MAX_LISTENERS

    async def events(self) -> AsyncIterator[str]:
        """Yields a ``change`` event whenever the figures changed, and comments in between."""
        self.listeners += 1
        try:
            known = await self._ask()
            yield "retry: 3000\n\n"
            told_at = time.monotonic()
            while True:
                await asyncio.sleep(self._every_s)
                state = await self._ask()
                if state != known:
                    known, told_at = state, time.monotonic()
                    yield "event: change\ndata: \n\n"
                elif time.monotonic() - told_at > KEEP_ALIVE_S:
                    told_at = time.monotonic()
                    yield ": here\n\n"
        finally:
            self.listeners -= 1

    async def _ask(self) -> str:
        async with self._asking:
            if time.monotonic() - self._asked_at >= 0.9 * self._every_s:
                try:
                    self._state = await run_in_threadpool(self._reader.state, self._clock())
                except SQLAlchemyError as error:
                    _log.warning("live: the database does not answer (%s)", type(error).__name__)
                self._asked_at = time.monotonic()
            return self._state
