"""A unit's provisioning folder: is it complete, right, and made for one unit?

Standard library only, so that `scripts/setup-unit` runs on any Linux laptop. Where
maskcam's own dependencies are installed, the full configuration check is made too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from maskcam.errors import ConfigError, UsageError
from maskcam.names import SLUG, SLUG_RULE, UNCONFIGURED
from maskcam.technician.certificates import SOON_DAYS, TlsFiles, examine

CONFIG, CA, CERTIFICATE, KEY = FILES = ("maskcam.toml", "ca.crt", "client.crt", "client.key")
FOLDER = "maskcam"  # on the card, and in what city hall makes for a unit
MAX_FILE_BYTES = 64 * 1024

_EXAMPLE = Path(__file__).parent.parent / "maskcam.example.toml"
_REQUIRED = (
    ("unit", "id"),
    ("unit", "site"),
    ("broker", "host"),
    ("notice", "controller"),
    ("notice", "contact"),
    ("notice", "sign_date"),
)
_NAMED_ON_SIGN = ("controller", "contact", "dpo_contact", "information_url")
_FILE_KEYS = {"ca": CA, "certificate": CERTIFICATE, "key": KEY}


class ProvisioningError(UsageError):
    """The folder or the card is not fit for use; the message has a line for each fault."""


def examine_folder(folder: Path, *, today: date | None) -> list[str]:
    """Checks a provisioning folder from city hall.

    Args:
        folder: holds the four files.
        today: the local date; None where the clock is not set yet, as at a unit's boot:
            then nothing is judged by its date.

    Returns:
        notes that do not stand in the way, such as a certificate that expires soon.

    Raises:
        ProvisioningError: with a line for each fault.
    """
    if not folder.is_dir():
        raise ProvisioningError(f"{folder}: no such folder; give the one from city hall")
    if (folder / FOLDER / CONFIG).is_file() and not (folder / CONFIG).exists():
        raise ProvisioningError(f"{folder}: one folder too high; give {folder / FOLDER}")
    faults = _file_faults(folder)
    if faults:
        raise ProvisioningError("\n".join(faults))
    values, config_faults = _read_config(folder / CONFIG, today)
    unit = None if config_faults else str(values["unit"]["id"])
    files = TlsFiles(folder / CA, folder / CERTIFICATE, folder / KEY)
    report = examine(files, unit=unit, dates=today is not None)
    faults = [*(f"{CONFIG}: {fault}" for fault in config_faults), *report.faults]
    if not faults:
        faults = _full_check(folder / CONFIG)
    if faults:
        raise ProvisioningError("\n".join(faults))
    notes = []
    if report.days_left is not None and report.days_left < SOON_DAYS:
        notes.append(
            f"the certificates expire in {report.days_left:.0f} days; ask for new ones soon"
        )
    sign_date = values["notice"]["sign_date"]
    if today is not None and sign_date > today:
        notes.append(f"the sign goes up on {sign_date}: before this day the unit does not count")
    if keys := still_the_example(values["notice"]):
        notes.append(f"[notice] {', '.join(keys)}: still the example's; write the city's own")
    if not _is_checked_in_full():
        notes.append("maskcam is not installed here: the unit checks each value when it starts")
    return notes


def still_the_example(notice: Mapping[str, object]) -> list[str]:
    """Returns the keys of [notice] by which the sign would send people to the example's city."""
    example = read_toml(_EXAMPLE)["notice"]
    return [key for key in _NAMED_ON_SIGN if notice.get(key) == example[key]]


