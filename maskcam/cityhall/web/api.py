"""The same figures for programs: JSON, CSV, Prometheus, server-sent events."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from maskcam.cityhall.figures import Point, site_points, slots
from maskcam.cityhall.presence import CollectorFigures
from maskcam.cityhall.reader import Span
from maskcam.cityhall.rollup import moment_of
from maskcam.cityhall.web.context import MAX_SPAN_DAYS, Page, WebContext, WrongAddressError
from maskcam.cityhall.web.live import Live
from maskcam.cityhall.web.streams import csv_answer, json_answer

MAX_WINDOW_DAYS = 31
COLUMNS = (
    *("site", "start", "minutes", "people", "with_mask", "without_mask", "incorrect", "unclear"),
    *("mask_share", "mask_share_low", "mask_share_high"),
    *("observed_s", "noise_sd", "known"),
)


class UnitOut(BaseModel):
    """A camera unit and its last state message."""

    unit: str
    online: bool | None = Field(description="null: it never said")
    version: str | None
    heard_at: str | None = Field(description="UTC time of its last state message")


class SiteOut(BaseModel):
    """A site and its units."""

    site: str
    name: str
    units: list[UnitOut]


class CountOut(BaseModel):
    """One hour or day of one site. Counts are null where nothing is known: not zero.

    They carry noise: small ones may be negative, and sums of them are right on average.
    """

    site: str
    start: str = Field(description="UTC")
    minutes: int
    people: int | None
    with_mask: int | None
    without_mask: int | None
    incorrect: int | None
    unclear: int | None
    mask_share: float | None = Field(description="with_mask / (people - unclear)")
    mask_share_low: float | None = Field(
        description="lower limit of its 95 % interval, noise included"
    )
    mask_share_high: float | None
    observed_s: float = Field(description="seconds observed, summed over the site's units")
    noise_sd: float = Field(description="standard deviation of the noise in each mask state")
    known: str = Field(description="fully, partly, blind, offline or to_come")


class SlotOut(BaseModel):
    """People without a mask at a site in one hour of the day, over the days asked for."""

    site: str
    hour: int = Field(description="local hour of the day, 0 to 23")
    without_mask_per_hour: float
    without_mask: int
    people: int
    observed_s: float


Day = Annotated[date | None, Query(description="local day, YYYY-MM-DD")]
Site = Annotated[str | None, Query(max_length=63, description="one site; all if missing")]


def routes(context: WebContext, live: Live) -> APIRouter:
    """Returns the routes of the HTTP API."""
    router = APIRouter()

    @router.get("/api/v1/sites", summary="Sites and their camera units")
    def get_sites(request: Request) -> list[SiteOut]:
        page = Page(context, request)
        units = context.reader.units()
        return [
            SiteOut(
                site=site,
                name=context.settings.site_name(site),
                units=[
                    UnitOut(
                        unit=unit.name,
                        online=unit.online,
                        version=unit.version,
                        heard_at=None if unit.heard_at is None else _utc(unit.heard_at // 60),
                    )
                    for unit in units
                    if unit.site == site
                ],
            )
            for site in page.sites
        ]

    @router.get(
        "/api/v1/counts",
        summary="Passages and mask share by hour or day, or the windows as they arrived",
        response_model=list[CountOut],
        responses={200: {"content": {"text/csv": {}}}},
    )
    def get_counts(
        request: Request,
        step: Annotated[Literal["hour", "day", "window"], Query()] = "day",
        format: Annotated[Literal["json", "csv"], Query()] = "json",  # noqa: A002
        site: Site = None,
        first: Annotated[Day, Query(alias="from")] = None,  # noqa: ARG001 - for the docs; Page reads it
        last: Annotated[Day, Query(alias="to")] = None,  # noqa: ARG001 - for the docs; Page reads it
    ) -> Response:
        page = Page(context, request)
        limit = MAX_WINDOW_DAYS if step == "window" else MAX_SPAN_DAYS
        start, end, span = _span(page, days=1 if step == "window" else 7, limit=limit)
        sites = [page.site(site)] if site is not None else page.sites
        asked = f"{step} {format} {site or 'all sites'} {start} to {end}"
        context.audit.note(page.who, "export", asked, repeated=False)
        name = f"maskcam-{step}-{start}-{end}.csv"
        if step == "window":
            if format != "csv":
                raise HTTPException(422, "windows come as CSV only: add format=csv")
            header = (
                "site",
                "unit",
                "start",
                *COLUMNS[2:3],
                *COLUMNS[4:8],
                "observed_s",
                "epsilon",
            )
            rows = (
                (s, u, _utc(m), *rest) for s, u, m, *rest in context.reader.windows(span, site=site)
            )
            return csv_answer(page, header, rows, name=name)
        level: Literal["hourly", "daily"] = "hourly" if step == "hour" else "daily"
        found = (
            _count(item, point)
            for item in sites
            for point in site_points(
                context.reader, site=item, level=level, span=span, now=page.now
            )
        )
        if format == "csv":
            rows = (tuple(count.model_dump().values()) for count in found)
            return csv_answer(page, COLUMNS, rows, name=name)
        return json_answer(page, (count.model_dump() for count in found))

    @router.get("/api/v1/unmasked", summary="Sites and hours with most people without a mask")
    def get_unmasked(
        request: Request,
        first: Annotated[Day, Query(alias="from")] = None,  # noqa: ARG001 - for the docs; Page reads it
        last: Annotated[Day, Query(alias="to")] = None,  # noqa: ARG001 - for the docs; Page reads it
        weekday: Annotated[int | None, Query(ge=0, le=6, description="Monday is 0")] = None,
    ) -> list[SlotOut]:
        page = Page(context, request)
        *_, span = _span(page, days=28, limit=MAX_SPAN_DAYS)
        return [
            SlotOut(
                site=slot.site,
                hour=slot.hour,
                without_mask_per_hour=round(slot.per_hour, 2),
                without_mask=slot.totals.without_mask,
                people=slot.totals.people,
                observed_s=round(slot.totals.observed_s, 1),
            )
            for slot in slots(context.reader, span=span, weekday=weekday)
        ]

    @router.get("/metrics", summary="The collectors' figures for Prometheus")
    def get_metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(CollectorFigures(context.reader.engine))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @router.get("/live", summary="Server-sent events: change, whenever figures changed")
    async def get_live(request: Request) -> Response:
        page = Page(context, request)
        account = page.account.name if page.account else ""
        if not live.has_room(account):
            return PlainTextResponse("too many listeners\n", status_code=503)
        still_in = getattr(request.state, "still_in", lambda: True)
        return StreamingResponse(
            live.events(account, still_in),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},  # nginx would keep them back
        )

    @router.get("/healthz", include_in_schema=False)
    def get_health() -> Response:
        return PlainTextResponse("ok\n")

    return router


def _span(page: Page, *, days: int, limit: int) -> tuple[date, date, Span]:
    try:
        first, last, span = page.span(days=days)
    except WrongAddressError as error:
        raise HTTPException(422, f"{error}: use days, at most {limit} of them") from error
    if (last - first).days >= limit:
        raise HTTPException(422, f"from, to: at most {limit} days at once")
    return first, last, span


def _count(site: str, point: Point) -> CountOut:
    total, known = point.totals, not point.seen.is_gap
    share = total.mask_share if known else None
    return CountOut(
        site=site,
        start=_utc(point.bucket),
        minutes=point.end - point.bucket,
        people=total.people if known else None,
        with_mask=total.with_mask if known else None,
        without_mask=total.without_mask if known else None,
        incorrect=total.incorrect if known else None,
        unclear=total.unclear if known else None,
        mask_share=round(share.value, 4) if share else None,
        mask_share_low=round(share.low, 4) if share else None,
        mask_share_high=round(share.high, 4) if share else None,
        observed_s=round(total.observed_s, 1),
        noise_sd=round(max(0.0, total.variance) ** 0.5, 2),
        known=point.seen.value,
    )


def _utc(minute: int) -> str:
    return moment_of(minute).strftime("%Y-%m-%dT%H:%M:%SZ")
