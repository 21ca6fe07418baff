"""What one visitor may ask of the server: sizes, times, attempts."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 16_384
"""A form has a name, a password and an address."""
MAX_HEAD = 16_384
"""Address and headers. The server itself takes more if it comes in one piece."""
BODY_S = 10.0
MOST_REMEMBERED = 20_000
"""Counters of attempts to sign in, four for each attempt under a new name: some 11 MB."""


_FAULTS = {
    400: "the request has two lengths\n",
    408: "too slow\n",
    413: "the request is too long\n",
    431: "the address, a cookie or another header is too long\n",
}


class _RefusedError(Exception):
    """A request is longer than `MAX_HEAD` and `MAX_BODY`, slow, or says two lengths."""

    def __init__(self, status: int) -> None:
        self.status = status


class Bodies:
    """Refuses bodies that are too long or come too slowly; nothing is written to disk."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers 413 or 408 and closes the connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left, complete, started = MAX_BODY, False, False
        until = asyncio.get_running_loop().time() + BODY_S

        async def bounded() -> Message:
            nonlocal left, complete
            if complete:  # from now on the server only waits for the end of the connection
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise _RefusedError(408) from None
            left -= len(message.get("body", b""))
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            if left < 0:
                raise _RefusedError(413)
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            _check_head(scope)
            await self._app(scope, bounded, noted)
        except ClientDisconnect:
            return  # gone within its body: there is nobody to answer, and nothing to report
        except _RefusedError as error:
            if started:
                raise
            answer = PlainTextResponse(_FAULTS[error.status], error.status, {"Connection": "close"})
            await answer(scope, receive, send)


def _check_head(scope: Scope) -> None:
    head = len(scope["raw_path"]) + len(scope["query_string"])
    if head + sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEAD:
        raise _RefusedError(431)
    names = {name for name, _ in scope["headers"]}
    if {b"content-length", b"transfer-encoding"} <= names:  # two servers may read it in two ways
        raise _RefusedError(400)
    for name, value in scope["headers"]:
        if name == b"content-length" and (not value.isdigit() or int(value[:12]) > MAX_BODY):
            raise _RefusedError(413)


class Tries:
    """Limits wrong attempts to sign in, for a name at an address, and for an address.

    Whoever knows the password and sits elsewhere is not held up by them.
    """

    def __init__(
        self, *, here: str = "5/minute;30/hour", by_address: str = "20/minute;200/hour"
    ) -> None:
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._here = [parse(item) for item in here.split(";")]
        self._by_address = [parse(item) for item in by_address.split(";")]

    def allowed(self, *, name: str, address: str) -> bool:
        """Counts an attempt and returns whether it may be made."""
        if len(self._storage.events) > MOST_REMEMBERED:
            self._storage.reset()  # from so many addresses that no limit by address holds them
        place = network_of(address)
        if not all(self._limiter.hit(limit, place) for limit in self._by_address):
            return False  # and the names that are tried there take no memory
        return all(self._limiter.hit(limit, _digest(name), place) for limit in self._here)

    def forgive(self, *, name: str, address: str) -> None:
        """Forgets the attempts of a name at an address: the right password was among them."""
        for limit in self._here:
            self._limiter.clear(limit, _digest(name), network_of(address))


class Turns:
    """Lets a few do something heavy at once, and each of them once.

    Others wait their turn, for a bounded time and in a bounded number; nobody fills the waiting
    room alone.

    Args:
        number: at once.
        waiting: room for all who wait.
        wait_s: how long they do.
        each: room for one of them.
    """

    def __init__(self, number: int, *, waiting: int, wait_s: float, each: int = 4) -> None:
        self._turns = asyncio.Semaphore(number)
        self._holders: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._room, self._wait_s, self._each = waiting, wait_s, each

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Waits for a turn and holds it.

        Raises:
            BusyError: too many wait already, or it takes too long.
        """
        if self._waiting.total() >= self._room or self._waiting[who] >= self._each:
            raise BusyError
        own = self._holders.setdefault(who, asyncio.Lock())
        self._waiting[who] += 1
        try:
            async with AsyncExitStack() as held:
                try:
                    async with asyncio.timeout(self._wait_s):
                        await held.enter_async_context(own)
                        await held.enter_async_context(self._turns)
                except TimeoutError:
                    raise BusyError from None
                finally:
                    self._waiting[who] -= 1
                yield
        finally:
            if not self._waiting[who]:
                del self._waiting[who]
                if not own.locked():
                    self._holders.pop(who, None)


class BusyError(Exception):
    """Too many ask for the same heavy thing at once."""


def network_of(address: str) -> str:
    """Returns the address, or the /64 of an IPv6 address: one subscriber has all of it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _digest(name: str) -> str:
    # The name is what a stranger typed: bounded, and not kept as it is.
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
