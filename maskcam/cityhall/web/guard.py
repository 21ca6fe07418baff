"""Stands before every page: headers, host names, and who may see what."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.settings import WebSection
from maskcam.errors import ConfigError

_log = logging.getLogger(__name__)

OPEN = ("/login", "/static/", "/healthz")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}


class Headers:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, *, encrypted: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if encrypted:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on and adds to its answer."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, add)


class Gate:
    """Lets in signed-in people and known tokens; everything not named in `OPEN` is closed."""

    def __init__(self, app: ASGIApp, *, accounts: Accounts) -> None:
        self._app = app
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers with the way to sign in."""
        if scope["type"] != "http" or _is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if await run_in_threadpool(self._knows, request):
            await self._app(scope, receive, send)
        else:
            await _way_in(request)(scope, receive, send)

    def _knows(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._accounts.check_token(token.strip())
        name, mark = request.session.get("name"), request.session.get("mark")
        if not isinstance(name, str) or not isinstance(mark, str):
            return False
        return self._accounts.check_session(name, mark)


class Tries:
    """Limits attempts to sign in, by name and by address."""

    def __init__(self, *, by_name: str = "5/minute", by_address: str = "20/minute") -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._by_name, self._by_address = parse(by_name), parse(by_address)

    def allowed(self, *, name: str, address: str) -> bool:
        """Counts an attempt and returns whether it may be made."""
        # The name is what a stranger typed: bounded, and not kept as it is.
        key = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
        first = self._limiter.hit(self._by_address, "address", address)
        return self._limiter.hit(self._by_name, "name", key) and first


def session_secret(web: WebSection) -> str:
    """Returns the key that signs sessions; makes the file, readable by its owner alone.

    Raises:
        ConfigError: the file cannot be made, or others can read it.
    """
    path: Path = web.secret_file
    try:
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others can read it; run: chmod 600 {path}")
        secret = path.read_text().strip()
    except OSError as error:
        raise ConfigError(
            f"[web] secret_file {path}: {error.strerror}; check its folder"
        ) from error
    if len(secret) < 32:
        raise ConfigError(f"{path}: is too short; delete it and start again")
    return secret


def same_origin(request: Request) -> bool:
    """Whether a form was sent from our own page."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def inner_address(wanted: str) -> str:
    """Returns `wanted` if it is an address of ours, else the first page."""
    parts = urlsplit(wanted)
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    safe = inside and not parts.scheme and not parts.netloc and wanted.isprintable()
    return wanted if safe and len(wanted) < 500 else "/"


def _is_open(path: str) -> bool:
    return any(path == name or (name.endswith("/") and path.startswith(name)) for name in OPEN)


def _way_in(request: Request) -> Response:
    if request.url.path.startswith(("/api/", "/metrics", "/live", "/openapi")):
        return PlainTextResponse(
            "sign in, or send a token: Authorization: Bearer TOKEN\n",
            status_code=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", status_code=303)
