"""Sends a word to open pages when something changed, by server-sent events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from maskcam.cityhall.reader import Reader

_log = logging.getLogger(__name__)

EVERY_S = 2.0
MAX_LISTENERS = 200
MAX_PER_ACCOUNT = 10
"""Open pages of one person; a program needs one."""
KEEP_ALIVE_S = 15.0
RECHECK_S = 4.0


class Live:
    """Asks the database every two seconds, once for all listeners, while there are any."""

    def __init__(
        self, reader: Reader, *, clock: Callable[[], datetime], every_s: float = EVERY_S
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._every_s = every_s
        self._state: dict[str, str] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._listeners: Counter[str] = Counter()

    def has_room(self, account: str) -> bool:
        """Whether a further listener of this account is taken ("" without accounts)."""
        if self._listeners.total() >= MAX_LISTENERS:
            return False
        return not account or self._listeners[account] < MAX_PER_ACCOUNT

    @contextmanager
    def listening(self, account: str) -> Iterator[None]:
        """Takes a listener's place meanwhile."""
        self._listeners[account] += 1
        try:
            yield
        finally:
            self._listeners[account] -= 1

    async def events(
        self, still_in: Callable[[], object] = lambda: True, *, site: str | None = None
    ) -> AsyncIterator[str]:
        """Yields a ``change`` event whenever the figures changed, and comments in between.

        Args:
            still_in: whether who listens is still signed in; the stream ends when not.
            site: only its figures matter; None: those of any.
        """
        known = await self._ask(site)
        yield "retry: 3000\n\n"
        said_at = checked_at = time.monotonic()
        while True:
            await asyncio.sleep(self._every_s)
            now = time.monotonic()
            if now - checked_at >= RECHECK_S:
                checked_at = now
                if not await self._is_in(still_in):
                    return
            state = await self._ask(site)
            if state != known:
                known, said_at = state, now
                yield "event: change\ndata: \n\n"
            elif now - said_at > KEEP_ALIVE_S:
                said_at = now
                yield ": here\n\n"

    @staticmethod
    async def _is_in(still_in: Callable[[], object]) -> bool:
        try:
            return bool(await run_in_threadpool(still_in))
        except SQLAlchemyError:
            return True  # asked again soon; without the database nothing is shown either

    async def _ask(self, site: str | None) -> object:
        async with self._asking:
            if time.monotonic() - self._asked_at >= 0.9 * self._every_s:
                try:
                    self._state = await run_in_threadpool(self._reader.state, self._clock())
                except SQLAlchemyError as error:
                    _log.warning("live: the database does not answer (%s)", type(error).__name__)
                self._asked_at = time.monotonic()
            return self._state if site is None else self._state.get(site)


class LiveAnswer(StreamingResponse):
    """The events for one listener, or 503 where there are too many: decided when it begins.

    (Decided earlier, a hundred requests that come together would all find room.)
    """

    def __init__(self, live: Live, account: str, events: AsyncIterator[str]) -> None:
        # nginx would keep the events back
        headers = {"X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._live, self._account = live, account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends events until the listener or the account goes."""
        if not self._live.has_room(self._account):
            await PlainTextResponse("too many listeners\n", 503)(scope, receive, send)
            return
        with self._live.listening(self._account):
            await super().__call__(scope, receive, send)