def known_keys() -> dict[str, set[str]]:
    """Returns the keys of each section, as the example file lists them."""
    keys: dict[str, set[str]] = {}
    section = ""
    for line in _EXAMPLE.read_text(encoding="utf-8").splitlines():
        if header := re.match(r"\[(\w+)\]", line):
            section = header[1]
            keys[section] = set()
        elif section and (entry := re.match(r"(?:# )?(\w+) = ", line)):
            keys[section].add(entry[1])
    return keys


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file; some editors put a byte order mark before it.

    Raises:
        OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError: it is none.
    """
    return tomllib.loads(path.read_bytes().decode("utf-8-sig"))


def _file_faults(folder: Path) -> list[str]:
    faults = []
    for name in FILES:
        path = folder / name
        try:
            size = len(path.read_bytes())
        except FileNotFoundError:
            faults.append(
                f"{name} is called {name}.txt in {folder}; take the .txt away"
                if (folder / f"{name}.txt").exists()
                else f"{name} is missing in {folder}; copy the whole folder from city hall"
            )
        except OSError as error:
            faults.append(f"{name} cannot be read ({error.strerror}); copy the folder again")
        else:
            if size == 0:
                faults.append(f"{name} is empty; copy the folder from city hall again")
            elif size > MAX_FILE_BYTES:
                faults.append(f"{name} is over {MAX_FILE_BYTES // 1024} KiB: not a unit's file")
    faults.extend(
        f"{path.name} holds a private key that is not this unit's; "
        "take it out of the folder and keep it at city hall"
        for path in sorted(folder.iterdir())
        if path.name not in FILES and _holds_private_key(path)
    )
    return faults


def _holds_private_key(path: Path) -> bool:
    try:
        return path.is_file() and b"PRIVATE KEY-----" in path.read_bytes()[:MAX_FILE_BYTES]
    except OSError:
        return False


def _read_config(path: Path, today: date | None) -> tuple[dict[str, Any], list[str]]:
    """Returns what the file says, and its faults."""
    try:
        values = read_toml(path)
    except UnicodeDecodeError:
        return {}, ["is not a text file in UTF-8; save it as such"]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return {}, [f"is not valid TOML: {error}"]
    return values, _key_faults(values) or _value_faults(values, today)


def _key_faults(values: dict[str, Any]) -> list[str]:
    known = known_keys()
    faults = []
    for section, table in values.items():
        if section not in known:
            faults.append(f"[{section}] is not a known section; check the spelling or remove it")
        elif not isinstance(table, dict):
            faults.append(f"[{section}] must be a section with keys of its own")
        else:
            faults += [
                f"[{section}] {key}: is not a known key; check the spelling or remove it"
                for key in table
                if key not in known[section]
            ]
    if not faults:
        faults = [
            f"[{section}] {key}: is missing; add it"
            for section, key in _REQUIRED
            if values.get(section, {}).get(key) in (None, "")
        ]
    return faults


def _value_faults(values: dict[str, Any], today: date | None) -> list[str]:
    unit, broker, notice = values["unit"], values["broker"], values["notice"]
    faults = [
        f"[unit] {key} = {unit[key]!r}: {SLUG_RULE}"
        for key in ("id", "site")
        if not isinstance(unit[key], str) or not SLUG.fullmatch(unit[key])
    ]
    if unit["id"] == UNCONFIGURED:
        faults.append(f'[unit] id = "{UNCONFIGURED}" is the image\'s default; give it its own')
    for key, name in _FILE_KEYS.items():
        if broker.get(key) != name:
            faults.append(f'[broker] {key}: must be "{name}", the file beside it in the folder')
    if broker.get("insecure"):
        faults.append("[broker] insecure: counts would be sent in the clear; remove the key")
    faults += [
        f"[{section}] {key} = {values[section][key]!r}: write a text in quotes"
        for section, key in (("broker", "host"), ("notice", "controller"), ("notice", "contact"))
        if not isinstance(values[section][key], str) or not values[section][key].strip()
    ]
    ends = notice.get("deployment_ends")
    faults += [
        f"[notice] {key}: write a date without quotes, such as 2026-05-01"
        for key, value in (("sign_date", notice["sign_date"]), ("deployment_ends", ends))
        if value is not None and type(value) is not date
    ]
    if today is not None and type(ends) is date and ends < today:
        faults.append(f"[notice] deployment_ends = {ends}: is over; the unit would not count")
    return faults


def _is_checked_in_full() -> bool:
    return find_spec("pydantic") is not None


def _full_check(path: Path) -> list[str]:
    if not _is_checked_in_full():  # a laptop without maskcam's dependencies
        return []
    from maskcam import config

    try:
        config.load(path, environment={})
    except ConfigError as error:
        return [line.replace(f"{path}: ", f"{CONFIG}: ") for line in str(error).splitlines()]
    return []
