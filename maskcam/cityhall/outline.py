"""Reads the outline that the map is drawn over: a GeoJSON file of the administrator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskcam.errors import ConfigError

MOST_BYTES = 5_000_000
MOST_POINTS = 200_000
_PARTS = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
"""How deep the lines of a geometry lie in its coordinates."""

Line = tuple[tuple[float, float], ...]
"""Longitude and latitude of each point, in degrees."""


def read_outline(path: Path | None) -> list[Line]:
    """Returns the lines of a GeoJSON file (RFC 7946); points in it are left out.

    Raises:
        ConfigError: it cannot be read, is too large, or holds no line; in one line.
    """
    if path is None:
        return []
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(
                f"{path}: is larger than {MOST_BYTES // 10**6} MB; simplify the outline"
            )
        found = list(_lines_of(json.loads(path.read_text("utf-8"))))
        if sum(map(len, found)) > MOST_POINTS:
            raise ConfigError(f"{path}: has more than {MOST_POINTS} points; simplify the outline")
        lines = [_line(points) for points in found]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{path}: is no GeoJSON with longitude and latitude in degrees (WGS 84, EPSG:4326)"
        ) from error
    if not lines:
        raise ConfigError(f"{path}: holds no line and no polygon")
    return lines


def _lines_of(found: dict[str, Any]) -> Iterator[list[Any]]:
    kind = found["type"]
    if kind == "FeatureCollection":
        for feature in found["features"]:
            yield from _lines_of(feature)
    elif kind == "Feature":
        if found["geometry"] is not None:
            yield from _lines_of(found["geometry"])
    elif kind == "GeometryCollection":
        for geometry in found["geometries"]:
            yield from _lines_of(geometry)
    elif kind in _PARTS:
        lines = [found["coordinates"]]
        for _ in range(_PARTS[kind]):
            lines = [line for part in lines for line in part]
        yield from lines
    elif kind not in {"Point", "MultiPoint"}:
        raise ValueError(kind)


def _line(points: list[Any]) -> Line:
    line = tuple((float(point[0]), float(point[1])) for point in points)
    if not all(abs(east) <= 180 and abs(north) <= 90 for east, north in line):
        raise ValueError("not in degrees")
    return line
