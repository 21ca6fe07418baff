"""The same figures for programs: JSON, CSV, Prometheus, server-sent events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import PlainTextResponse, Response

from maskcam.cityhall.collector_state import CollectorFigures
from maskcam.cityhall.figures import Point, all_points, joined, site_points
from maskcam.cityhall.health import UnitHealth, find_health
from maskcam.cityhall.reader import Level, Span
from maskcam.cityhall.web.api_models import CountOut, SiteOut, SlotOut, UnitOut
from maskcam.cityhall.web.context import MAX_SPAN_DAYS, Page, WebContext, WrongAddressError
from maskcam.cityhall.web.count_rows import (
    COLUMNS,
    FRENCH_COLUMNS,
    WINDOW_COLUMNS,
    Lines,
    count_row,
    csv_lines,
    csv_row,
    french_lines,
    in_french,
    json_lines,
    local_text,
    rounded,
    utc,
    window_lines,
)
from maskcam.cityhall.web.live import Live, LiveAnswer
from maskcam.cityhall.web.streams import csv_answer, json_answer
from maskcam.cityhall.web.workbook import MAX_ROWS, xlsx_answer
from maskcam.cityhall.where_and_when import find_slots

Step = Literal["hour", "day", "week", "month", "year", "window"]
MAX_DAYS: dict[Step, int] = {
    "window": 31,
    "hour": MAX_SPAN_DAYS,
    "day": MAX_SPAN_DAYS,
    "week": 3700,
    "month": 3700,
    "year": 3700,
}
PERIODS: dict[str, Callable[[date], object]] = {
    "week": lambda day: day.isocalendar()[:2],
    "month": lambda day: (day.year, day.month),
    "year": lambda day: day.year,
}
"""Longer steps. The first and the last of them are cut where `from` and `to` cut them."""

Day = Annotated[date | None, Query(description="local day, YYYY-MM-DD")]
Site = Annotated[str | None, Query(max_length=63, description="one site; all if missing")]


def routes(context: WebContext, live: Live) -> APIRouter:
    """Returns the routes of the HTTP API."""
    router = APIRouter()
    _add_figures(router, context)
    _add_counts(router, context)
    _add_machine_room(router, context, live)
    return router


def _add_figures(router: APIRouter, context: WebContext) -> None:
    @router.get("/api/v1/sites", summary="Sites and their camera units")
    def get_sites(request: Request) -> list[SiteOut]:
        page = Page(context, request)
        of_site: dict[str, list[UnitOut]] = {}
        health = context.memo.get(
            ("health",), lambda: find_health(context.reader, periods=page.periods)
        )
        for one in health:
            unit = one.unit
            out = UnitOut(
                unit=unit.name,
                online=unit.online,
                version=unit.version,
                heard_at=None if unit.heard_at is None else utc(unit.heard_at // 60),
                state=one.state.value,
                since=None if one.since is None else utc(one.since),
            )
            of_site.setdefault(unit.site, []).append(out)
        name = context.settings.site_name
        return [SiteOut(site=s, name=name(s), units=of_site.get(s, [])) for s in page.sites]

    @router.get("/api/v1/unmasked", summary="Sites and hours with most people without a mask")
    def get_unmasked(
        request: Request,
        first: Annotated[Day, Query(alias="from")] = None,  # noqa: ARG001 - for the docs; Page reads it
        last: Annotated[Day, Query(alias="to")] = None,  # noqa: ARG001 - for the docs; Page reads it
        weekday: Annotated[int | None, Query(ge=0, le=6, description="Monday is 0")] = None,
    ) -> list[SlotOut]:
        page = Page(context, request)
        *_, span = _span(page, days=28, limit=MAX_SPAN_DAYS)
        found = find_slots(context.reader, span=span, periods=page.periods, weekday=weekday)
        return [
            SlotOut(
                site=slot.site,
                hour=slot.hour,
                without_mask_per_hour=round(slot.per_hour, 2),
                without_mask=slot.totals.without_mask,
                people=slot.totals.people,
                observed_s=round(slot.totals.observed_s, 1),
            )
            for slot in found.by_hour
        ]


def _add_counts(router: APIRouter, context: WebContext) -> None:
    @router.get(
        "/api/v1/counts",
        summary="Passages and mask share by hour up to year, or the windows as they arrived",
        response_model=list[CountOut],
        responses={200: {"content": {"text/csv": {}}}},
    )
    def get_counts(
        request: Request,
        step: Annotated[Step, Query()] = "day",
        format: Annotated[Literal["json", "csv", "xlsx"], Query()] = "json",  # noqa: A002
        site: Site = None,
        first: Annotated[Day, Query(alias="from")] = None,  # noqa: ARG001 - for the docs; Page reads it
        last: Annotated[Day, Query(alias="to")] = None,  # noqa: ARG001 - for the docs; Page reads it
        lang: Annotated[str, Query(description="fr: a table for a French spreadsheet")] = "",
    ) -> Response:
        page = Page(context, request)
        limit = MAX_DAYS[step]
        start, end, span = _span(page, days=1 if step == "window" else 7, limit=limit)
        if site is not None:
            page.site(site)
        asked = f"{step} {format} {site or '*'} {start}/{end}"  # in any language
        context.audit.note(page.who, "export", asked, repeated=False)
        name = f"maskcam-{step}-{start}-{end}.{format}"
        if step == "window":
            if format != "csv":
                raise HTTPException(422, "windows come as CSV only: add format=csv")
            windows = context.reader.windows(span, site=site)
            return csv_answer(page, csv_row(WINDOW_COLUMNS), window_lines(windows), name=name)
        if format == "xlsx":
            hours = 24 if step == "hour" else 1
            number = (1 if site else len(page.sites)) * ((end - start).days + 1) * hours
            if number > MAX_ROWS:
                raise HTTPException(422, f"xlsx: at most {MAX_ROWS} rows; take format=csv")
            return xlsx_answer(page, _table(page, step, span, site), name=name)
        points = _points(page, step, span, site)
        if format == "json":
            return json_answer(page, _lines(page, points, json_lines()))
        if lang == "fr":
            head = "\ufeff" + csv_row(FRENCH_COLUMNS, between=";")
            return csv_answer(page, head, _french_lines(page, points), name=name)
        return csv_answer(page, csv_row(COLUMNS), _lines(page, points, csv_lines()), name=name)


def _lines(page: Page, points: Iterator[tuple[str, Point]], lines: Lines) -> Iterator[str]:
    """Yields a line for each hour, day or longer time, of one site or of all."""
    text, line, words = lines.text, lines.line, page.words
    for site, point in points:
        yield line(count_row(text(site), utc(point.bucket), point, words))


def _french_lines(page: Page, points: Iterator[tuple[str, Point]]) -> Iterator[str]:
    """Yields the same for a French spreadsheet: with names and local times."""
    called, local, lines = (
        page.context.settings.site_name,
        page.periods.calendar.local,
        french_lines(),
    )
    start = lru_cache(maxsize=64)(lambda minute: local_text(local(minute)))
    for site, point in points:
        row = count_row(lines.text(called(site)), start(point.bucket), point, page.words)
        yield lines.line(in_french(row))


def _table(page: Page, step: Step, span: Span, site: str | None) -> Iterator[tuple[object, ...]]:
    """Yields the head and the rows of a workbook: names, local times, numbers as numbers."""
    called, local = page.context.settings.site_name, page.periods.calendar.local
    french = page.words.language == "fr"
    yield FRENCH_COLUMNS if french else (COLUMNS[0], "start (local time)", *COLUMNS[2:])
    for name, point in _points(page, step, span, site):
        start = local(point.bucket).replace(tzinfo=None)
        row = rounded(count_row(called(name), start, point, page.words))
        yield in_french(row) if french else row


def _points(page: Page, step: Step, span: Span, site: str | None) -> Iterator[tuple[str, Point]]:
    reader = page.context.reader
    level: Level = "hourly" if step == "hour" else "daily"
    if site is None:
        found = all_points(reader, level=level, span=span, now=page.now)
    else:
        points = site_points(reader, site=site, level=level, span=span, now=page.now)
        found = ((site, point) for point in points)
    if step in PERIODS:
        local, name = page.periods.calendar.local, PERIODS[step]
        found = joined(found, lambda day: name(local(day).date()))
    return found


def _add_machine_room(router: APIRouter, context: WebContext, live: Live) -> None:
    @router.get("/metrics", summary="The collectors' and the cameras' figures for Prometheus")
    def get_metrics(request: Request) -> Response:
        registry = CollectorRegistry()
        registry.register(CollectorFigures(context.reader.engine))
        registry.register(UnitHealth(context.reader, Page(context, request).periods))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/live", summary="Server-sent events: change, whenever figures changed")
    async def get_live(request: Request, site: Site = None) -> Response:
        page = Page(context, request)
        account = page.account.name if page.account else ""
        still_in = getattr(request.state, "still_in", lambda: True)
        return LiveAnswer(live, account, live.events(still_in, site=site))

    @router.get("/healthz", include_in_schema=False)
    def get_health() -> Response:
        return PlainTextResponse("ok\n")


def _span(page: Page, *, days: int, limit: int) -> tuple[date, date, Span]:
    try:
        first, last, span = page.span(days=days, limit=limit)
    except WrongAddressError as error:
        raise HTTPException(422, f"{error}: use days, at most {limit} of them") from error
    if (last - first).days >= limit:
        raise HTTPException(422, f"from, to: at most {limit} days at once")
    return first, last, span
