"""The page of a site: a day, week, month or year, beside an earlier one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from starlette.responses import Response

from maskcam.cityhall import cameras
from maskcam.cityhall.expectation import missed_days
from maskcam.cityhall.figures import site_points, total_of
from maskcam.cityhall.health import Health, find_health
from maskcam.cityhall.notes import LONGEST, Note, Notes
from maskcam.cityhall.reader import Span, Totals
from maskcam.cityhall.site_history import LENGTHS, Against, Chosen, Length, find_chosen
from maskcam.cityhall.web.context import YEARS, Page, WrongAddressError
from maskcam.cityhall.web.drawing import TITLES, Step, charts_of, describe

AGAINST: tuple[Against, ...] = ("none", "before", "weekdays", "last_year")
WEEKS = 4
"""Below a day stand so many weeks up to it."""
_STEPS: dict[Length, Step] = {
    "day": "hourly", "week": "daily", "month": "daily", "year": "monthly",
}  # fmt: skip
_API_STEPS = {"hourly": "hour", "daily": "day", "monthly": "month"}


def show_site(page: Page) -> Response:
    """Returns the page of the site in the address."""
    name = page.site(page.request.path_params["site"])
    chosen = Chosen(
        length=cast("Length", page.word("length", "day", set(LENGTHS))),
        against=cast("Against", page.word("against", "weekdays", set(AGAINST))),
        day=page.day("day", page.periods.today),
    )
    if not {chosen.day.year - 1, chosen.day.year + 1} <= set(YEARS):
        raise WrongAddressError("day")
    found = find_chosen(page.context.reader, chosen, site=name, now=page.now)
    step = _STEPS[chosen.length]
    weeks_from = chosen.day - timedelta(days=7 * WEEKS - 1)
    first = weeks_from if chosen.length == "day" else chosen.first
    notes = Notes(page.context.reader.engine).between(first, chosen.last, site=name)
    span, shown = (page.periods.days(day, chosen.last) for day in (chosen.first, first))
    return page.render(
        "site.html",
        site=name,
        chosen=chosen,
        lengths=LENGTHS,
        againsts=AGAINST,
        title=_title(page, chosen),
        is_today=chosen.first <= page.periods.today <= chosen.last,
        total=total_of([point.totals for point in found.points if not point.seen.is_gap]),
        change=found.change,
        step=_API_STEPS[step],
        titles=TITLES[step],
        rows=describe(found.points, page, level=step),
        drawn=charts_of(found.points, page, level=step, earlier=found.earlier, notes=notes),
        weeks=_weeks(page, name, (weeks_from, chosen.day), notes)
        if chosen.length == "day"
        else None,
        missed={} if step == "monthly" else _missed(page, name, shown),
        first_day=_first_day(page, name, shown),
        notes=notes,
        longest_note=LONGEST,
        **_cameras(page, name, span),
    )


def _title(page: Page, chosen: Chosen) -> str:
    words = page.words
    if chosen.length == "year":
        return str(chosen.day.year)
    if chosen.length == "month":
        return words.month(chosen.day)
    return words.days(chosen.first, chosen.last)


def _weeks(page: Page, site: str, days: tuple[date, date], notes: list[Note]) -> dict[str, Any]:
    """Returns the chart and table of the weeks up to a day."""
    span = page.periods.days(*days)
    points = site_points(page.context.reader, site=site, level="daily", span=span, now=page.now)
    return {
        "number": WEEKS,
        "rows": describe(points, page, level="daily"),
        "drawn": charts_of(points, page, level="daily", notes=notes),
    }


def _first_day(page: Page, site: str, span: Span) -> str:
    """Returns the day of the first count of a site, if it is after the beginning of `span`."""
    stays = cameras.stays(page.context.reader.engine, site=site)
    first = min((stay.since for stay in stays if stay.site == site), default=span.start)
    local = page.periods.calendar.local
    return page.words.day(local(first).date()) if first > span.start else ""


def _missed(page: Page, site: str, span: Span) -> dict[str, str]:
    """Returns, by camera, the days on which it should have observed and did not, in words."""
    found = missed_days(page.context.reader, span, periods=page.periods, site=site)
    today = page.periods.day(page.periods.today).start
    return {unit: page.words.spans(runs, today=today) for unit, runs in sorted(found.items())}


def _cameras(page: Page, site: str, span: Span) -> dict[str, Any]:
    """Returns the cameras that belonged to a site, what each saw, and how it is now."""
    context = page.context
    seen: dict[str, list[Totals]] = {}
    for (unit, _), totals in context.reader.by_unit("daily", span, site=site).items():
        seen.setdefault(unit, []).append(totals)
    there = {
        stay.unit
        for stay in cameras.stays(context.reader.engine, site=site)
        if stay.site == site and stay.since < span.end and stay.until >= span.start
    }
    health: dict[str, Health] = {}
    if span.start <= page.periods.now < span.end:
        found = context.memo.get(
            ("health",), lambda: find_health(context.reader, periods=page.periods)
        )
        health = {one.unit.name: one for one in found if one.unit.site == site}
    return {
        "units": sorted(there | set(health)),
        "health": health,
        "seen": {unit: total_of(parts) for unit, parts in seen.items()},
    }
