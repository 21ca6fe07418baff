"""Takes the notes that administrators write on days."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from maskcam.cityhall.notes import LONGEST, Notes
from maskcam.cityhall.web.context import Page, WebContext, WrongAddressError
from maskcam.cityhall.web.login import inner_address, read_form


def routes(context: WebContext) -> APIRouter:
    """Returns the route."""
    router = APIRouter(include_in_schema=False)
    notes = Notes(context.reader.engine)

    @router.post("/notes")
    async def write(request: Request) -> Response:
        page = Page(context, request)
        form = await read_form(request)
        if (refusal := page.refuse_unless_admin()) is not None:
            return refusal
        await run_in_threadpool(_carry_out, page, notes, form)
        return RedirectResponse(inner_address(form.get("next", "")), status_code=303)

    return router


def _carry_out(page: Page, notes: Notes, form: dict[str, str]) -> None:
    if number := form.get("delete", ""):
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise WrongAddressError("delete")
        if gone := notes.remove(int(number)):
            page.context.audit.note(page.who, "note: delete", f"{gone.day} {gone.site} {gone.text}")
        return
    day = page.as_day(form.get("day", ""), "day")
    site, text = form.get("site", ""), " ".join(form.get("text", "").split())
    if site:
        page.site(site)
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        raise WrongAddressError("text")
    notes.add(day, site=site, text=text)
    page.context.audit.note(page.who, "note: add", f"{day} {site} {text}")
