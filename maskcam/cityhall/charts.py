"""Draws charts as SVG: they need no script, no network, and print as they are.

Colours stand in `static/city.css` and, for the PDF, as attributes. Every chart is
one picture for a screen reader, with a description; its numbers are in a table
beside it. Elements of class "hit" carry what is shown at a pointer or arrow key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import NamedTuple
from xml.etree import ElementTree as ET

from markupsafe import Markup

from maskcam.cityhall.statistics import Interval
from maskcam.cityhall.ticks import nice_ticks, share_ticks

# Blue, vermilion, orange, grey of Okabe and Ito: told apart by colour-blind people.
COLOURS = {
    "with_mask": "#0072b2",
    "without_mask": "#d55e00",
    "incorrect": "#e69f00",
    "unclear": "#8a8f98",
}
_INK, _PALE, _GAP, _AXIS = "#3b4252", "#d9dee7", "#eceff4", "#8a8f98"
NOTED = "#7a3ea8"
Amount = Callable[[int], str]
"""Writes a number for an axis."""
_ids = count()


class Bar(NamedTuple):
    """One hour or day. `parts` is None where nothing is known; `tip` says all of it in words.

    `blank` ones are still to come, `running` ones not over; `earlier` is a height to compare with;
    `noted` has a mark.
    """

    label: str
    tip: str
    parts: tuple[int, ...] | None
    partly: bool = False
    running: bool = False
    blank: bool = False
    earlier: int | None = None
    noted: bool = False


class Dot(NamedTuple):
    """A share in one hour or day; `interval` is None where it is not known or not shown.

    `earlier` is a share to compare with; `partly` has a mark.
    """

    label: str
    tip: str
    interval: Interval | None
    gap: bool = False
    earlier: float | None = None
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of the drawing, and of its margins, in units of the picture."""

    width: int
    height: int
    left: int = 52
    right: int = 8
    top: int = 12
    bottom: int = 28
    labels: int = 24
    """At most so many labels fit below."""

    @property
    def inner_width(self) -> int:
        """Width of the plot itself."""
        return self.width - self.left - self.right

    @property
    def inner_height(self) -> int:
        """Height of the plot itself."""
        return self.height - self.top - self.bottom


WIDE = Size(920, 260)
NARROW = Size(400, 240, left=52, labels=8)


def stacked_bars(
    bars: Sequence[Bar], *, title: str, description: str, size: Size = WIDE, amount: Amount = str
) -> Markup:
    """Draws passages by mask state; what is not known is hatched, never a zero."""
    highest = max((sum(max(0, part) for part in bar.parts or ()) for bar in bars), default=0)
    highest = max(highest, *(bar.earlier or 0 for bar in bars), 0)
    ticks = nice_ticks(highest)
    root, plot = _canvas(size, title, description)
    scale = size.inner_height / ticks[-1]
    for tick in ticks:
        _tick(plot, size, size.inner_height - tick * scale, amount(tick))
    step = size.inner_width / max(1, len(bars))
    for place, bar in enumerate(bars):
        left, width = place * step, max(1.0, step * 0.82)
        group = _add(plot, "g", attributes={"class": "hit", "data-tip": bar.tip})
        _add(group, "title").text = bar.tip
        if bar.parts is None and not bar.blank:
            _gap(root, group, left, step, size.inner_height)
        top = float(size.inner_height)
        pale = {"fill-opacity": "0.4"} if bar.running else {}
        for part, colour in zip(bar.parts or (), COLOURS.values(), strict=False):
            height = max(0, part) * scale  # a small number may be negative by its noise
            top -= height
            if height:
                _rect(group, left + (step - width) / 2, top, width, height, fill=colour, **pale)
        if bar.running:
            dashed = {"fill": "none", "stroke": _INK, "stroke-dasharray": "3 2"}
            _rect(group, left + (step - width) / 2, top, width, size.inner_height - top, **dashed)
        if bar.earlier is not None:
            _stroke(group, left, size.inner_height - max(0, bar.earlier) * scale, step)
        if bar.noted:
            place_of_mark = {"cx": f"{left + step / 2:.1f}", "cy": "-5", "r": "4"}
            _add(group, "circle", attributes={**place_of_mark, "fill": NOTED})
        if bar.partly:
            _mark(group, left + step / 2, min(top, size.inner_height) - 5)
        _rect(group, left, 0, step, size.inner_height, fill="#000", **{"fill-opacity": "0"})
    _labels(plot, size, [bar.label for bar in bars])
    return _markup(root)


