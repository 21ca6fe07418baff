"""Stands before every page: headers, host names, and who may see what."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maskcam.cityhall.accounts import Account, Accounts
from maskcam.cityhall.sessions import Sessions
from maskcam.cityhall.web.origin import foreign_host

_log = logging.getLogger(__name__)

OPEN = ("/login", "/static/", "/healthz")
FOR_PROGRAMS = ("/api/", "/metrics", "/live", "/openapi.json")
FOR_ADMINISTRATORS = ("/audit",)
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


class SecurityHeaders:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, *, encrypted: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if encrypted:
            self._headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"

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


class HostNames:
    """Answers under our own names only: another site's name must not lead to our pages."""

    def __init__(self, app: ASGIApp, *, own: Collection[str]) -> None:
        self._app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or says how the name is made known."""
        foreign = None
        if scope["type"] == "http":
            foreign = foreign_host(Headers(scope=scope), own=self._own)
        if foreign is None:
            await self._app(scope, receive, send)
            return
        _log.warning("host name %r is not ours; is it missing in [web] host_names?", foreign[:80])
        text = "this server does not answer to this host name; see [web] host_names\n"
        await PlainTextResponse(text, 400)(scope, receive, send)


class Gate:
    """Lets in signed-in people and known tokens; everything not named in `OPEN` is closed.

    Behind it ``request.state.account`` is who asks, and ``request.state.still_in()`` returns
    whether that holds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        accounts: Accounts,
        sessions: Sessions,
        cookie: str,
        more_open: Collection[str] = (),
    ) -> None:
        self._app = app
        self._accounts = accounts
        self._sessions = sessions
        self._cookie = cookie
        self._open = (*OPEN, *more_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers with the way to sign in, or with 403."""
        if scope["type"] != "http" or _is_open(scope["path"], self._open):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        account = await run_in_threadpool(self._find, request)
        if account is None:
            await _ask_to_sign_in(request)(scope, receive, send)
        elif (fault := _refusal(account, scope["path"])) is not None:
            _log.warning("refused: account %s, address %r", account.name, scope["path"][:80])
            await PlainTextResponse(fault + "\n", 403)(scope, receive, send)
        else:
            still_in: Callable[[], object] = partial(self._find, request)
            scope.setdefault("state", {}).update(account=account, still_in=still_in)
            await self._app(scope, receive, send)

    def _find(self, request: Request) -> Account | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._accounts.find_token(token.strip())
        session = request.cookies.get(self._cookie)
        return self._sessions.find(session) if session else None


def _refusal(account: Account, path: str) -> str | None:
    if account.kind == "token" and not _begins(path, FOR_PROGRAMS):
        return "tokens are for /api/ and /metrics"
    needed = "metrics" if path == "/metrics" else "read"
    if _begins(path, FOR_ADMINISTRATORS):
        needed = "admin"
    if account.may(needed):
        return None
    return f"this account's scope is {account.scope}; this needs {needed}"


def _is_open(path: str, names: Collection[str]) -> bool:
    return any(path == name or (name.endswith("/") and path.startswith(name)) for name in names)


def _begins(path: str, names: Collection[str]) -> bool:
    return any(path == name or path.startswith(name.rstrip("/") + "/") for name in names)


def _ask_to_sign_in(request: Request) -> Response:
    if _begins(request.url.path, FOR_PROGRAMS):
        return PlainTextResponse(
            "sign in, or send a token: Authorization: Bearer TOKEN\n",
            status_code=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", status_code=303)
