"""Turns points into charts and rows of a table, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
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


THIN_WIDTH = 0.4
"""A share that is less sure stands in words and table alone: its band would be all that is seen."""
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
    noted: dict[date, list[str]] = {}
    for note in notes if level == "daily" else ():
        noted.setdefault(note.day, []).append(note.text)
    local, bars, dots = page.periods.calendar.local, [], []
    for point, before in zip(points, earlier or [None] * len(points), strict=True):
        texts = noted.get(local(point.bucket).date(), [])
        bars.append(_bar(point, before, texts, page, level))
        dots.append(_dot(point, before, page, level))
    passages, share = (page.words(name) for name in TITLES[level])
    about = _summary(points, page, level)
    return {
        "passages": _both(
            partial(charts.stacked_bars, amount=page.words.axis), bars, passages, about
        ),
        "shares": _both(charts.shares, dots, share, page.words("chart_shares")),
    }


def is_running(point: Point, page: Page) -> bool:
    """Whether an hour, day or month has begun and is not over."""
    return point.bucket <= page.periods.now < point.end and not point.seen.is_gap


def _bar(point: Point, before: Point | None, notes: list[str], page: Page, level: Step) -> Bar:
    total, words, tip = point.totals, page.words, _tip(point, page, level)
    running = is_running(point, page)
    if running:
        tip += words("tip_running", time=words.minute(page.periods.now))
    if before:
        tip += words("tip_earlier", number=words.number(before.totals.people))
    return Bar(
        label=_label(point, page, level),
        tip=". ".join([tip, *notes]),
        parts=None if point.seen.is_gap else total[:4],
        partly=point.seen is Seen.PARTLY,
        running=running,
        blank=point.seen is Seen.TO_COME,
        earlier=before.totals.people if before else None,
        noted=bool(notes),
    )


def _dot(point: Point, before: Point | None, page: Page, level: Step) -> Dot:
    total, words, gap = point.totals, page.words, point.seen.is_gap
    tip = _tip(point, page, level)
    if not gap:
        share, limits = words.share(total), words.share_range(total)
        tip = words("tip_share", when=_when(point, page, level), share=share, range=limits)
    interval = None if gap else words.interval(total)
    if interval is not None and interval.width > THIN_WIDTH:
        interval = None
    earlier = words.interval(before.totals) if before else None
    if before and earlier:
        tip += words("tip_earlier", number=words.share(before.totals))
    return Dot(
        label=_label(point, page, level),
        tip=tip,
        interval=interval,
        gap=gap and point.seen is not Seen.TO_COME,
        earlier=earlier.value if earlier else None,
        partly=point.seen is Seen.PARTLY,
    )


def _both(draw: Draw, items: list[Any], title: str, text: str) -> Chart:
    wide, narrow = (
        draw(items, title=title, description=text, size=size)
        for size in (charts.WIDE, charts.NARROW)
    )
    return Chart(wide, narrow)


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
