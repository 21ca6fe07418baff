"""Puts the pages, the API and the guard together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response

from maskcam import __version__
from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import Settings
from maskcam.cityhall.web import api, pages, report
from maskcam.cityhall.web.context import NotThereError, Page, WebContext, WrongAddressError
from maskcam.cityhall.web.guard import (
    Gate,
    Headers,
    Tries,
    inner_address,
    same_origin,
    session_secret,
)
from maskcam.cityhall.web.live import Live
from maskcam.names import LOOPBACK_HOSTS

_log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    *,
    engine: Engine,
    calendar: Calendar,
    metrics: Metrics,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """Returns the web application.

    Args:
        settings: the configuration.
        engine: the database.
        calendar: hours and days of the city.
        metrics: the collector's, shown to Prometheus.
        clock: the time now.
    """
    reader = Reader(engine, calendar=calendar)
    environment = Environment(
        loader=PackageLoader("maskcam.cityhall", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context = WebContext(settings, reader, metrics, Jinja2Templates(env=environment), clock)
    app = FastAPI(
        title="maskcam city hall",
        description="Passages and mask shares by site. Null counts are not known; not zero.",
        version=__version__,
        docs_url=None,  # its pages load scripts from outside
        redoc_url=None,
    )
    app.include_router(pages.routes(context))
    app.include_router(report.routes(context))
    app.include_router(api.routes(context, Live(reader, clock=clock)))
    static = resources.files("maskcam.cityhall").joinpath("static")
    app.mount("/static", StaticFiles(directory=str(static)))
    _add_errors(app, context)

    web = settings.web
    if web.needs_login:
        accounts = Accounts(engine)
        _add_login(app, context, accounts)
        app.add_middleware(Gate, accounts=accounts)
    app.add_middleware(
        SessionMiddleware,
        secret_key=session_secret(web),
        session_cookie="maskcam",
        max_age=web.session_hours * 3600,
        same_site="lax",
        https_only=web.encrypted,
    )
    names = [*LOOPBACK_HOSTS, "[::1]", *web.host_names]
    if web.listen not in LOOPBACK_HOSTS:
        names.append(web.listen)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=names)
    app.add_middleware(Headers, encrypted=web.encrypted)
    return app


def _add_login(app: FastAPI, context: WebContext, accounts: Accounts) -> None:
    tries = Tries()

    @app.get("/login", include_in_schema=False)
    def ask(request: Request, next: str = "/") -> Response:  # noqa: A002
        return Page(context, request).render("login.html", wanted=inner_address(next), fault=None)

    @app.post("/login", include_in_schema=False)
    def answer(
        request: Request,
        name: Annotated[str, Form(max_length=63)] = "",
        password: Annotated[str, Form(max_length=200)] = "",
        next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
    ) -> Response:
        page = Page(context, request)
        wanted = inner_address(next)
        address = request.client.host if request.client else "?"
        if not same_origin(request):
            return page.render("login.html", status=403, wanted=wanted, fault="wrong_password")
        if not tries.allowed(name=name, address=address):
            _log.warning("login: too many attempts from %s", address)
            return page.render("login.html", status=429, wanted=wanted, fault="too_many_tries")
        mark = accounts.check_password(name, password)
        if mark is None:
            _log.warning("login: refused from %s", address)
            return page.render("login.html", status=401, wanted=wanted, fault="wrong_password")
        request.session.clear()
        request.session.update({"name": name, "mark": mark})
        return RedirectResponse(wanted, status_code=303)

    @app.post("/logout", include_in_schema=False)
    def leave(request: Request) -> Response:
        if same_origin(request):
            request.session.clear()
        return RedirectResponse("/login", status_code=303)


def _add_errors(app: FastAPI, context: WebContext) -> None:
    def told(request: Request, *, status: int, key: str, **values: object) -> Response:
        page = Page(context, request)
        text = page.words(key, **values)
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": text}, status_code=status)
        return page.render("error.html", status=status, text=text)

    @app.exception_handler(NotThereError)
    def not_there(request: Request, _error: NotThereError) -> Response:
        return told(request, status=404, key="not_found")

    @app.exception_handler(WrongAddressError)
    def wrong(request: Request, error: WrongAddressError) -> Response:
        return told(request, status=422, key="wrong_address", what=str(error))

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return told(request, status=404, key="not_found")
        return JSONResponse({"detail": error.detail}, status_code=error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if request.url.path.startswith("/api/"):
            return await request_validation_exception_handler(request, error)
        return told(request, status=422, key="wrong_address", what="form")

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        _log.error("page failed: %s", request.url.path[:80], exc_info=error)
        return told(request, status=500, key="error")
