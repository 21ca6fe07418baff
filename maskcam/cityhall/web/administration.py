"""Pages for administrators: what needs a look, and what was done here."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from maskcam.cityhall.attention import Attention
from maskcam.cityhall.quarantine import Quarantine
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.context import Page, WebContext, WrongAddressError
from maskcam.cityhall.web.login import read_form

LINES = 200


def routes(context: WebContext) -> APIRouter:
    """Returns the routes of these pages."""
    router = APIRouter(include_in_schema=False)
    engine = context.reader.engine
    quarantine = Quarantine(engine)
    store = Store(engine, calendar=context.reader.calendar)

    @router.get("/attention")
    def attention(request: Request) -> Response:
        page = Page(context, request)
        found = Attention(engine, clock=context.clock)
        return page.render(
            "attention.html", groups=quarantine.groups(), collectors=found.silent_collectors()
        )

    @router.post("/attention")
    async def decide(request: Request) -> Response:
        page = Page(context, request)
        form = await read_form(request)
        if (refusal := page.refuse_unless_admin()) is not None:
            return refusal
        unit, reason = form.get("unit", ""), form.get("reason", "")
        what = form.get("do", "")
        if what not in {"take", "delete"}:
            raise WrongAddressError("do")

        def carry_out() -> None:
            detail = _clear(quarantine, store, unit=unit, reason=reason, taking=what == "take")
            context.audit.note(page.who, f"quarantine: {what}", detail)

        await run_in_threadpool(carry_out)
        return RedirectResponse(page.address("/attention"), status_code=303)

    @router.get("/audit")
    def audit(request: Request) -> Response:
        page = Page(context, request)
        before = page.whole("before", None, low=1, high=2**31)
        lines = context.audit.latest(LINES, before=before)
        older = lines[-1][0] if len(lines) == LINES else None
        return page.render("audit.html", lines=[entry for _, entry in lines], older=older)

    return router


def _clear(quarantine: Quarantine, store: Store, *, unit: str, reason: str, taking: bool) -> str:
    """Stores or deletes what quarantine holds of a unit for a reason, and returns how many."""
    if taking:
        taken, left = quarantine.take(unit, reason, store=store)
        return f"{unit} {reason}: {taken}/{taken + left}"
    return f"{unit} {reason}: {quarantine.delete(unit, reason)}"