def shares(dots: Sequence[Dot], *, title: str, description: str, size: Size = WIDE) -> Markup:
    """Draws a share over time with its confidence band; the line breaks at every gap."""
    root, plot = _canvas(size, title, description)
    height = size.inner_height
    known = [dot.interval for dot in dots if dot.interval is not None]
    known += [Interval(dot.earlier, dot.earlier, dot.earlier) for dot in dots if dot.earlier]
    ticks = share_ticks(known)
    bottom, top = ticks[0] / 100, ticks[-1] / 100

    def level(share: float) -> float:
        return height * (top - min(top, max(bottom, share))) / (top - bottom)

    for percent in ticks:
        _tick(plot, size, level(percent / 100), f"{percent}\u202f%")
    step = size.inner_width / max(1, len(dots))
    for place, dot in enumerate(dots):
        if dot.earlier is not None:
            _stroke(plot, place * step, level(dot.earlier), step)
    for run in _runs(dots):
        _draw_run(plot, [(step * (i + 0.5), interval) for i, interval in run], level, step)
    for place, dot in enumerate(dots):
        group = _add(plot, "g", attributes={"class": "hit", "data-tip": dot.tip})
        _add(group, "title").text = dot.tip
        if dot.gap:
            _gap(root, group, place * step, step, height)
        if dot.partly:
            _mark(group, (place + 0.5) * step, -4)
        _rect(group, place * step, 0, step, height, fill="#000", **{"fill-opacity": "0"})
    _labels(plot, size, [dot.label for dot in dots])
    return _markup(root)


def _draw_run(
    plot: ET.Element,
    points: list[tuple[float, Interval]],
    level: Callable[[float], float],
    step: float,
) -> None:
    """Draws shares that follow each other, with their band; one alone as a bar."""
    if len(points) == 1:
        (x, only), half = points[0], min(4.0, step / 3)
        above = level(only.high)
        tall = level(only.low) - above
        _rect(plot, x - half, above, 2 * half, tall, fill="#0072b2", **{"fill-opacity": "0.25"})
    else:
        edges = [(x, i.high) for x, i in points] + [(x, i.low) for x, i in reversed(points)]
        band = " ".join(f"{x:.1f},{level(y):.1f}" for x, y in edges)
        attributes = {"points": band, "fill": "#0072b2", "fill-opacity": "0.22"}
        _add(plot, "polygon", attributes=attributes)
        line = " ".join(f"{x:.1f},{level(i.value):.1f}" for x, i in points)
        attributes = {"points": line, "fill": "none", "stroke": "#0072b2", "stroke-width": "2"}
        _add(plot, "polyline", attributes=attributes)
    for x, interval in points:
        place = {"cx": f"{x:.1f}", "cy": f"{level(interval.value):.1f}", "r": "3"}
        _add(plot, "circle", attributes={**place, "fill": "#0072b2"})


def sparkline(
    heights: Sequence[int | None],
    partly: Sequence[bool],
    *,
    title: str,
    amount: Amount = str,
    running: bool = False,
) -> Markup:
    """Draws a small row of bars from zero to a round number.

    None is a gap, pale is partly seen; the last is an outline if it is `running`, not over.
    """
    width, height, scale = 168, 36, 44
    step = (width - scale) / max(1, len(heights))
    root = _svg(width, height, title, "")
    highest = nice_ticks(max((value for value in heights if value), default=1))[-1]
    _add(root, "path", attributes={"d": f"M0 2.5h{width - scale}", "stroke": _PALE})
    text = {"x": str(width - scale + 4), "y": "9", "font-size": "10", "fill": _INK}
    _add(root, "text", attributes=text).text = amount(highest)
    paths = {"#0072b2": "", "#8fbfe0": "", _PALE: ""}
    for place, (value, pale) in enumerate(zip(heights, partly, strict=True)):
        if value is None:
            tall, colour = 4.0, _PALE
        else:
            tall = max(1.0, (height - 3) * max(0, value) / highest)
            colour = "#8fbfe0" if pale else "#0072b2"
        left = place * step + 1
        path = f"M{left:.0f} {height - 1}v-{tall:.0f}h{step - 2:.0f}v{tall:.0f}z"
        if running and value is not None and place == len(heights) - 1:
            _add(root, "path", attributes={"d": path, "fill": "none", "stroke": "#0072b2"})
        else:
            paths[colour] += path
    for colour, path in paths.items():
        if path:
            _add(root, "path", attributes={"d": path, "fill": colour})
    _add(root, "path", attributes={"d": f"M0 {height - 0.5}h{width - scale}", "stroke": _AXIS})
    return _markup(root)


