"""What `add-unit` needs to know of a unit: given by options, or read from a table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from maskcam.cityhall.broker_files import COLLECTOR
from maskcam.cityhall.positions import read_position
from maskcam.cityhall.registry import Position, Registered
from maskcam.cityhall.unit_table import open_unit_table
from maskcam.errors import UsageError
from maskcam.examples import is_example
from maskcam.names import SLUG, SLUG_RULE, UNCONFIGURED

DECREE_MINUTES = 20
LANGUAGES = ("en", "fr")
_COLUMNS = (
    "unit", "site", "contact", "controller", "preset", "exact", "epsilon_minute", "epsilon_hour",
    "language", "latitude", "longitude",
)  # fmt: skip
_LIKED = ",".join(_COLUMNS[3:])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUnit:
    """A unit that is to be added.

    Args:
        name: its id.
        site: where it stands.
        contact: for the sign: an address or a telephone number.
        controller: for the sign: who is responsible; "" takes the city of `init`.
        preset: ``standard`` or ``decree``.
        exact: whether it publishes numbers without noise.
        epsilon_minute, epsilon_hour: of the noise of its windows and hours.
        language: of what it says to the technician.
        position: of its pole, for the map.
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
    position: Position | None = None

    def check(self, *, city: str) -> None:
        """Refuses names that are not fit, missing facts and examples.

        Args:
            city: is responsible where no controller is named.

        Raises:
            UsageError: says which option to give.
        """
        for option, value in (("unit", self.name), ("--site", self.site)):
            check_name(option, value)
        self._check_notice(city=city)
        self._check_noise()

    @property
    def registered(self) -> Registered:
        """What the collector expects of it."""
        place = self.position._asdict() if self.position else {}
        return Registered(
            site=self.site,
            minutes=DECREE_MINUTES if self.preset == "decree" else 1,
            epsilon=None if self.exact else self.epsilon_minute,
            epsilon_hour=None if self.exact else self.epsilon_hour,
            added_at=int(time.time()),
            **place,
        )

    def _check_notice(self, *, city: str) -> None:
        if not 5 <= len(self.contact) <= 120 or not self.contact.isprintable():
            raise UsageError(
                f"{self.name}: give --contact: an address or telephone number for the sign"
            )
        controller = self.controller or city
        if controller and not (2 <= len(controller) <= 120 and controller.isprintable()):
            raise UsageError(f"{self.name}: give --controller: who is responsible, for the sign")
        for option, text in (("--contact", self.contact), ("--controller", self.controller)):
            if is_example(text):
                raise UsageError(f"{self.name}: {option} {text!r} is an example's; give your own")

    def _check_noise(self) -> None:
        for option, value in (
            ("--epsilon-minute", self.epsilon_minute),
            ("--epsilon-hour", self.epsilon_hour),
        ):
            if not 0.1 <= value <= 4:
                raise UsageError(f"{self.name}: {option} {value:g} is not in 0.1 to 4")


def read_new_units(path: Path) -> list[NewUnit]:
    """Reads a CSV file with a line per unit: unit, site, contact, and whatever else is known.

    Raises:
        UsageError: it cannot be read, or a line is not fit.
    """
    with open_unit_table(path) as rows:
        unknown = set(rows.fieldnames or ["nothing"]) - set(_COLUMNS)
        if unknown or not {"unit", "site", "contact"} <= set(rows.fieldnames or []):
            raise UsageError(
                f"{path}: the first line names the columns: unit,site,contact and, "
                f"if you like, {_LIKED}"
            )
        return [_new_unit(row, f"{path} line {rows.line_num}") for row in rows]


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
        position=read_position(row.get("latitude"), row.get("longitude"), where=place),
    )


def check_name(option: str, value: str) -> None:
    """Refuses a name that no unit, site or program may have.

    Raises:
        UsageError: names the option.
    """
    if not SLUG.fullmatch(value) or value in {UNCONFIGURED, COLLECTOR}:
        raise UsageError(f"{option} {value!r:.70}: {SLUG_RULE}")
