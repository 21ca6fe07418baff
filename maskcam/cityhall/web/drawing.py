"""Turns points into charts and rows of a table, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from markupsafe import Markup

from maskcam.cityhall import charts
from maskcam.cityhall.charts import Bar, Dot
from maskcam.cityhall.figures import Point, Seen
from maskcam.cityhall.notes import Note
from maskcam.cityhall.reader import Level
from maskcam.cityhall.web.context import Page

Step = Level | Literal["monthly"]
Subject = Literal["passages", "shares"]
Draw = Callable[..., Markup]


TITLES: dict[Step, tuple[str, str]] = {
    "hourly": ("by_hour", "share_by_hour"),
    "daily": ("by_day", "share_by_day"),
    "monthly": ("by_month", "share_by_month"),
}


class Row(NamedTuple):
    """One hour or day in words; `gap` rows have no numbers."""

    when: str
    gap: bool
    known: str
    point: Point


class Chart(NamedTuple):
    """A chart in its two sizes."""

    wide: Markup
    narrow: Markup


def describe(points: list[Point], page: Page, *, level: Step) -> list[Row]:
    """Returns a row for each point that has passed."""
    return [
        Row(_when(point, page, level), point.seen.is_gap, page.words.seen(point), point)
        for point in points
        if point.seen is not Seen.TO_COME
    ]


def charts_of(
    points: list[Point],
    page: Page,
    *,
    level: Step,
    earlier: Sequence[Point | None] | None = None,
    notes: Sequence[Note] = (),
) -> dict[Subject, Chart]:
    """Returns the charts of passages and of shares; `earlier` points are drawn across them.

    Of `notes` those on days are marked.
    """
    words = page.words
    bars, dots = [], []
    noted: dict[date, list[str]] = {}
    for note in notes if level == "daily" else ():
        noted.setdefault(note.day, []).append(note.text)
    for point, before in zip(points, earlier or [None] * len(points), strict=True):
        label = _label(point, page, level)
        tip = _tip(point, page, level)
        gap = point.seen.is_gap
        total = point.totals
        parts = (total.with_mask, total.without_mask, total.incorrect, total.unclear)
        partly = point.seen is Seen.PARTLY
        to_come = point.seen is Seen.TO_COME
        height = before.totals.people if before else None
        if before:
            tip += words("tip_earlier", number=words.number(before.totals.people))
        texts = noted.get(page.periods.calendar.local(point.bucket).date(), [])
        tip = ". ".join([tip, *texts])
        bars.append(Bar(label, tip, None if gap else parts, partly, to_come, height, bool(texts)))
        share_tip = _tip(point, page, level)
        if not gap:
            share_tip = words(
                "tip_share",
                when=_when(point, page, level),
                share=words.share(total),
                range=words.share_range(total),
            )
        share = words.interval(before.totals) if before else None
        if before and share:
            share_tip += words("tip_earlier", number=words.share(before.totals))
        shown = None if gap else words.interval(total)
        dots.append(Dot(label, share_tip, shown, gap and not to_come, share and share.value))
    titles = [words(name) for name in TITLES[level]]
    about = _summary(points, page, level)

    def both(draw: Draw, items: list[Any], title: str, text: str) -> Chart:
        wide, narrow = (
            draw(items, title=title, description=text, size=size)
            for size in (charts.WIDE, charts.NARROW)
        )
        return Chart(wide, narrow)

    return {
        "passages": both(charts.stacked_bars, bars, titles[0], about),
        "shares": both(charts.shares, dots, titles[1], words("chart_shares")),
    }


def _summary(points: list[Point], page: Page, level: Step) -> str:
    known = [point for point in points if not point.seen.is_gap]
    if not known:
        return page.words("chart_nothing")
    most = max(known, key=lambda point: point.totals.people)
    return page.words(
        "chart_bars",
        total=page.words.number(sum(point.totals.people for point in known)),
        most=page.words.number(most.totals.people),
        when=_when(most, page, level),
    )


def _when(point: Point, page: Page, level: Step) -> str:
    day = page.periods.calendar.local(point.bucket).date()
    if level != "hourly":
        return page.words.weekday_day(day) if level == "daily" else page.words.month(day)
    start, end = page.words.minute(point.bucket), page.words.minute(point.end)
    return f"{start}\u2013{end}"


def _label(point: Point, page: Page, level: Step) -> str:
    local = page.periods.calendar.local(point.bucket)
    if level == "monthly":
        return page.words.month(local.date(), short=True)
    if level == "daily":
        return page.words.short_day(local.date())
    return f"{local.hour}"


def _tip(point: Point, page: Page, level: Step) -> str:
    words, total = page.words, point.totals
    when = _when(point, page, level)
    if point.seen.is_gap:
        return words("tip_gap", when=when, why=words.seen(point))
    text = words(
        "tip_known",
        when=when,
        people=words.number(total.people),
        **{
            name: words.number(getattr(total, name))
            for name in ("with_mask", "without_mask", "incorrect", "unclear")
        },
    )
    if point.seen is Seen.PARTLY:
        text += f" ({words.seen(point)})"
    return text
