"""The pages that people read: today, a site, the comparison, where and when, about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from maskcam.cityhall import charts
from maskcam.cityhall.comparison import Change, compare, whole_weeks
from maskcam.cityhall.figures import Point, Seen
from maskcam.cityhall.overview import SiteToday
from maskcam.cityhall.reader import Totals
from maskcam.cityhall.statistics import FEW
from maskcam.cityhall.web.context import DEFAULT_DAYS, Page, WebContext
from maskcam.cityhall.web.drawing import is_running
from maskcam.cityhall.web.open_pages import Versions, answer_open_page
from maskcam.cityhall.web.prefetch import overview_of
from maskcam.cityhall.web.site import show_site
from maskcam.cityhall.web.site_map import site_map
from maskcam.cityhall.where_and_when import Slot, Slots, find_slots, most_needed

T = TypeVar("T")
SHADES = 6
ROWS = 50
"""Sites on one page of a list."""
SHOWN_ATTENTION = 8
_ORDERS: dict[str, Callable[[SiteToday], Any]] = {
    "passages": lambda item: -item.today.people,
    "share": lambda item: share.value if (share := item.week.mask_share()) else 2.0,
    "change": lambda item: item.change.ratio if item.change.ratio is not None else 9e9,
}


def routes(context: WebContext) -> APIRouter:
    """Returns the routes of all pages."""
    router = APIRouter(include_in_schema=False)
    pages: dict[str, Callable[[Page], Response]] = {
        "/": _today,
        "/sites/{site}": show_site,
        "/compare": _compare,
        "/where": _where,
        "/about": _about,
    }
    versions = Versions()
    for path, show in pages.items():
        router.add_api_route(path, _route(context, versions, show), methods=["GET"])
    return router


def _route(
    context: WebContext, versions: Versions, show: Callable[[Page], Response]
) -> Callable[..., Response]:
    def route(request: Request) -> Response:
        page = Page(context, request)
        return answer_open_page(page, versions, show) if page.part_only else show(page)

    return route


def _most_unmasked(page: Page) -> Slot | None:
    """Returns the hour of the week and the site with most people without a mask, lately.

    None before it was worked out, which takes long for a region: this page does not wait for it.
    """
    span = page.periods.last_days(DEFAULT_DAYS["where"])
    found = page.context.reader.kept.recall(("slots", span, None))
    return most_needed(found) if isinstance(found, Slots) else None


def _today(page: Page) -> Response:
    found = overview_of(page.context, page.periods)
    order = page.word("sort", "name", {"name", *_ORDERS})
    sites = wanted(page, found.sites, lambda item: item.site, by_name=True)
    if order in _ORDERS:
        sites = sorted(sites, key=_ORDERS[order])
    number, shown = page_of(page, sites)
    return page.render(
        "today.html",
        found=found,
        map=site_map(page, found.sites, address=lambda site: page.address(f"/sites/{quote(site)}")),
        rows=shown,
        matches=len(sites),
        number=number,
        last_number=last_page(sites),
        order=order,
        attention=found.attention[:SHOWN_ATTENTION],
        more_attention=max(0, len(found.attention) - SHOWN_ATTENTION),
        week_ago=page.periods.today - timedelta(days=7),
        until=page.words.minute(page.periods.so_far(page.periods.today).end),
        spark=lambda item: spark_of(item.days[1:], page, "fortnight"),
        unmasked=_most_unmasked(page),
    )


def _compare(page: Page) -> Response:
    first, last, span = page.span(days=DEFAULT_DAYS["compare"], over=True)
    earlier = whole_weeks(last - first + timedelta(days=1))
    reader = page.context.reader
    now = reader.by_site("daily", span)
    names = wanted(page, page.sites, lambda name: name, by_name=True)
    number, shown = page_of(page, names)
    usual = span == page.periods.last_days(DEFAULT_DAYS["compare"])
    sites = None if usual else shown  # of the usual days, all is worked out beforehand
    changes = page.worked_out(
        span,
        ("compare", *(sites or ())),
        lambda: compare(reader, span, days=earlier, periods=page.periods, sites=sites),
    )
    return page.render(
        "compare.html",
        first=first,
        last=last,
        before=(first - timedelta(days=earlier), last - timedelta(days=earlier)),
        weeks=earlier // 7,
        number=number,
        matches=len(names),
        last_number=last_page(names),
        rows=[(name, now.get(name, Totals()), changes.get(name, Change())) for name in shown],
        interval_bar=lambda totals: _interval_bar(page, totals),
    )


def _where(page: Page) -> Response:
    first, last, span = page.span(days=DEFAULT_DAYS["where"], over=True)
    weekday = page.whole("weekday", None, low=0, high=6)
    found = page.worked_out(
        span,
        ("slots", weekday),
        lambda: find_slots(page.context.reader, span=span, periods=page.periods, weekday=weekday),
    )
    names = sorted(found.best, key=lambda name: -found.best[name].per_hour)
    names = wanted(page, names, lambda name: name)
    number, shown = page_of(page, names)
    cells = {(slot.site, slot.hour): slot for slot in found.by_hour}
    hours = sorted({slot.hour for slot in found.by_hour})
    most = {name: max(s.per_hour for s in found.by_hour if s.site == name) for name in shown}
    return page.render(
        "where.html",
        first=first,
        last=last,
        weekday=weekday,
        found=found,
        shown=shown,
        number=number,
        matches=len(names),
        last_number=last_page(names),
        top=found.by_hour[:10],
        cells=cells,
        hours=range(hours[0], hours[-1] + 1) if hours else [],
        shade=lambda slot: _shade(slot, most[slot.site]),
    )


def _about(page: Page) -> Response:
    api = page.request.app.openapi()["paths"]
    recognition = page.context.settings.recognition
    return page.render(
        "about.html",
        few=FEW,
        api=api,
        right=page.words.percent(recognition.right_at_least, digits=1),
        source=recognition.source or page.words("about_source"),
    )


def wanted(
    page: Page, items: list[T], name: Callable[[T], str], *, by_name: bool = False
) -> list[T]:
    """Returns the items whose site is searched for, by either of its names.

    by_name: sorts them as readers expect.
    """
    if by_name:
        items = sorted(items, key=lambda item: page.name_order(name(item)))
    text = page.text("q").casefold()
    if not text:
        return items
    called = page.context.settings.site_name
    return [i for i in items if text in name(i).casefold() or text in called(name(i)).casefold()]


def last_page(items: list[T]) -> int:
    """Returns the number of the last page of a list."""
    return max(1, -(-len(items) // ROWS))


def page_of(page: Page, items: list[T]) -> tuple[int, list[T]]:
    """Returns the number of the page that is asked for, and what is on it."""
    number = min(page.whole("page", 1, low=1, high=999) or 1, last_page(items))
    return number, items[(number - 1) * ROWS : number * ROWS]


def spark_of(points: list[Point], page: Page, title: str) -> Markup:
    """Returns days as a small row of bars."""
    return charts.sparkline(
        [None if point.seen.is_gap else point.totals.people for point in points],
        [point.seen is Seen.PARTLY for point in points],
        title=page.words(title),
        amount=page.words.axis,
        running=bool(points) and is_running(points[-1], page),
    )


def _interval_bar(page: Page, totals: Totals) -> object:
    interval = page.words.interval(totals)
    if interval is None:
        return ""
    title = f"{page.words('mask_share')}: {page.words.share(totals)}"
    return charts.interval_bar(interval, title=title)


def _shade(slot: Slot, most: float) -> int:
    """Returns 0 to `SHADES` - 1, the last for the hour with most people at the site."""
    return min(SHADES - 1, max(0, int(SHADES * slot.per_hour / most))) if most > 0 else 0
