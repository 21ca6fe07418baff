"""What each unit was registered with at `add-unit`: by this its messages are judged."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What is known of a unit before it publishes anything.

    Args:
        site: where it stands.
        minutes: the length of its windows.
        epsilon: of its windows' noise; None: it publishes exact numbers.
        epsilon_hour: of its hours' noise; None: exact numbers.
        added_at: seconds since the epoch at which it was added, 0 if not known.
        latitude, longitude: in degrees; None: not on the map.
    """

    site: str
    minutes: int = 1
    epsilon: float | None = 1.0
    epsilon_hour: float | None = 1.0
    added_at: int = 0
    latitude: float | None = None
    longitude: float | None = None


class Position(NamedTuple):
    """A place on the ground, in degrees (WGS 84)."""

    latitude: float
    longitude: float


class Registry:
    """The registered units; reads its file again when `add-unit` has changed it.

    Args:
        path: of units.json; None, or a file that is not there, registers nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._units: dict[str, Registered] | None = None

    def units(self) -> Mapping[str, Registered] | None:
        """Returns the registered units, or None where nobody keeps a register."""
        if self._path is None:
            return None
        try:
            found = os.stat(self._path)  # noqa: PTH116
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._units, self._stamp = read_units(self._path), stamp
        except FileNotFoundError:
            self._units, self._stamp = None, None
        except (OSError, ValueError, TypeError) as error:  # what was read last stays in force
            _log.warning("%s: cannot be read (%s)", self._path, type(error).__name__)
        return self._units


def site_positions(units: Mapping[str, Registered]) -> dict[str, Position]:
    """Returns the middle of the units of each site whose position is known."""
    of_site: dict[str, list[Position]] = {}
    for unit in units.values():
        if unit.latitude is not None and unit.longitude is not None:
            of_site.setdefault(unit.site, []).append(Position(unit.latitude, unit.longitude))
    return {
        site: Position(*(sum(numbers) / len(numbers) for numbers in zip(*found, strict=True)))
        for site, found in of_site.items()
    }


def read_units(path: Path) -> dict[str, Registered]:
    """Returns what is in units.json.

    Raises:
        OSError, ValueError, TypeError: it cannot be read, or is not as `write_units` writes it.
    """
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {unit: Registered(**values) for unit, values in entries.items()}


def write_units(path: Path, units: Mapping[str, Registered]) -> None:
    """Writes units.json, readable by everybody: there is no secret in it."""
    text = json.dumps({unit: asdict(units[unit]) for unit in sorted(units)}, indent=1)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o644)
    fresh.replace(path)
