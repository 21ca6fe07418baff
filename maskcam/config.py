"""The configuration: one TOML file, read once, checked as a whole.

Values come from the defaults below, then the file, then the environment:
``MASKCAM_BROKER_HOST`` sets ``host`` of ``[broker]``. Unknown keys are refused,
and all faults are reported together.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from maskcam import toml_settings
from maskcam.delivery.broker import BrokerSettings, Protocol, tls_fault
from maskcam.names import UNCONFIGURED
from maskcam.toml_settings import Section, Slug, ZoneName

ENVIRONMENT_PREFIX = "MASKCAM_"

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]


def _polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if len(points) < 3:
        raise ValueError("a zone needs at least 3 corners, each [x, y] as fractions 0 to 1")
    return points


def _hours(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError('expected "HH:MM-HH:MM", for example "07:30-13:00"')
    return text


def _web_address(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError('expected an address such as "https://example.org/masques"')
    return text


Polygon = Annotated[tuple[Point, ...], AfterValidator(_polygon)]
Hours = Annotated[str, AfterValidator(_hours)]


class UnitSection(Section):
    """Who this unit is and where it keeps its outbox."""

    id: Slug
    site: Slug
    state_directory: Path = Path("/var/lib/maskcam")
    clock: Literal["synchronised", "trusted"] = "synchronised"

    @model_validator(mode="after")
    def _own_id(self) -> Self:
        if self.id == UNCONFIGURED:
            raise ValueError(f'"{UNCONFIGURED}" is the image\'s default id: give the unit its own')
        return self


class CameraSection(Section):
    """Where frames come from, and what of them is never looked at."""

    source: str = "picamera2"
    width: int = Field(default=1280, ge=320, le=3840, multiple_of=2)
    height: int = Field(default=720, ge=240, le=2160, multiple_of=2)
    fps: float = Field(default=30, ge=5, le=60)
    max_exposure_ms: float = Field(default=12, ge=1, le=15)
    field_of_view_deg: float = Field(default=66, ge=10, le=160)
    exclusion_zones: tuple[Polygon, ...] = ()


class DetectorSection(Section):
    """The model and what runs it."""

    model: Path | None = None
    edgetpu_model: Path | None = None
    accelerator: Literal["auto", "required", "off"] = "auto"
    score_threshold: float | None = Field(default=None, ge=0.05, le=0.95)
    threads: int = Field(default=2, ge=1, le=8)


class CountingSection(Section):
    """When people are counted and how few may be told."""

    preset: Literal["standard", "decree"] = "standard"
    min_people: int | None = Field(default=None, ge=1, le=100)
    max_window_minutes: int | None = Field(default=None, ge=1, le=1440)
    min_fps: float = Field(default=10, ge=10, le=60)
    operating_hours: tuple[Hours, ...] = ()
    timezone: ZoneName = "Europe/Paris"


class LampSection(Section):
    """The lamp that answers an objection."""

    gpio: int | None = Field(default=None, ge=0, le=27)


class BrokerSection(Section):
    """Where counts are sent. Paths are relative to the configuration file."""

    host: str = Field(min_length=1)
    port: int = Field(default=8883, ge=1, le=65535)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    keepalive_s: int = Field(default=60, ge=5, le=3600)

    protocol: Protocol = "5"

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        files = {"ca": self.ca, "certificate": self.certificate, "key": self.key}
        if fault := tls_fault(self.host, files, insecure=self.insecure):
            raise ValueError(fault)
        return self

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


class NoticeSection(Section):
    """What the sign on the pole says. A unit without a sign does not count."""

    controller: Annotated[Text, StringConstraints(min_length=2)]
    contact: Annotated[Text, StringConstraints(min_length=5, max_length=120)]
    dpo_contact: Text = ""
    sign_date: date
    deployment_ends: date | None = None
    information_url: Annotated[str, AfterValidator(_web_address)] = ""
    way_round_fr: Annotated[Text, StringConstraints(max_length=100)] = ""
    way_round_en: Annotated[Text, StringConstraints(max_length=100)] = ""
    legal_basis: Literal["public-task", "legal-obligation", "legitimate-interests"] | None = None
    authority: Annotated[Text, StringConstraints(min_length=2)] = "CNIL, www.cnil.fr"

    @model_validator(mode="after")
    def _ends_after_the_sign(self) -> Self:
        if self.deployment_ends and self.deployment_ends < self.sign_date:
            raise ValueError("deployment_ends is before sign_date: nobody would ever be counted")
        return self


class TechnicianSection(Section):
    """What a technician may do at the unit itself."""

    aim: bool = True


class Config(Section):
    """The whole configuration, frozen."""

    unit: UnitSection
    camera: CameraSection = CameraSection()
    detector: DetectorSection = DetectorSection()
    counting: CountingSection = CountingSection()
    lamp: LampSection = LampSection()
    broker: BrokerSection
    notice: NoticeSection
    technician: TechnicianSection = TechnicianSection()

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
    start = f"give --config FILE, or start one: maskcam config example > {path.name}"
    values = toml_settings.parse(toml_settings.read(path, missing=start), name=str(path))
    overrides, faults = _overrides(os.environ if environment is None else environment)
    for section, key, value in overrides:
        table = values.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = value
    config = toml_settings.validate(Config, values, name=str(path), faults=faults)
    base = path.resolve().parent
    return config.model_copy(
        update={name: toml_settings.resolve_paths(section, base) for name, section in config}
    )


def _overrides(
    environment: Mapping[str, str],
) -> tuple[list[tuple[str, str, Any]], list[str]]:
    """Returns (section, key, value) for each override, and a line for each unknown one."""
    known = {
        f"{ENVIRONMENT_PREFIX}{section}_{key}".upper(): (section, key, wanted.annotation is str)
        for section, field in Config.model_fields.items()
        for key, wanted in _fields(field.annotation).items()
    }
    found, faults = [], []
    for name, text in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        if name in known:
            section, key, is_text = known[name]
            value = _toml_value(text)
            # A telephone number is a contact, too.
            found.append((section, key, text if is_text and not isinstance(value, str) else value))
        else:
            faults.append(f"environment: {name} is not a known setting; unset it")
    return found, faults


def _fields(section: Any) -> dict[str, Any]:
    return dict(section.model_fields)


def _toml_value(text: str) -> Any:
    """Reads a number, boolean, date or list as TOML; anything else is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def example() -> str:
    """Returns the example file, in which every key is explained."""
    return Path(__file__).with_name("maskcam.example.toml").read_text(encoding="utf-8")
