"""The configuration of city hall: one TOML file, read once, checked as a whole."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from maskcam.config import BrokerSection, Slug
from maskcam.errors import ConfigError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError('unknown time zone, expected for example "Europe/Paris"') from error
    return name


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CitySection(_Section):
    """Whose figures these are, and by which clock."""

    name: str = Field(min_length=1, max_length=80)
    zone: Annotated[str, AfterValidator(_zone_name)] = "Europe/Paris"
    site_names: dict[Slug, str] = {}

    @property
    def zone_info(self) -> ZoneInfo:
        """The time zone in which days and hours are cut."""
        return ZoneInfo(self.zone)


class DatabaseSection(_Section):
    """Where windows are kept, and for how long. 0 keeps them for ever."""

    url: str = "sqlite:///cityhall.db"
    keep_windows_days: int = Field(default=400, ge=0, le=36500)
    keep_hours_days: int = Field(default=0, ge=0, le=36500)


class CollectorBroker(BrokerSection):
    """The broker, as the collector sees it. The client id names its persistent session."""

    client_id: str = Field(default="maskcam-cityhall", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    shared_group: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,60}$")
    session_days: int = Field(default=30, ge=1, le=365)
    mqtt_version: Literal["5", "3.1.1"] = "5"
    home_assistant: bool = False
    """Whether the units are announced to Home Assistant."""


class WebSection(_Section):
    """Who may look. Anything but this machine itself needs accounts and encryption."""

    listen: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    accounts: bool | None = None
    host_names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    secret_file: Path = Path("session.secret")
    session_hours: int = Field(default=12, ge=1, le=168)
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """For Prometheus, of a collector without dashboard, on this machine alone; 0: none."""

    @property
    def needs_login(self) -> bool:
        """Whether visitors must say who they are."""
        return self.listen not in LOOPBACK if self.accounts is None else self.accounts

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the pages by HTTPS."""
        return self.certificate is not None or self.behind_proxy

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("HTTPS needs certificate and key together")
        if self.listen in LOOPBACK and not self.behind_proxy:
            return self
        if not self.needs_login:
            raise ValueError(
                "accounts = false is for this machine alone: remove it, or listen on 127.0.0.1 "
                "without behind_proxy"
            )
        if not self.encrypted:
            raise ValueError(
                "passwords need encryption: give certificate and key, or set behind_proxy = true "
                "if a proxy on this machine does HTTPS"
            )
        return self


class Settings(_Section):
    """The whole configuration, frozen."""

    city: CitySection
    database: DatabaseSection = DatabaseSection()
    broker: CollectorBroker
    web: WebSection = WebSection()

    def site_name(self, site: str) -> str:
        """Returns what people call a site."""
        return self.city.site_names.get(site, site)


def load(path: Path) -> Settings:
    """Reads and checks the configuration in `path`; relative paths are from its folder.

    Raises:
        ConfigError: the file is missing, is no TOML, or has wrong or unknown keys;
            the message has a line for each fault.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; make one with: maskcam cityhall init") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error
    return _with_absolute_paths(parse(text, name=str(path)), path.resolve().parent)


def parse(text: str, *, name: str) -> Settings:
    """Reads and checks a configuration; `name` begins each line that tells a fault.

    Raises:
        ConfigError: it is no TOML, or has wrong or unknown keys.
    """
    try:
        return Settings.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name}: is not valid TOML: {error}") from error
    except ValidationError as error:
        faults = "\n".join(f"{name}: {_fault(item)}" for item in error.errors())
        raise ConfigError(faults) from error


def _fault(error: Any) -> str:
    section, *keys = [str(part) for part in error["loc"]] or ["file"]
    place = f"[{section}]" + (f" {'.'.join(keys)}" if keys else "")
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{place}: is missing; add it"
    if error["type"] == "extra_forbidden":
        return f"{place}: is not a known key; check the spelling or remove it"
    if isinstance(error["input"], dict):
        return f"{place}: {message}"
    return f"{place} = {error['input']!r:.60}: {message}"


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    def resolved(section: Any) -> Any:
        paths = {
            name: base / value
            for name, value in section
            if isinstance(value, Path) and not value.is_absolute()
        }
        return section.model_copy(update=paths) if paths else section

    database = settings.database
    prefix = "sqlite:///"
    if database.url.startswith(prefix) and not database.url.startswith(prefix + "/"):
        file = base / database.url.removeprefix(prefix)
        database = database.model_copy(update={"url": f"{prefix}{file}"})
    return settings.model_copy(
        update={
            "database": database,
            "broker": resolved(settings.broker),
            "web": resolved(settings.web),
        }
    )
