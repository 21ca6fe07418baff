"""Where units stand: given at registration or later, shown on the map. Part of units.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from maskcam.cityhall.registry import Position, write_units
from maskcam.cityhall.state_folder import StateFolder
from maskcam.cityhall.unit_table import open_unit_table
from maskcam.errors import UsageError

MOST_LATITUDE = 85.0
"""Nearer to a pole the map's projection ends."""
_HOW = "give latitude (-85 to 85) and longitude (-180 to 180) in degrees: 43.5519 and 7.0128"


def read_position(latitude: object, longitude: object, *, where: str) -> Position | None:
    """Returns a position, or None if neither number is given.

    Args:
        latitude: a number, or a text of one with a decimal point or comma.
        longitude: as latitude.
        where: begins the error: a unit, or a line of a table.

    Raises:
        UsageError: one is missing or no such number.
    """
    given = [str(value).strip() if value is not None else "" for value in (latitude, longitude)]
    if not any(given):
        return None
    try:
        north, east = (float(text.replace(",", ".")) for text in given)
    except ValueError as error:
        raise UsageError(f"{where}: {_HOW}") from error
    if not (abs(north) <= MOST_LATITUDE and abs(east) <= 180):
        raise UsageError(f"{where}: {_HOW}")
    return Position(north, east)


def read_positions(path: Path) -> dict[str, Position]:
    """Reads a CSV file with the columns unit, latitude, longitude; others are left alone.

    Raises:
        UsageError: it cannot be read, or a line is not fit.
    """
    found = {}
    with open_unit_table(path) as rows:
        if not {"unit", "latitude", "longitude"} <= set(rows.fieldnames or []):
            raise UsageError(f"{path}: the first line names the columns unit,latitude,longitude")
        for row in rows:
            where = f"{path} line {rows.line_num}"
            position = read_position(row["latitude"], row["longitude"], where=where)
            if position is not None:
                found[(row["unit"] or "").strip()] = position
    return found


def place_units(state: StateFolder, wanted: Mapping[str, Position]) -> None:
    """Notes where units stand: all of them, or none.

    Raises:
        UsageError: one is not registered.
    """
    units = state.units()
    for name, position in wanted.items():
        if name not in units:
            raise UsageError(f"{name!r:.70}: there is none; see: maskcam cityhall list-units")
        units[name] = replace(units[name], **position._asdict())
    write_units(state.directory / "units.json", units)