def interval_bar(interval: Interval, *, title: str) -> Markup:
    """Draws a share on a line from 0 to 100 % with its interval."""
    width, height = 168, 18
    root = _svg(width, height, title, "")
    _rect(root, 0, 7, width, 4, fill=_PALE)
    low, high = interval.low * width, interval.high * width
    _rect(root, low, 4, max(2.0, high - low), 10, fill="#0072b2", **{"fill-opacity": "0.35"})
    _rect(root, interval.value * width - 1.5, 1, 3, 16, fill="#0072b2")
    return _markup(root)


def _runs(dots: Sequence[Dot]) -> Iterable[list[tuple[int, Interval]]]:
    run: list[tuple[int, Interval]] = []
    for place, dot in enumerate(dots):
        if dot.interval is not None:
            run.append((place, dot.interval))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _svg(width: int, height: int, title: str, description: str) -> ET.Element:
    number = next(_ids)
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "role": "img",
            "aria-labelledby": f"chart{number}t" + (f" chart{number}d" if description else ""),
            "font-family": "system-ui, 'DejaVu Sans', sans-serif",
            "font-size": "12",
        },
    )
    _add(root, "title", attributes={"id": f"chart{number}t"}).text = title
    if description:
        _add(root, "desc", attributes={"id": f"chart{number}d"}).text = description
    return root


def _canvas(size: Size, title: str, description: str) -> tuple[ET.Element, ET.Element]:
    root = _svg(size.width, size.height, title, description)
    hatch = {
        "id": f"hatch{next(_ids)}",
        "width": "7",
        "height": "7",
        "patternUnits": "userSpaceOnUse",
        "patternTransform": "rotate(45)",
    }
    pattern = _add(_add(root, "defs"), "pattern", attributes=hatch)
    _rect(pattern, 0, 0, 7, 7, fill=_GAP)
    _rect(pattern, 0, 0, 2, 7, fill=_PALE)
    place = {"transform": f"translate({size.left} {size.top})"}
    return root, _add(root, "g", attributes=place)


def _gap(root: ET.Element, parent: ET.Element, left: float, width: float, height: float) -> None:
    pattern = root.find("defs/pattern")
    assert pattern is not None
    _rect(parent, left, 0, width, height, fill=f"url(#{pattern.get('id')})")


def _mark(parent: ET.Element, x: float, y: float) -> None:
    corners = f"{x - 4:.1f},{y - 4:.1f} {x + 4:.1f},{y - 4:.1f} {x:.1f},{y + 2:.1f}"
    _add(parent, "polygon", attributes={"points": corners, "fill": _INK})


def _stroke(parent: ET.Element, left: float, y: float, width: float) -> None:
    """Draws what was earlier: a line across the place of a bar."""
    line = {"x1": f"{left + 0.08 * width:.1f}", "x2": f"{left + 0.92 * width:.1f}"}
    for colour, thick in (("#ffffff", "4"), (_INK, "2")):  # seen on a bar and beside it
        line |= {"y1": f"{y:.1f}", "y2": f"{y:.1f}", "stroke": colour, "stroke-width": thick}
        _add(parent, "line", attributes=dict(line))


def _tick(plot: ET.Element, size: Size, y: float, label: str) -> None:
    line = {"x1": "0", "x2": str(size.inner_width), "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    _add(plot, "line", attributes={**line, "stroke": _PALE})
    text = {"x": "-6", "y": f"{y + 4:.1f}", "text-anchor": "end", "fill": _INK}
    _add(plot, "text", attributes=text).text = label


def _labels(plot: ET.Element, size: Size, labels: Sequence[str]) -> None:
    step = size.inner_width / max(1, len(labels))
    every = max(1, ceil(len(labels) / size.labels))
    for place, label in enumerate(labels):
        if place % every == 0:
            text = {
                "x": f"{step * (place + 0.5):.1f}",
                "y": str(size.inner_height + 18),
                "text-anchor": "middle",
                "fill": _INK,
            }
            _add(plot, "text", attributes=text).text = label


def _rect(
    parent: ET.Element, x: float, y: float, width: float, height: float, **rest: str
) -> ET.Element:
    place = {"x": x, "y": y, "width": width, "height": height}
    return _add(parent, "rect", attributes={**{k: f"{v:.1f}" for k, v in place.items()}, **rest})


def _add(parent: ET.Element, name: str, *, attributes: dict[str, str] | None = None) -> ET.Element:
    return ET.SubElement(parent, name, attributes or {})


def _markup(root: ET.Element) -> Markup:
    # ElementTree has escaped every text and attribute.
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704
