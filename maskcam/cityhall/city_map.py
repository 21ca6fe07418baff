"""Where sites lie on the map, how large they are drawn, and which names find room. Pure.

Equirectangular: longitudes are shrunk by the cosine of the middle latitude, which is true enough
for a city and a region.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import cos, radians, sqrt
from typing import NamedTuple

import numpy as np

from maskcam.cityhall.outline import Line
from maskcam.cityhall.registry import Position
from maskcam.cityhall.ticks import round_down

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""
WIDTH = 640
HEIGHTS = (260, 420)
MARGIN = 34
RADII = (3.5, 20.0)
LEAST_DEGREES = 0.01
"""A single site stands in the middle of a kilometre."""
LONGEST_RULE = 120
_METRES_PER_DEGREE = 111_195  # of a great circle, for a mean radius of 6371 km (IUGG)
ROUND = 9
"""From a circle to what is written beside it, if a mark goes round it."""
NAMED = 40
"""With more sites, names are shown for the one that is pointed at."""


class Spot(NamedTuple):
    """A site on the map, in units of the picture."""

    x: float
    y: float
    radius: float


class Label(NamedTuple):
    """Where the name of a site is written; `anchor` as SVG has it."""

    x: float
    y: float
    anchor: str


class Plane:
    """Turns degrees into units of the picture.

    Args:
        points: longitude and latitude of all that must be on it; at least one.
    """

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        easts, norths = zip(*points, strict=True)
        middle = (max(norths) + min(norths)) / 2
        self._shrink = cos(radians(middle))
        wide = max((max(easts) - min(easts)) * self._shrink, LEAST_DEGREES)
        tall = max(max(norths) - min(norths), LEAST_DEGREES)
        inner = WIDTH - 2 * MARGIN
        self._scale = min(inner / wide, (HEIGHTS[1] - 2 * MARGIN) / tall)
        self.height = round(max(HEIGHTS[0], self._scale * tall + 2 * MARGIN))
        self._middle = (max(easts) + min(easts)) / 2, middle

    def place(self, east: float, north: float) -> tuple[float, float]:
        """Returns x and y of a point; y grows to the south."""
        return (
            WIDTH / 2 + (east - self._middle[0]) * self._shrink * self._scale,
            self.height / 2 - (north - self._middle[1]) * self._scale,
        )

    def rule(self) -> tuple[float, int]:
        """Returns a length for a scale and what it measures on the ground, in metres."""
        metre = self._scale / _METRES_PER_DEGREE
        metres = round_down(LONGEST_RULE / metre)
        return metres * metre, metres

    def line(self, line: Line) -> list[tuple[int, int]]:
        """Returns a line in whole units, without points that say nothing new."""
        found: list[tuple[int, int]] = []
        for east, north in line:
            x, y = self.place(east, north)
            point = round(x), round(y)
            if not found or point != found[-1]:
                if len(found) > 1 and _straight(found[-2], found[-1], point):
                    found.pop()
                found.append(point)
        return found


def plane_of(sites: Mapping[str, Position], outline: Sequence[Line]) -> Plane:
    """Returns the plane that holds all sites and the outline."""
    points = [(place.longitude, place.latitude) for place in sites.values()]
    return Plane(points + [point for line in outline for point in line])


def lay_out(
    plane: Plane, sites: Mapping[str, Position], passages: Mapping[str, int]
) -> dict[str, Spot]:
    """Returns the sites, those with most passages first; areas grow as passages do.

    The more sites and the nearer, the smaller: half of them have room up to their next neighbour.
    """
    places = {site: plane.place(where.longitude, where.latitude) for site, where in sites.items()}
    most = max([passages.get(site, 0) for site in places] + [1])
    largest = min(RADII[1], max(1.3 * RADII[0], 0.6 * _usual_distance(list(places.values()))))
    order = sorted(places, key=lambda site: (-passages.get(site, 0), site))
    return {
        site: Spot(
            *places[site],
            max(RADII[0], largest * sqrt(max(0, passages.get(site, 0)) / most)),
        )
        for site in order
    }


def size_key(spots: Mapping[str, Spot], passages: Mapping[str, int]) -> list[tuple[int, float]]:
    """Returns round numbers of passages, and the radius of a circle of each, largest first."""
    site = next(iter(spots), "")
    most, largest = passages.get(site, 0), spots[site].radius if site else 0.0
    found: list[tuple[int, float]] = []
    for part in (1, 4, 16):
        if most // part < 1:
            break
        number = round_down(most / part)
        radius = largest * sqrt(number / most)
        if radius > RADII[0]:  # smaller ones are drawn like that
            found.append((number, radius))
    return found


def place_labels(
    spots: Mapping[str, Spot],
    names: Mapping[str, str],
    *,
    height: int,
    font: float,
    marked: Collection[str] = (),
    taken: Sequence[Box] = (),
) -> dict[str, Label]:
    """Returns where names find room beside their circles; the busiest sites choose first.

    Those that are `marked` have something around their circle; nothing is written over `taken`.
    """
    found: dict[str, Label] = {}
    if len(spots) > NAMED:
        return found
    taken = [*taken, *map(_box, spots.values())]
    for site, spot in spots.items():
        wide, gap = 0.6 * font * len(names[site]), spot.radius + (ROUND if site in marked else 4)
        for label, left, top in (
            (Label(spot.x + gap, spot.y + 0.35 * font, "start"), spot.x + gap, spot.y - font / 2),
            (
                Label(spot.x - gap, spot.y + 0.35 * font, "end"),
                spot.x - gap - wide,
                spot.y - font / 2,
            ),
            (Label(spot.x, spot.y + gap + 0.8 * font, "middle"), spot.x - wide / 2, spot.y + gap),
            (Label(spot.x, spot.y - gap, "middle"), spot.x - wide / 2, spot.y - gap - font),
        ):
            box = (left, top, left + wide, top + font)
            inside = box[0] >= 2 and box[1] >= 2 and box[2] <= WIDTH - 2 and box[3] <= height - 2
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                found[site] = label
                break
    return found


def rule_box(plane: Plane, spots: Mapping[str, Spot]) -> Box:
    """Returns where the scale is drawn: in the first corner that no site is in."""
    wide, tall = plane.rule()[0] + 60, 16
    bottom, right = plane.height - 12 - tall, WIDTH - 14 - wide
    corners = [
        (left, top, left + wide, top + tall) for top in (bottom, 12) for left in (14.0, right)
    ]
    circles = [_box(spot, around=ROUND) for spot in spots.values()]
    free = (c for c in corners if not any(_overlap(c, circle) for circle in circles))
    return next(free, corners[0])


def _box(spot: Spot, *, around: float = 0.0) -> Box:
    reach = spot.radius + around
    return spot.x - reach, spot.y - reach, spot.x + reach, spot.y + reach


def _usual_distance(places: list[tuple[float, float]]) -> float:
    """Returns the median distance of a place to its next neighbour."""
    if len(places) < 2:
        return WIDTH
    points = np.array(places)
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1)))


def _straight(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether `b` lies on the way from `a` to `c`."""
    (ax, ay), (bx, by), (cx, cy) = a, b, c
    ahead = (bx - ax) * (cx - bx) + (by - ay) * (cy - by)
    return (bx - ax) * (cy - by) == (by - ay) * (cx - bx) and ahead >= 0


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
