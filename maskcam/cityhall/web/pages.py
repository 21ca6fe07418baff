"""The pages that people read."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from maskcam.cityhall import charts
from maskcam.cityhall.figures import (
    Point,
    Slot,
    overview,
    share_change,
    site_points,
    slots,
)
from maskcam.cityhall.reader import Totals
from maskcam.cityhall.statistics import FEW
from maskcam.cityhall.web.context import Page, WebContext
from maskcam.cityhall.web.drawing import charts_of, describe

SHADES = 6
SILENT_MINUTES = 120
"""A window lasts an hour at most, and the preset `decree` adds a quarter."""


def routes(context: WebContext) -> APIRouter:
    """Returns the routes of all pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def today(request: Request) -> Response:
        page = Page(context, request)
        found = overview(context.reader, now=page.now)
        return page.render(
            "today.html",
            found=found,
            people=sum(item.today.people for item in found),
            online=sum(item.online for item in found),
            units=sum(len(item.units) for item in found),
            week_ago=page.periods.today - timedelta(days=7),
            silent_since=_silent_since(context, page)
            if any(item.online for item in found)
            else None,
            until=page.words.minute(page.periods.so_far(page.periods.today).end),
            spark=lambda item: charts.sparkline(
                [None if p.seen.is_gap else p.totals.people for p in item.days],
                title=page.words("fortnight"),
            ),
            interval_bar=lambda totals: _interval_bar(page, totals),
            few=FEW,
        )

    @router.get("/sites/{site}")
    def site(request: Request, site: str) -> Response:
        page = Page(context, request)
        name = page.site(site)
        day = page.day("day", page.periods.today)
        weeks = page.whole("weeks", 4, low=1, high=53) or 4
        span = page.periods.day(day)
        first = day - timedelta(days=7 * weeks - 1)
        hours = site_points(context.reader, site=name, level="hourly", span=span, now=page.now)
        days = site_points(
            context.reader,
            site=name,
            level="daily",
            span=page.periods.days(first, day),
            now=page.now,
        )
        seen = context.reader.by_unit("daily", span, site=name)
        return page.render(
            "site.html",
            site=name,
            day=day,
            weeks=weeks,
            is_today=day >= page.periods.today,
            yesterday=day - timedelta(days=1),
            tomorrow=day + timedelta(days=1),
            total=_total(hours),
            hours=describe(hours, page, level="hourly"),
            days=describe(days, page, level="daily"),
            hour_charts=charts_of(hours, page, level="hourly"),
            day_charts=charts_of(days, page, level="daily"),
            units=[unit for unit in context.reader.units() if unit.site == name],
            observed={unit: totals.observed_s for (unit, _), totals in seen.items()},
        )

    @router.get("/compare")
    def compare(request: Request) -> Response:
        page = Page(context, request)
        first, last, span = page.span(days=7)
        length = last - first + timedelta(days=1)
        now = context.reader.by_site("daily", span)
        before = context.reader.by_site("daily", page.periods.days(first - length, last - length))
        return page.render(
            "compare.html",
            first=first,
            last=last,
            rows=[
                (name, now.get(name, Totals()), before.get(name, Totals())) for name in page.sites
            ],
            share_change=share_change,
            interval_bar=lambda totals: _interval_bar(page, totals),
        )

    @router.get("/where")
    def where(request: Request) -> Response:
        page = Page(context, request)
        first, last, span = page.span(days=28)
        weekday = page.whole("weekday", None, low=0, high=6)
        found = slots(context.reader, span=span, weekday=weekday)
        cells = {(slot.site, slot.hour): slot for slot in found}
        hours = sorted({slot.hour for slot in found})
        return page.render(
            "where.html",
            first=first,
            last=last,
            weekday=weekday,
            top=found[:10],
            cells=cells,
            hours=range(hours[0], hours[-1] + 1) if hours else [],
            shade=lambda slot: _shade(slot, found),
            clock=lambda hour: f"{hour:02d}:00",
        )

    @router.get("/about")
    def about(request: Request) -> Response:
        page = Page(context, request)
        api = request.app.openapi()["paths"]
        return page.render("about.html", few=FEW, api=api)

    return router


def _silent_since(context: WebContext, page: Page) -> str | None:
    """Returns since when no count has arrived, if that is longer than any window lasts."""
    newest = context.reader.newest_hour()
    if newest is None or page.periods.now < newest + 60 + SILENT_MINUTES:
        return None
    return page.words.moment(60 * (newest + 60))


def _interval_bar(page: Page, totals: Totals) -> object:
    interval = totals.mask_share
    if interval is None or totals.judged < FEW:
        return ""
    title = f"{page.words('mask_share')}: {page.words.share(totals)}"
    return charts.interval_bar(interval, title=title)


def _shade(slot: Slot, found: list[Slot]) -> int:
    """Returns 0 to `SHADES` - 1, the last for the most people."""
    most = found[0].per_hour
    return min(SHADES - 1, int(SHADES * slot.per_hour / most)) if most else 0


def _total(points: list[Point]) -> Totals:
    return Totals(*map(sum, zip(*(point.totals for point in points), strict=True)))
