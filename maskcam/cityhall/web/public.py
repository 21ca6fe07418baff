"""The page for everybody: what the city counts, by site and day, and how to object to it.

It shows days that are over, as everybody who is signed in sees them; nobody has to sign in, no
cookie is set, and caches may keep it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from maskcam.cityhall.figures import site_points, total_of
from maskcam.cityhall.statistics import FEW
from maskcam.cityhall.web.context import PART_HEADER, Page, WebContext
from maskcam.cityhall.web.drawing import charts_of, describe
from maskcam.cityhall.web.pages import last_page, page_of, spark_of, wanted
from maskcam.cityhall.web.prefetch import overview_of
from maskcam.cityhall.web.site_map import site_map

PATH = "/public"
DAYS = 28
KEPT_S = 300


def routes(context: WebContext) -> APIRouter:
    """Returns the route, if the configuration wants the page."""
    router = APIRouter(include_in_schema=False)
    if context.settings.web.public_page:
        one_at_a_time = asyncio.Semaphore(1)

        def render(request: Request) -> Response:
            page = Page(context, request)
            answer = _site(page) if page.text("site") else _all_sites(page)
            answer.headers["Cache-Control"] = f"public, max-age={KEPT_S}"
            # Without the second one, a stranger could have a cache keep a part as the whole page.
            answer.headers["Vary"] = f"Accept-Language, {PART_HEADER}"
            return answer

        @router.get(PATH)
        async def show(request: Request) -> Response:
            async with one_at_a_time:  # however many strangers ask, who is signed in finds a thread
                return await run_in_threadpool(render, request)

    return router


def _all_sites(page: Page) -> Response:
    found = overview_of(page.context, page.periods)
    sites = wanted(page, found.sites, lambda item: item.site, by_name=True)
    number, shown = page_of(page, sites)
    return _render(
        page,
        total=found.week,
        map=site_map(
            page, found.sites, address=lambda site: page.address(PATH, site=site), public=True
        ),
        rows=shown,
        number=number,
        last_number=last_page(sites),
        spark=lambda item: spark_of(item.days[:-1], page, "fortnight"),
        site=None,
    )


def _site(page: Page) -> Response:
    site = page.site(page.text("site"))
    yesterday = page.periods.today - timedelta(days=1)
    span = page.periods.days(page.periods.today - timedelta(days=DAYS), yesterday)
    points = site_points(page.context.reader, site=site, level="daily", span=span, now=page.now)
    return _render(
        page,
        total=total_of([point.totals for point in points if not point.seen.is_gap]),
        rows=describe(points, page, level="daily"),
        drawn=charts_of(points, page, level="daily"),
        site=site,
    )


def _render(page: Page, **values: Any) -> Response:
    web, recognition = page.context.settings.web, page.context.settings.recognition
    return page.render(
        "public.html",
        days=DAYS,
        few=FEW,
        right=page.words.percent(recognition.right_at_least, digits=1),
        source=recognition.source or page.words("about_source"),
        contact=web.public_contact,
        **values,
    )
