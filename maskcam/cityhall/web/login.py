"""Signing in and out."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.audit import Audit
from maskcam.cityhall.sessions import Sessions
from maskcam.cityhall.web.context import Page, WebContext
from maskcam.cityhall.web.limits import BusyError, Tries, Turns, network_of

_log = logging.getLogger(__name__)

HASHES = 1
"""At once: each check of a password takes 46 MiB and a tenth of a second of a processor."""


@dataclass(frozen=True)
class Doorkeeper:
    """What signing in needs."""

    accounts: Accounts
    sessions: Sessions
    audit: Audit
    cookie: str
    session_s: int
    tries: Tries = field(default_factory=Tries)
    turns: Turns = field(default_factory=lambda: Turns(HASHES, waiting=200, wait_s=10))
    forms: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One at a time: however many strangers ask, those who are signed in find a thread."""


def routes(context: WebContext, door: Doorkeeper) -> APIRouter:
    """Returns the routes of signing in and out."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def ask(request: Request, next: str = "/") -> Response:  # noqa: A002
        return await _form(Page(context, request), door, inner_address(next))

    @router.post("/login")
    async def answer(request: Request) -> Response:
        form = await read_form(request)
        return await _answer_form(Page(context, request), form, door)

    @router.post("/logout")
    def leave(request: Request) -> Response:
        response = RedirectResponse("/login", status_code=303)
        page = Page(context, request)
        if page.foreign_form() is None:
            if token := request.cookies.get(door.cookie):
                door.sessions.end(token)
            if page.account is not None:
                door.audit.note(page.account.name, "sign out")
            _set_cookie(response, door, "", encrypted=context.settings.web.encrypted)
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response

    return router


async def _answer_form(page: Page, form: dict[str, str], door: Doorkeeper) -> Response:
    """Lets in who gives a right name and password, or shows the form again with the reason."""
    wanted = inner_address(form.get("next", "/"))
    client = page.request.client
    address = client.host if client else "?"

    async def refuse(status: int, fault: str) -> Response:
        return await _form(page, door, wanted, status, fault)

    name, password = form.get("name", "")[:63], form.get("password", "")
    if (foreign := page.foreign_form()) is not None:
        _log.warning("login: the form came from another site (%s)", foreign)
        return await refuse(403, page.words("foreign", what=foreign))
    if not door.tries.allowed(name=name, address=address):
        _log.warning("login: too many attempts from %s", address)
        return await refuse(429, page.words("too_many_tries"))
    try:
        async with door.turns.turn(network_of(address)):
            right = await run_in_threadpool(door.accounts.check_password, name, password)
    except BusyError:
        return await refuse(503, page.words("busy"))
    if not right:
        _log.warning("login: refused from %s", address)
        return await refuse(401, page.words("wrong_password"))
    door.tries.forgive(name=name, address=address)
    return await run_in_threadpool(_let_in, page, door, name, wanted)


def _let_in(page: Page, door: Doorkeeper, name: str, wanted: str) -> Response:
    if old := page.request.cookies.get(door.cookie):
        door.sessions.end(old)
    response = RedirectResponse(wanted, status_code=303)
    token = door.sessions.begin(name)
    _set_cookie(response, door, token, encrypted=page.context.settings.web.encrypted)
    door.audit.note(name, "sign in")
    return response


async def read_form(request: Request) -> dict[str, str]:
    """Returns the fields of a posted form; other kinds of bodies have none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return {}
    # PostgreSQL takes no NUL in a text.
    return {name: values[0].replace("\0", "\ufffd") for name, values in found.items()}


def inner_address(wanted: str) -> str:
    """Returns `wanted` if it is an address of ours, else the first page."""
    if len(wanted) >= 500 or not wanted.isprintable() or "\\" in wanted:
        return "/"
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    inside = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if inside and not parts.scheme and not parts.netloc else "/"


async def _form(
    page: Page, door: Doorkeeper, wanted: str, status: int = 200, fault: str | None = None
) -> Response:
    def render() -> Response:
        return page.render("login.html", status=status, wanted=wanted, fault=fault)

    async with door.forms:
        return await run_in_threadpool(render)


def _set_cookie(response: Response, door: Doorkeeper, value: str, *, encrypted: bool) -> None:
    response.set_cookie(
        door.cookie,
        value,
        max_age=door.session_s if value else 0,
        secure=encrypted,
        httponly=True,
        samesite="lax",
    )
