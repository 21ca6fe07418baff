"""The weekly report: a page to print, and the same page as PDF."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from maskcam.cityhall import charts
from maskcam.cityhall.notes import Notes
from maskcam.cityhall.reader import Span
from maskcam.cityhall.web.context import YEARS, Page, WebContext, WrongAddressError
from maskcam.cityhall.web.drawing import charts_of
from maskcam.cityhall.web.limits import BusyError
from maskcam.cityhall.web.pdf import PdfError, print_pdf
from maskcam.cityhall.web.streams import busy
from maskcam.cityhall.weekly import Week, find_week, last_monday

_log = logging.getLogger(__name__)

_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


def routes(context: WebContext) -> APIRouter:
    """Returns the routes of the report."""
    router = APIRouter(include_in_schema=False)

    @router.get("/report")
    def latest(request: Request) -> Response:
        page = Page(context, request)
        if chosen := request.query_params.get("week"):
            monday = _monday(chosen)
        else:
            monday = last_monday(page.periods.today)
        return RedirectResponse(page.address(f"/report/{week_name(monday)}"), status_code=303)

    @router.get("/report/{week}.pdf")
    async def pdf(request: Request, week: str) -> Response:
        page = Page(context, request)

        def draw() -> bytes:
            body = pdf_of(page, week)
            context.audit.note(page.who, "export", f"report {week} pdf", repeated=False)
            return body

        try:
            async with context.exports.turn(page.who):
                body = await run_in_threadpool(draw)
        except BusyError:
            return busy(page)
        except PdfError as error:
            _log.warning("report: no PDF (%s)", error)
            return PlainTextResponse(page.words("no_pdf") + "\n", status_code=501)
        disposition = f'inline; filename="maskcam-{week}.pdf"'
        return Response(
            body, media_type="application/pdf", headers={"Content-Disposition": disposition}
        )

    @router.get("/report/{week}")
    def html(request: Request, week: str) -> Response:
        page = Page(context, request)
        found = page.worked_out(*_question(context, page, _monday(week)))
        return page.render("report.html", **_values(page, found, week), for_pdf=False)

    return router


def _question(
    context: WebContext, page: Page, monday: date
) -> tuple[Span, tuple[object, ...], Callable[[], Week]]:
    """Returns the days of a week, what it is kept by, and what works it out."""
    span = page.periods.days(monday, monday + timedelta(days=6))
    return span, ("week",), lambda: find_week(context.reader, monday=monday, now=page.now)


def _values(page: Page, found: Week, week: str) -> dict[str, Any]:
    monday = _monday(week)
    seven = timedelta(days=7)
    notes = Notes(page.context.reader.engine).between(monday, monday + timedelta(days=6))
    return {
        "week": week_name(monday),
        "number": monday.isocalendar().week,
        "year": monday.isocalendar().year,
        "first": monday,
        "last": monday + timedelta(days=6),
        "previous": week_name(monday - seven),
        "following": week_name(monday + seven) if monday + seven <= page.periods.today else None,
        "found": found,
        "sites": sorted(found.sites, key=lambda week: page.name_order(week.site)),
        "drawn": charts_of(found.days, page, level="daily", notes=notes) if found.days else None,
        "spark": lambda item: charts.sparkline(
            [None if p.seen.is_gap else p.totals.people for p in item.days],
            [p.seen.value == "partly" for p in item.days],
            title=page.words("by_day"),
            amount=page.words.axis,
        ),
        "read": read_aloud(page, found, monday=monday),
    }


def read_aloud(page: Page, found: Week, *, monday: date) -> list[str]:
    """Returns the paragraphs that can be read aloud."""
    t, called = page.words, page.context.settings.site_name
    last = monday + timedelta(days=6)
    passages = t(
        "read_passages",
        first=t.weekday_day(monday),
        last=t.day(last),
        people=t.count("passages", found.total.people),
        sites=t.count("sites", found.sites_observed),
    )
    known = t.interval(found.total) is not None
    share = (
        t("read_share", share=t.share(found.total), range=t.share_range(found.total))
        if known
        else t("read_share_few")
    )
    paragraphs = [
        f"{passages} {t.read_change(found.change)}",
        f"{share} {t.read_points(found.change.share)}",
    ]
    moved = (("read_rising", found.rising), ("read_falling", found.falling))
    if sentences := [t(key, sites=t.list_of(weeks, called)) for key, weeks in moved if weeks]:
        paragraphs.append(" ".join(sentences))
    if best := found.best:
        paragraphs.append(
            t(
                "read_best",
                site=called(best.site),
                weekday=t.weekdays(best.weekday or 0),
                hours=t.hour(best.hour),
                number=t.rate(best),
            )
        )
    partly = t.count("read_partly", found.partly) if found.partly else t("read_wholly")
    return [*paragraphs, partly, *_noted(page, monday)]


def _noted(page: Page, monday: date) -> list[str]:
    t, called = page.words, page.context.settings.site_name
    found = Notes(page.context.reader.engine).between(monday, monday + timedelta(days=6))
    texts = [
        t(
            "read_note",
            day=t.weekday_day(note.day),
            site=called(note.site) if note.site else t("note_all_sites"),
            text=note.text.rstrip("."),
        )
        for note in found
    ]
    separator = "\u00a0; " if t.language == "fr" else "; "
    return [t("read_notes", notes=separator.join(texts))] if texts else []


def pdf_of(page: Page, week: str) -> bytes:
    """Returns the report of a week as PDF.

    Raises:
        PdfError: the library for it is missing, or it takes too much.
    """
    span, key, make = _question(page.context, page, _monday(week))
    found: Week = page.context.memo.get((*key, span), make)
    response = page.render("report.html", **_values(page, found, week), for_pdf=True)
    return print_pdf(bytes(response.body))


def _monday(week: str) -> date:
    year, week_number = found.groups() if (found := _WEEK.fullmatch(week)) else ("0", "0")
    if int(year) not in YEARS:
        raise WrongAddressError("week")
    try:
        return date.fromisocalendar(int(year), int(week_number), 1)
    except ValueError as error:
        raise WrongAddressError("week") from error


def week_name(monday: date) -> str:
    """Returns the name of the week that begins on `monday`, as ISO 8601 has it."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"
