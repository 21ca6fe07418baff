"""Lets units, collectors and readers in, and takes the right back."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskcam.cityhall.broker_files import COLLECTOR
from maskcam.cityhall.generated import unit_toml
from maskcam.cityhall.registry import Registered
from maskcam.cityhall.state_folder import SERVICE, StateFolder, share
from maskcam.errors import UsageError
from maskcam.examples import is_example
from maskcam.names import SLUG, SLUG_RULE, UNCONFIGURED

RELOAD = "let the broker know: systemctl reload mosquitto"
RESTART = "let the broker know: systemctl restart mosquitto"
DECREE_MINUTES = 20
LANGUAGES = ("en", "fr")
_COLUMNS = (
    "unit", "site", "contact", "controller", "preset", "exact", "epsilon_minute", "epsilon_hour",
    "language",
)  # fmt: skip
_LIKED = ",".join(_COLUMNS[3:])
_FOLDERS = {"collector": "collectors", "reader": "readers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnit:
    """What `add-unit` needs to know of a unit.

    Args:
        name: its id.
        site: where it stands.
        contact: for the sign: an address or a telephone number.
        controller: for the sign: who is responsible; "" takes the city of `init`.
        preset: ``standard`` or ``decree``.
        exact: whether it publishes numbers without noise.
        epsilon_minute, epsilon_hour: of the noise of its windows and hours.
        language: of what it says to the technician.
    """

    name: str
    site: str
    contact: str
    controller: str = ""
    preset: str = "standard"
    exact: bool = False
    epsilon_minute: float = 1.0
    epsilon_hour: float = 1.0
    language: str = "en"

    @property
    def registered(self) -> Registered:
        """What the collector expects of it."""
        return Registered(
            site=self.site,
            minutes=DECREE_MINUTES if self.preset == "decree" else 1,
            epsilon=None if self.exact else self.epsilon_minute,
            epsilon_hour=None if self.exact else self.epsilon_hour,
            added_at=int(time.time()),
        )


def add_units(state: StateFolder, wanted: Sequence[NewUnit], *, say: Callable[[str], None]) -> None:
    """Issues certificates and makes the folders for the SD cards: all of them, or none.

    Raises:
        UsageError: a name is not fit or taken, a contact is missing, a text is that of an example.
    """
    units, programs, facts = state.units(), state.programs(), state.facts()
    taken = {*units, *programs}
    for unit in wanted:
        for option, value in (("unit", unit.name), ("--site", unit.site)):
            _check_name(option, value)
        _check_notice(unit, city=facts["city"])
        _check_noise(unit)
        if unit.name in taken:
            raise UsageError(f"{unit.name}: exists; revoke it first, or choose another name")
        taken.add(unit.name)
    authority = state.authority
    for unit in wanted:
        if authority.issued(unit.name):
            raise UsageError(f"{unit.name}: has a certificate already; revoke it first")
    for unit in wanted:
        folder = state.directory / "units" / unit.name / "maskcam"
        if folder.parent.exists():
            shutil.rmtree(folder.parent)  # of a unit that was revoked
        folder.mkdir(parents=True)
        folder.parent.chmod(0o700)
        authority.issue_client(
            unit.name, certificate=folder / "client.crt", key=folder / "client.key"
        )
        shutil.copy(authority.root, folder / "ca.crt")
        text = unit_toml(unit, facts)
        (folder / "maskcam.toml").write_text(text, encoding="utf-8")
        units[unit.name] = unit.registered
        say(f"{folder}: copy this folder to the SD card (scripts/setup-unit CARD {folder})")
    state.write_access(units=units)
    missing = "sign_date" if facts["city"] else "sign_date and, if not given, controller"
    say(f"fill in {missing} in its maskcam.toml: a unit without a sign does not count")
    say(RELOAD)


def read_new_units(path: Path) -> list[NewUnit]:
    """Reads a CSV file with a line per unit: unit, site, contact, and whatever else is known.

    Raises:
        UsageError: it cannot be read, or a line is not fit.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            rows = csv.DictReader(file, delimiter=";" if ";" in first else ",")
            unknown = set(rows.fieldnames or ["nothing"]) - set(_COLUMNS)
            if unknown or not {"unit", "site", "contact"} <= set(rows.fieldnames or []):
                raise UsageError(
                    f"{path}: the first line names the columns: unit,site,contact and, "
                    f"if you like, {_LIKED}"
                )
            return [_new_unit(row, f"{path} line {rows.line_num}") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error


def add_program(state: StateFolder, name: str, *, kind: str, say: Callable[[str], None]) -> None:
    """Issues a certificate by which a collector or a reader gets all counts and states.

    Args:
        state: the folder of city hall.
        name: stands in the certificate, and names its session at the broker.
        kind: ``collector`` or ``reader``.
        say: is called with each line for the operator.

    Raises:
        UsageError: the name is not fit, or is taken.
    """
    _check_name(kind, name)
    programs = state.programs()
    if name in programs or name in state.units():
        raise UsageError(f"{name}: exists; revoke it first, or choose another name")
    authority = state.authority
    if authority.issued(name):
        raise UsageError(f"{name}: has a certificate already; revoke it first")
    folder = state.directory / _FOLDERS[kind] / name
    if folder.exists():
        shutil.rmtree(folder)  # of one that was revoked
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    authority.issue_client(name, certificate=folder / "client.crt", key=folder / "client.key")
    shutil.copy(authority.root, folder / "ca.crt")
    if kind == "collector":
        for path in (folder.parent, folder, folder / "client.key"):
            share(path, SERVICE)
    state.write_access(programs={**programs, name: kind})
    say(f"{folder}: certificate, key and authority for {name}")
    if kind == "collector":
        say("in its cityhall.toml under [broker]: certificate and key from there, a shared_group")
    say(RELOAD)


def revoke(state: StateFolder, name: str, *, say: Callable[[str], None]) -> None:
    """Takes a unit's, a collector's or a reader's right to connect.

    Raises:
        UsageError: there is none of this name.
    """
    units, programs = state.units(), state.programs()
    authority = state.authority
    known = name in units or name in programs
    if name == COLLECTOR or not (known or (SLUG.fullmatch(name) and authority.issued(name))):
        raise UsageError(f"{name!r:.70}: there is none; see: maskcam cityhall list-units")
    if authority.issued(name):  # not if an earlier call was cut off half-way
        authority.revoke(name)
    units.pop(name, None)
    programs.pop(name, None)
    state.write_access(units=units, programs=programs)
    say(f"{name}: revoked; what it counted so far is kept")
    say(RESTART)


def _new_unit(row: dict[str, str], place: str) -> NewUnit:
    exact = (row.get("exact") or "no").strip().lower()
    preset = (row.get("preset") or "standard").strip()
    language = (row.get("language") or "en").strip().lower()
    if exact not in {"yes", "no"} or preset not in {"standard", "decree"} or None in row:
        raise UsageError(f"{place}: exact is yes or no, preset standard or decree")
    if language not in LANGUAGES:
        raise UsageError(f"{place}: language is {' or '.join(LANGUAGES)}")
    try:
        minute, hour = (float(row.get(f"epsilon_{of}") or 1.0) for of in ("minute", "hour"))
    except ValueError as error:
        raise UsageError(f"{place}: epsilon_minute and epsilon_hour are numbers") from error
    return NewUnit(
        name=(row["unit"] or "").strip(),
        site=(row["site"] or "").strip(),
        contact=(row["contact"] or "").strip(),
        controller=(row.get("controller") or "").strip(),
        preset=preset,
        exact=exact == "yes",
        epsilon_minute=minute,
        epsilon_hour=hour,
        language=language,
    )


def _check_name(option: str, value: str) -> None:
    if not SLUG.fullmatch(value) or value in {UNCONFIGURED, COLLECTOR}:
        raise UsageError(f"{option} {value!r:.70}: {SLUG_RULE}")


def _check_notice(unit: NewUnit, *, city: str) -> None:
    if not 5 <= len(unit.contact) <= 120 or not unit.contact.isprintable():
        raise UsageError(
            f"{unit.name}: give --contact: an address or telephone number for the sign"
        )
    controller = unit.controller or city
    if controller and not (2 <= len(controller) <= 120 and controller.isprintable()):
        raise UsageError(f"{unit.name}: give --controller: who is responsible, for the sign")
    for option, text in (("--contact", unit.contact), ("--controller", controller)):
        if is_example(text):
            raise UsageError(f"{unit.name}: {option} {text!r} is an example's; give your own")


def _check_noise(unit: NewUnit) -> None:
    for option, value in (
        ("--epsilon-minute", unit.epsilon_minute),
        ("--epsilon-hour", unit.epsilon_hour),
    ):
        if not 0.1 <= value <= 4:
            raise UsageError(f"{unit.name}: {option} {value:g} is not in 0.1 to 4")
