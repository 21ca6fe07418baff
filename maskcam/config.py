"""The configuration: one TOML file, read once, checked as a whole. Standard library only.

Values come from the defaults below, then the file, then the environment:
``MASKCAM_BROKER_HOST`` sets ``host`` of ``[broker]``. Unknown keys are refused,
and all faults are reported together. The technician's laptop reads it by the same code.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import zoneinfo
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, Final, Literal

from maskcam import fields, toml_settings
from maskcam.delivery.broker import BrokerSettings, Protocol, tls_fault
from maskcam.errors import ConfigError
from maskcam.examples import find_examples
from maskcam.fields import (
    choice,
    day,
    either,
    entry,
    flag,
    many,
    number,
    part,
    section,
    text,
    that,
    whole,
)
from maskcam.messages import LANGUAGES, say
from maskcam.names import SLUG, SLUG_RULE, UNCONFIGURED

ENVIRONMENT_PREFIX: Final = "MASKCAM_"

Point = tuple[float, float]


def is_time_zone(name: str) -> bool:
    """Returns whether a time zone is known; a machine that knows none at all believes it."""
    if not any(Path(folder).is_dir() for folder in zoneinfo.TZPATH):
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


SLUG_TEXT: Final = text(pattern=SLUG.pattern, advice=SLUG_RULE)
TIME_ZONE: Final = that(
    text(1), is_time_zone, 'unknown time zone, expected for example "Europe/Paris"'
)
_HOURS: Final = that(
    text(
        pattern=r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d",
        advice='expected "HH:MM-HH:MM", for example "07:30-13:00"',
    ),
    lambda hours: hours[:5] != hours[6:],
    "ends as it begins: nobody would ever be counted; to count at all hours, remove it",
)
_HOST: Final = text(
    1,
    253,
    pattern=r"|[^\s/:@]+|[\dA-Fa-f:.]*:[\dA-Fa-f:.]+(%\w+)?",
    advice="give a name or an address, without mqtt:// and without the port",
)
_WEB_ADDRESS: Final = text(
    pattern=r"|https?://[^\s/]+\S*",
    advice="expected an address that begins with https://",
)
_POINT: Final = that(
    many(number(0, 1)), lambda point: len(point) == 2, "a corner is [x, y], as fractions 0 to 1"
)
_POLYGON: Final = that(
    many(_POINT),
    lambda points: len(points) >= 3,
    "a zone needs at least 3 corners, each [x, y] as fractions 0 to 1",
)


@section
class UnitSection:
    """Who this unit is and where it keeps its outbox."""

    id: str = entry(SLUG_TEXT)
    site: str = entry(SLUG_TEXT)
    state_directory: Path = entry(fields.path(), default=Path("/var/lib/maskcam"))
    clock: Literal["synchronised", "trusted"] = entry(
        choice("synchronised", "trusted"), default="synchronised"
    )

    def __post_init__(self) -> None:
        if self.id == UNCONFIGURED:
            raise ValueError(
                say('"{id}" is the image\'s default id: give the unit its own', id=self.id)
            )


@section
class CameraSection:
    """Where frames come from, and what of them is never looked at."""

    source: str = entry(text(1), default="picamera2")
    width: int = entry(whole(320, 3840, step=2), default=1280)
    height: int = entry(whole(240, 2160, step=2), default=720)
    fps: float = entry(number(5, 60), default=30.0)
    max_exposure_ms: float = entry(number(1, 15), default=12.0)
    field_of_view_deg: float = entry(number(10, 160), default=66.0)
    exclusion_zones: tuple[tuple[Point, ...], ...] = entry(many(_POLYGON), default=())


@section
class DetectorSection:
    """The model and what runs it."""

    model: Path | None = entry(fields.path(), default=None)
    edgetpu_model: Path | None = entry(fields.path(), default=None)
    accelerator: Literal["auto", "required", "off"] = entry(
        choice("auto", "required", "off"), default="auto"
    )
    score_threshold: float | None = entry(number(0.05, 0.95), default=None)
    threads: int = entry(whole(1, 8), default=3)


@section
class CountingSection:
    """When people are counted and how each of them is protected in the numbers."""

    preset: Literal["standard", "decree"] = entry(choice("standard", "decree"), default="standard")
    epsilon_minute: float = entry(number(0.1, 4), default=1.0)
    epsilon_hour: float = entry(number(0.1, 4), default=1.0)
    exact: bool = entry(flag(), default=False)
    min_fps: float = entry(number(10, 60), default=10.0)
    operating_hours: tuple[str, ...] = entry(many(_HOURS), default=())
    timezone: str = entry(TIME_ZONE, default="Europe/Paris")


@section
class ObjectionsSection:
    """How people may object besides shaking the head."""

    hand: bool = entry(flag(), default=True)
    button_gpio: int | None = entry(whole(0, 27), default=None)
    button_pause_s: float = entry(number(10, 300), default=30.0)


@section
class LampSection:
    """The lamp that answers an objection."""

    gpio: int | None = entry(whole(0, 27), default=None)


@section
class BrokerSection:
    """Where counts are sent. Paths are relative to the configuration file."""

    host: str = entry(_HOST)
    port: int = entry(whole(1, 65535), default=8883)
    ca: Path | None = entry(fields.path(), default=None)
    certificate: Path | None = entry(fields.path(), default=None)
    key: Path | None = entry(fields.path(), default=None)
    insecure: bool = entry(flag(), default=False)
    keepalive_s: int = entry(whole(5, 3600), default=60)
    protocol: Protocol = entry(choice("5", "3.1.1"), default="5")

    def __post_init__(self) -> None:
        files = {"ca": self.ca, "certificate": self.certificate, "key": self.key}
        if fault := tls_fault(self.host, files, insecure=self.insecure):
            raise ValueError(fault)

    def connection(self) -> BrokerSettings:
        """Returns what a client needs to reach this broker."""
        return BrokerSettings(
            host=self.host,
            port=self.port,
            ca=self.ca,
            certificate=self.certificate,
            key=self.key,
            insecure=self.insecure,
            keepalive_s=self.keepalive_s,
            protocol=self.protocol,
        )


@section
class NoticeSection:
    """What the sign on the pole says. A unit without a sign does not count."""

    controller: str = entry(text(2))
    contact: str = entry(text(5, 120))
    dpo_contact: str = entry(text(), default="")
    sign_date: date = entry(day())
    deployment_ends: date | None = entry(day(), default=None)
    information_url: str = entry(_WEB_ADDRESS, default="")
    way_round_fr: str = entry(text(0, 100), default="")
    way_round_en: str = entry(text(0, 100), default="")
    legal_basis: Literal["public-task", "legal-obligation", "legitimate-interests"] | None = entry(
        choice("public-task", "legal-obligation", "legitimate-interests"), default=None
    )
    authority: str = entry(text(2), default="CNIL, www.cnil.fr")
    processor: str = entry(text(0, 120), default="")
    retention: date | int | None = entry(
        either(day(), whole(1, 3650), "write a number of days or a date, such as 2027-01-31"),
        default=None,
    )

    def __post_init__(self) -> None:
        if self.deployment_ends and self.deployment_ends < self.sign_date:
            raise ValueError(
                say("deployment_ends is before sign_date: nobody would ever be counted")
            )


@section
class TechnicianSection:
    """What a technician may do at the unit itself, and in which language it speaks there."""

    aim: bool = entry(flag(), default=True)
    language: Literal["en", "fr"] = entry(choice(*LANGUAGES), default="en")


@section
class Config:
    """The whole configuration, frozen."""

    unit: UnitSection = part(of=UnitSection)
    camera: CameraSection = part(default_factory=CameraSection)
    detector: DetectorSection = part(default_factory=DetectorSection)
    counting: CountingSection = part(default_factory=CountingSection)
    objections: ObjectionsSection = part(default_factory=ObjectionsSection)
    lamp: LampSection = part(default_factory=LampSection)
    broker: BrokerSection = part(of=BrokerSection)
    notice: NoticeSection = part(of=NoticeSection)
    technician: TechnicianSection = part(default_factory=TechnicianSection)

    def __post_init__(self) -> None:
        if self.lamp.gpio is not None and self.lamp.gpio == self.objections.button_gpio:
            raise ValueError(
                say("[objections] button_gpio: the lamp and the button need a pin each: change it")
            )

    def operating_times(self) -> tuple[tuple[time, time], ...]:
        """Returns the operating hours as (from, to) pairs of local time."""
        pairs = (hours.split("-") for hours in self.counting.operating_hours)
        return tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in pairs)


def load(path: Path, *, environment: Mapping[str, str] | None = None) -> Config:
    """Reads and checks the configuration in `path`.

    Args:
        path: the TOML file; relative paths inside are taken from its folder.
        environment: overrides such as ``MASKCAM_BROKER_HOST``; the process's own if None.

    Raises:
        ConfigError: the file is missing or no TOML, or has wrong or unknown keys;
            the message has a line for each fault.
    """
    start = say("give --config FILE, or start one: maskcam config example > {name}", name=path.name)
    values = toml_settings.parse(toml_settings.read(path, missing=start), name=str(path))
    overrides, faults = _overrides(os.environ if environment is None else environment)
    for name, key, value in overrides:
        table = values.setdefault(name, {})
        if isinstance(table, dict):
            table[key] = value
    config = toml_settings.validate(Config, values, name=str(path), faults=faults)
    return fields.with_absolute_paths(config, path.resolve().parent)


def refuse_examples(config: Config) -> None:
    """Lets nobody be counted, nor sent to an address, under the names of an example.

    Raises:
        ConfigError: with a line for each key that still holds one.
    """
    if keys := find_examples(dataclasses.asdict(config)):
        advice = say("still the example's; write the city's own")
        raise ConfigError("\n".join(f"{key}: {advice}" for key in keys))


def _overrides(
    environment: Mapping[str, str],
) -> tuple[list[tuple[str, str, Any]], list[str]]:
    """Returns (section, key, value) for each override, and a line for each unknown one."""
    known = {
        f"{ENVIRONMENT_PREFIX}{name}_{field.name}".upper(): (name, field)
        for name, cls in fields.sections(Config).items()
        for field in dataclasses.fields(cls)
    }
    found, faults = [], []
    for variable, written in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable in known:
            name, field = known[variable]
            value = _toml_value(written)
            # A telephone number is a contact, too.
            is_text = field.metadata["rule"].is_text and not isinstance(value, str)
            found.append((name, field.name, written if is_text else value))
        else:
            faults.append(
                say("environment: {name} is not a known setting; unset it", name=variable)
            )
    return found, faults


def _toml_value(written: str) -> Any:
    """Reads a number, boolean, date or list as TOML; anything else is a string."""
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):
        return written


def example() -> str:
    """Returns the example file, in which every key is explained."""
    return Path(__file__).with_name("maskcam.example.toml").read_text(encoding="utf-8")
