"""Open pages: what `static/city.js` asks of the server, without a browser."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2

REST_S = 10.0
"""REST_MS of city.js."""
CLOCK_S = 60.0


@dataclass
class Tab:
    """A visible page; `run` goes on until it is cancelled."""

    client: httpx2.AsyncClient
    path: str
    headers: dict[str, str]
    counted: Counter[str] = field(default_factory=Counter)
    """Answers by kind, events, and bytes of both."""

    async def run(self) -> None:
        answer = await self.client.get(self.path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found = re.search(r'<main [^>]*data-live(?: data-site="([^"]*)")?', answer.text)
        assert found
        self.events = f"/live?site={found[1]}" if found[1] else "/live"
        self._known, self._refreshed_at, self._planned = "", float("-inf"), False
        clock = asyncio.create_task(self._follow_clock())
        try:
            await self._follow_events()
        finally:
            clock.cancel()

    async def _follow_events(self) -> None:
        while True:  # as an EventSource does
            with suppress(httpx2.TransportError):
                await self._listen()
            await asyncio.sleep(3)

    async def _listen(self) -> None:
        later: asyncio.Task[None] | None = None
        stream = self.client.stream("GET", self.events, headers=self.headers, timeout=None)
        async with stream as events:
            assert events.status_code == 200
            async for line in events.aiter_lines():
                self.counted["event bytes"] += len(line) + 1
                if line == "event: change":
                    self.counted["events"] += 1
                    asyncio.create_task(self._refresh())  # noqa: RUF006 - ends with the loop
                    if later is not None:
                        later.cancel()
                    later = asyncio.create_task(self._refresh(after_s=3 * REST_S))

    async def _follow_clock(self) -> None:
        while True:
            await self._refresh(after_s=CLOCK_S)

    async def _refresh(self, *, after_s: float = 0.0) -> None:
        await asyncio.sleep(after_s)
        if self._planned:
            return
        self._planned = True
        await asyncio.sleep(max(0.0, self._refreshed_at + REST_S - time.monotonic()))
        self._planned, self._refreshed_at = False, time.monotonic()
        wanted = {"Accept": "text/html", "X-Maskcam-Part": "main", "If-None-Match": self._known}
        try:
            answer = await self.client.get(self.path, headers=self.headers | wanted, timeout=60)
        except httpx2.TransportError:  # tried again at the next change
            self.counted["failed"] += 1
            return
        self.counted[str(answer.status_code)] += 1
        self.counted["page bytes"] += answer.num_bytes_downloaded
        self._known = answer.headers.get("ETag", "")
