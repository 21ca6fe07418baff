"""Pages for administrators: what was done here."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from maskcam.cityhall.web.context import Page, WebContext

LINES = 200


def routes(context: WebContext) -> APIRouter:
    """Returns the routes of these pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/audit")
    def audit(request: Request) -> Response:
        page = Page(context, request)
        before = page.whole("before", None, low=1, high=2**31)
        lines = context.audit.latest(LINES, before=before)
        older = lines[-1][0] if len(lines) == LINES else None
        return page.render("audit.html", lines=[entry for _, entry in lines], older=older)

    return router
