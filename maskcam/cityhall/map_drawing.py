"""Draws the map of the sites as SVG, over an outline: no script, nothing from outside.

Colours stand in `static/city.css`. Every site is a link whose title says all that its circle
shows; what needs attention has a diamond, so that no colour is needed to see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from markupsafe import Markup

from maskcam.cityhall.city_map import ROUND, WIDTH, Box, Label, Plane, Spot, place_labels, rule_box
from maskcam.cityhall.outline import Line

FONTS = {"for-wide": 13.0, "for-narrow": 22.0}
"""Sizes of names by class: a phone shows the map at half its size. As in city.css."""


class Mark(NamedTuple):
    """What is shown of a site. `shade` is 0 (few masks) to 5, None: not known."""

    name: str
    text: str
    address: str
    shade: int | None
    attention: bool


def draw_map(
    plane: Plane,
    outline: Sequence[Line],
    spots: Mapping[str, Spot],
    marks: Mapping[str, Mark],
    *,
    title: str,
    sizes: Sequence[tuple[str, float]] = (),
) -> Markup:
    """Returns the map; sites are drawn in the order of `spots`, so small ones lie on top.

    Below it stand circles of the radii of `sizes`, with what they mean.
    """
    height = plane.height + round(max((2 * radius for _, radius in sizes), default=-18)) + 18
    root = ET.Element(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {height}",
            "width": str(WIDTH),
            "height": str(height),
            "role": "group",
            "aria-label": title,
        },
    )
    if drawn := "".join(_path(plane.line(line)) for line in outline):
        ET.SubElement(root, "path", {"class": "outline", "d": drawn, "aria-hidden": "true"})
    _draw_sizes(root, sizes, middle=(plane.height + height) / 2)
    rule = rule_box(plane, spots)
    _draw_rule(root, plane, rule)
    names = {site: mark.name for site, mark in marks.items()}
    marked = {site for site, mark in marks.items() if mark.attention}
    labels = {
        kind: place_labels(
            spots, names, height=plane.height, font=font, marked=marked, taken=[rule]
        )
        for kind, font in FONTS.items()
    }
    for site, spot in spots.items():
        link = _draw_site(root, spot, marks[site])
        for kind, found in labels.items():
            if site in found:
                _draw_label(link, found[site], kind, names[site])
    # ElementTree has escaped every text and attribute.
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704


def _draw_site(root: ET.Element, spot: Spot, mark: Mark) -> ET.Element:
    link = ET.SubElement(root, "a", {"class": "hit", "href": mark.address})
    ET.SubElement(link, "title").text = mark.text
    if mark.attention:
        reach = f"{spot.radius + ROUND - 2:.0f}"
        around = f"l{reach} {reach} -{reach} {reach} -{reach} -{reach}z"
        path = f"M{spot.x:.0f} {spot.y - float(reach):.0f}{around}"
        ET.SubElement(link, "path", {"class": "alarm", "d": path})
    place = {"cx": f"{spot.x:.0f}", "cy": f"{spot.y:.0f}", "r": f"{spot.radius:.1f}"}
    shade = "none" if mark.shade is None else str(mark.shade)
    ET.SubElement(link, "circle", {"class": f"share-{shade}", **place})
    return link


def _draw_label(link: ET.Element, label: Label, kind: str, name: str) -> None:
    place = {"x": f"{label.x:.0f}", "y": f"{label.y:.0f}", "text-anchor": label.anchor}
    ET.SubElement(link, "text", {"class": kind, "aria-hidden": "true", **place}).text = name


def _draw_rule(root: ET.Element, plane: Plane, box: Box) -> None:
    length, metres = plane.rule()
    left, _, _, bottom = (round(edge) for edge in box)
    path = f"M{left} {bottom - 5}v5h{length:.0f}v-5"
    ET.SubElement(root, "path", {"class": "rule", "d": path, "aria-hidden": "true"})
    text = f"{metres}\u202fm" if metres < 1000 else f"{metres // 1000}\u202fkm"
    place = {"x": f"{left + 6 + length:.0f}", "y": str(bottom), "aria-hidden": "true"}
    ET.SubElement(root, "text", place).text = text


def _draw_sizes(root: ET.Element, sizes: Sequence[tuple[str, float]], *, middle: float) -> None:
    left = 14.0
    for text, radius in sizes:
        place = {"cx": f"{left + radius:.1f}", "cy": f"{middle:.1f}", "r": f"{radius:.1f}"}
        ET.SubElement(root, "circle", {"class": "size", "aria-hidden": "true", **place})
        left += 2 * radius + 6
        place = {"x": f"{left:.0f}", "y": f"{middle + 5:.0f}", "aria-hidden": "true"}
        ET.SubElement(root, "text", place).text = text
        left += 0.62 * FONTS["for-narrow"] * len(text) + 14


def _path(points: list[tuple[int, int]]) -> str:
    """Returns a line as a path of relative steps, which are short."""
    if len(points) < 2:
        return ""
    steps = [f"{x - left} {y - top}" for (left, top), (x, y) in pairwise(points)]
    return f"M{points[0][0]} {points[0][1]}l{' '.join(steps)}"
