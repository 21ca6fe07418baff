"""The map on the first screen and on the page for everybody."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from maskcam.cityhall.city_map import lay_out, plane_of, size_key
from maskcam.cityhall.map_drawing import Mark, draw_map
from maskcam.cityhall.overview import SiteToday
from maskcam.cityhall.registry import site_positions
from maskcam.cityhall.statistics import Interval
from maskcam.cityhall.ticks import share_ticks
from maskcam.cityhall.web.context import Page

SHADES = 6


class SiteMap(NamedTuple):
    """The map and its key: shades with what they stand for."""

    drawing: Markup
    key: list[tuple[str, str]]
    attention: bool


def site_map(
    page: Page, sites: list[SiteToday], *, address: Callable[[str], str], public: bool = False
) -> SiteMap | None:
    """Returns the map of those sites whose cameras have a position; None: there is nothing to see.

    Args:
        page: the request.
        sites: with their last seven days.
        address: returns the page of a site.
        public: leaves out what only city hall should know, the state of the cameras.
    """
    positions = site_positions(page.context.registry.units() or {})
    shown = {item.site: item for item in sites if item.site in positions}
    outline = page.context.outline
    if not shown or (len(shown) == 1 and not outline):
        return None  # a site alone says nothing
    places = {site: positions[site] for site in shown}
    plane = plane_of(places, outline)
    passages = {site: item.week.people for site, item in shown.items()}
    spots = lay_out(plane, places, passages)
    sizes = [(page.words.number(n), radius) for n, radius in size_key(spots, passages)]
    intervals = [page.words.interval(item.week) for item in shown.values()]
    ticks = share_ticks([Interval(i.value, i.value, i.value) for i in intervals if i])
    marks = {
        site: _mark(page, item, ticks, address=address(site), public=public)
        for site, item in shown.items()
    }
    return SiteMap(
        drawing=draw_map(plane, outline, spots, marks, title=page.words("map"), sizes=sizes),
        key=_key(page, ticks, some_unknown=None in intervals),
        attention=any(mark.attention for mark in marks.values()),
    )


def _mark(page: Page, item: SiteToday, ticks: list[int], *, address: str, public: bool) -> Mark:
    words, name = page.words, page.context.settings.site_name(item.site)
    interval = words.interval(item.week)
    attention = item.needs_attention and not public
    people = words.count("passages", item.week.people)
    text = words("map_site", site=name, people=people, share=words.share(item.week))
    return Mark(
        name=name,
        text=text + (words("map_attention") if attention else ""),
        address=address,
        shade=_shade(interval.value, ticks) if interval else None,
        attention=attention,
    )


def _shade(share: float, ticks: list[int]) -> int:
    """Returns the shade of a share: the classes between the ticks are spread over all shades."""
    classes = len(ticks) - 1
    found = sum(100 * share >= tick for tick in ticks[1:-1])
    return round(found * (SHADES - 1) / max(1, classes - 1))


def _key(page: Page, ticks: list[int], *, some_unknown: bool) -> list[tuple[str, str]]:
    key = []
    for low, high in pairwise(ticks):
        words = "map_shares_last" if high == ticks[-1] else "map_shares"  # it holds its upper end
        text = page.words(words, low=low, high=page.words.percent(high / 100))
        key.append((str(_shade((low + 0.5) / 100, ticks)), text))
    return [*key, ("none", page.words("share_few"))] if some_unknown else key
