"""The configuration of city hall: one TOML file, read once, checked as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from maskcam import toml_settings
from maskcam.config import BrokerSection
from maskcam.names import LOOPBACK_HOSTS
from maskcam.toml_settings import Section, Slug, ZoneName


class CitySection(Section):
    """Whose figures these are, and by which clock."""

    name: str = Field(min_length=1, max_length=80)
    zone: ZoneName = "Europe/Paris"
    site_names: dict[Slug, str] = Field(default={})

    @property
    def zone_info(self) -> ZoneInfo:
        """The time zone in which days and hours are cut."""
        return ZoneInfo(self.zone)


class DatabaseSection(Section):
    """Where windows are kept, and for how long. 0 keeps them for ever."""

    url: str = "sqlite:///cityhall.db"
    keep_windows_days: int = Field(default=400, ge=0, le=36500)
    keep_hours_days: int = Field(default=0, ge=0, le=36500)


class CollectorBroker(BrokerSection):
    """The broker, as the collector sees it. The client id names its persistent session."""

    client_id: str = Field(default="maskcam-cityhall", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    shared_group: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,60}$")
    session_days: int = Field(default=30, ge=1, le=365)
    home_assistant: bool = False
    """Whether the units are announced to Home Assistant."""


class WebSection(Section):
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
        return self.listen not in LOOPBACK_HOSTS if self.accounts is None else self.accounts

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the pages by HTTPS."""
        return self.certificate is not None or self.behind_proxy

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("HTTPS needs certificate and key together")
        if self.listen in LOOPBACK_HOSTS and not self.behind_proxy:
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


class Settings(Section):
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
    text = toml_settings.read(path, missing="make one with: maskcam cityhall init")
    return _with_absolute_paths(parse(text, name=str(path)), path.resolve().parent)


def parse(text: str, *, name: str) -> Settings:
    """Reads and checks a configuration; `name` begins each line that tells a fault.

    Raises:
        ConfigError: it is no TOML, or has wrong or unknown keys.
    """
    return toml_settings.validate(Settings, toml_settings.parse(text, name=name), name=name)


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    database = settings.database
    prefix = "sqlite:///"
    if database.url.startswith(prefix) and not database.url.startswith(prefix + "/"):
        file = base / database.url.removeprefix(prefix)
        database = database.model_copy(update={"url": f"{prefix}{file}"})
    return settings.model_copy(
        update={
            "database": database,
            "broker": toml_settings.resolve_paths(settings.broker, base),
            "web": toml_settings.resolve_paths(settings.web, base),
        }
    )
