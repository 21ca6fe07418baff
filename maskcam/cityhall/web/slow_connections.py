"""HTTP connections that nobody can hold open for nothing.

uvicorn closes a connection that is idle after an answer; not one that never asks, asks
byte by byte, or never reads the answer. Here each of them has its time, and when there
are too many connections the longest idle one makes room.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 10.0
"""From a connection, or from an answer, to the end of the next request's headers."""
READ_S = 30.0
"""How long a visitor may leave an answer unread."""
MAX_CONNECTIONS = 500


class PatientProtocol(H11Protocol):
    """uvicorn's protocol with these limits."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.idle_since: float | None = None
        self._asking: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request; makes room if there are too many connections."""
        super().connection_made(transport)
        self._wait_for_request()
        if len(self.connections) > MAX_CONNECTIONS:
            ours = [each for each in self.connections if isinstance(each, PatientProtocol)]
            idle = [(each.idle_since, each) for each in ours if each.idle_since is not None]
            if idle:
                min(idle, key=lambda pair: pair[0])[1].transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends all waiting."""
        self._stop(self._asking)
        self._stop(self._unread)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived; the time for a request runs on until it is whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop(self._asking)
            self._asking = self.idle_since = None
        elif self._asking is None:
            self._wait_for_request()

    def on_response_complete(self) -> None:
        """Begins to wait for the next request."""
        super().on_response_complete()  # may begin with a request that came early
        if self.cycle.response_complete:
            self._wait_for_request()

    def pause_writing(self) -> None:
        """The visitor does not read: from now on its time runs."""
        super().pause_writing()
        self._stop(self._unread)
        self._unread = self.loop.call_later(READ_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The visitor reads again."""
        self._stop(self._unread)
        super().resume_writing()

    def _wait_for_request(self) -> None:
        self._stop(self._asking)
        self.idle_since = self.loop.time()
        self._asking = self.loop.call_later(REQUEST_S, self.transport.abort)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
