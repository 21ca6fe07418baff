"""Puts the pages, the API and the guard together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import resources

from fastapi import FastAPI, Request
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from maskcam import __version__
from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.audit import Audit
from maskcam.cityhall.outline import read_outline
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.registry import Registry
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.sessions import Sessions
from maskcam.cityhall.settings import Settings
from maskcam.cityhall.web import administration, api, login, notes, pages, public, report
from maskcam.cityhall.web.answer_cache import StillWorkingError
from maskcam.cityhall.web.context import NotThereError, Page, WebContext, WrongAddressError
from maskcam.cityhall.web.guard import Gate, HostNames, SecurityHeaders
from maskcam.cityhall.web.limits import Bodies, BusyError
from maskcam.cityhall.web.live import Live
from maskcam.cityhall.web.login import Doorkeeper
from maskcam.cityhall.web.streams import busy

_log = logging.getLogger(__name__)
_STATIC = resources.files("maskcam.cityhall").joinpath("static")


def create_app(
    settings: Settings,
    *,
    engine: Engine,
    calendar: Calendar,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """Returns the web application.

    Args:
        settings: the configuration.
        engine: the database.
        calendar: hours and days of the city.
        clock: the time now.

    Raises:
        ConfigError: the outline of the map cannot be read.
    """
    context = _context(settings, Reader(engine, calendar=calendar), clock)
    app = FastAPI(
        title="maskcam city hall",
        description="Passages and mask shares by site. Null counts are not known; not zero.",
        version=__version__,
        docs_url=None,  # its pages load scripts from outside
        redoc_url=None,
    )
    app.state.context = context
    live = Live(context.reader, clock=clock)
    for router in (
        pages.routes(context),
        report.routes(context),
        api.routes(context, live),
        administration.routes(context),
        notes.routes(context),
        public.routes(context),
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(_STATIC)))
    _add_errors(app, context)
    if settings.web.needs_login:
        _add_login(app, context, engine)
    app.add_middleware(Bodies)
    app.add_middleware(HostNames, own=context.own_names)
    app.add_middleware(SecurityHeaders, encrypted=settings.web.encrypted)
    return app


def _context(settings: Settings, reader: Reader, clock: Callable[[], datetime]) -> WebContext:
    return WebContext(
        settings,
        reader,
        Audit(reader.engine),
        Jinja2Templates(env=_templates()),
        clock,
        registry=Registry(settings.broker.units_file),
        outline=read_outline(settings.city.outline),
    )


def _add_login(app: FastAPI, context: WebContext, engine: Engine) -> None:
    web = context.settings.web
    door = Doorkeeper(
        accounts=Accounts(engine),
        sessions=Sessions(engine, hours=web.session_hours),
        audit=context.audit,
        cookie="__Host-maskcam" if web.encrypted else "maskcam",
        session_s=web.session_hours * 3600,
    )
    app.include_router(login.routes(context, door))
    app.add_middleware(
        Gate,
        accounts=door.accounts,
        sessions=door.sessions,
        cookie=door.cookie,
        more_open=(public.PATH,) if web.public_page else (),
    )


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("maskcam.cityhall", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _add_errors(app: FastAPI, context: WebContext) -> None:
    def answer(request: Request, *, status: int, key: str, **values: object) -> Response:
        page = Page(context, request)
        text = page.words(key, **values)
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": text}, status_code=status)
        return page.render("error.html", status=status, text=text)

    @app.exception_handler(NotThereError)
    def not_there(request: Request, _error: NotThereError) -> Response:
        return answer(request, status=404, key="not_found")

    @app.exception_handler(WrongAddressError)
    def wrong(request: Request, error: WrongAddressError) -> Response:
        return answer(request, status=422, key="wrong_address", what=str(error))

    @app.exception_handler(StillWorkingError)
    def working(request: Request, _error: StillWorkingError) -> Response:
        answer = Page(context, request).render("working.html")
        answer.headers["Refresh"] = "1"
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.exception_handler(BusyError)
    def is_busy(request: Request, _error: BusyError) -> Response:
        return busy(Page(context, request))

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return answer(request, status=404, key="not_found")
        return JSONResponse({"detail": error.detail}, status_code=error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        if request.url.path.startswith("/api/"):
            return await request_validation_exception_handler(request, error)
        return answer(request, status=422, key="wrong_address", what="form")

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        _log.error("page failed: %s", request.url.path[:80], exc_info=error)
        return answer(request, status=500, key="error")
