"""Reads a TOML file into a frozen model; all faults are reported together, a line for each.

What the configurations of a unit and of city hall have in common.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from maskcam.errors import ConfigError
from maskcam.names import SLUG, SLUG_RULE

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A table of a settings file: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError('unknown time zone, expected for example "Europe/Paris"') from error
    return name


Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG.pattern}$")]
ZoneName = Annotated[str, AfterValidator(_zone_name)]


def read(path: Path, *, missing: str) -> str:
    """Returns the text of a settings file; a byte order mark is no part of it.

    Args:
        path: the file.
        missing: what to do where there is none.

    Raises:
        ConfigError: it is missing, or cannot be read as UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")  # some editors add a byte order mark
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; {missing}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not a text file in UTF-8") from error


def parse(text: str, *, name: str) -> dict[str, Any]:
    """Returns the values of TOML text; `name` begins the message of a fault.

    Raises:
        ConfigError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name}: is not valid TOML: {error}") from error


def validate(
    model: type[Model], values: dict[str, Any], *, name: str, faults: Sequence[str] = ()
) -> Model:
    """Returns the values as a checked model.

    Args:
        model: with a field for each section.
        values: as `parse` returns them.
        name: begins the line of each fault.
        faults: lines of faults that were found before.

    Raises:
        ConfigError: a key is missing, unknown or has a wrong value; a line for each fault.
    """
    try:
        checked = model.model_validate(values)
    except ValidationError as error:
        faults = [*faults, *(f"{name}: {_fault(item)}" for item in error.errors())]
    if faults:
        raise ConfigError("\n".join(faults))
    return checked


def resolve_paths(section: Model, base: Path) -> Model:
    """Returns a section in which relative paths are taken from the folder `base`."""
    paths = {
        name: base / value
        for name, value in section
        if isinstance(value, Path) and not value.is_absolute()
    }
    return section.model_copy(update=paths) if paths else section


def _fault(error: Any) -> str:
    section, *keys = [str(part) for part in error["loc"]] or ["file"]
    place = f"[{section}]" + (f" {'.'.join(keys)}" if keys else "")
    kind, message = error["type"], error["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return f"{place}: is missing; add it"
    if kind == "extra_forbidden":
        return f"{place}: is not a known key; check the spelling or remove it"
    if kind == "value_error" and isinstance(error["input"], dict):
        return f"{place}: {message}"
    if kind == "string_pattern_mismatch" and error["ctx"]["pattern"] == f"^{SLUG.pattern}$":
        message = SLUG_RULE
    return f"{place} = {error['input']!r:.60}: {message}"
