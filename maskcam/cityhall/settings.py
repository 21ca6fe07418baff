"""The configuration of city hall: one TOML file, read once, checked as a whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from maskcam import fields, toml_settings
from maskcam.config import SLUG_TEXT, TIME_ZONE, BrokerSection
from maskcam.fields import entry, flag, many, part, section, table, text, whole
from maskcam.names import LOOPBACK_HOSTS


def _is_address(address: str) -> bool:
    name, at, host = address.rpartition("@")
    return bool(name and at and host) and address.isprintable() and " " not in address


ADDRESS = fields.that(text(3, 120), _is_address, "use an e-mail address: name@example.org")


@section
class CitySection:
    """Whose figures these are, and by which clock."""

    name: str = entry(text(1, 80))
    zone: str = entry(TIME_ZONE, default="Europe/Paris")
    site_names: dict[str, str] = entry(table(SLUG_TEXT, text()), factory=dict)
    outline: Path | None = entry(fields.path(), default=None)
    """A GeoJSON file that the map is drawn over."""

    @property
    def zone_info(self) -> ZoneInfo:
        """The time zone in which days and hours are cut."""
        return ZoneInfo(self.zone)


@section
class DatabaseSection:
    """Where windows are kept, and for how long. 0 keeps them for ever."""

    url: str = entry(text(1), default="sqlite:///cityhall.db")
    keep_windows_days: int = entry(whole(0, 36500), default=400)
    keep_hours_days: int = entry(whole(0, 36500), default=0)


@section
class CollectorBroker(BrokerSection):
    """The broker, as the collector sees it. The client id names its persistent session."""

    client_id: str = entry(
        text(
            pattern=r"[A-Za-z0-9._-]{1,60}",
            advice="use 1 to 60 letters, digits, points, hyphens and underscores",
        ),
        default="maskcam-cityhall",
    )
    shared_group: str = entry(
        text(
            pattern=r"[A-Za-z0-9._-]{0,60}",
            advice="use at most 60 letters, digits, points, hyphens and underscores",
        ),
        default="",
    )
    session_days: int = entry(whole(1, 365), default=30)
    units_file: Path = entry(fields.path(), default=Path("units.json"))
    """What the units were registered with, from `add-unit`; without it nobody is checked."""
    home_assistant: bool = entry(flag(), default=False)
    """Whether the units are announced to Home Assistant."""


@section
class WebSection:
    """Who may look. Anything but this machine itself needs accounts and encryption."""

    listen: str = entry(text(1), default="127.0.0.1")
    port: int = entry(whole(0, 65535), default=8080)
    accounts: bool | None = entry(flag(), default=None)
    host_names: tuple[str, ...] = entry(many(text(1)), default=())
    certificate: Path | None = entry(fields.path(), default=None)
    key: Path | None = entry(fields.path(), default=None)
    behind_proxy: bool = entry(flag(), default=False)
    session_hours: int = entry(whole(1, 168), default=12)
    public_page: bool = entry(flag(), default=False)
    """Whether everybody may see `/public`: days that are over, without signing in."""
    public_contact: str = entry(text(0, 120), default="")

    @property
    def needs_login(self) -> bool:
        """Whether visitors must say who they are."""
        return self.listen not in LOOPBACK_HOSTS if self.accounts is None else self.accounts

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach the pages by HTTPS."""
        return self.certificate is not None or self.behind_proxy

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("HTTPS needs certificate and key together")
        if self.listen in LOOPBACK_HOSTS and not self.behind_proxy:
            return
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


@section
class NotifySection:
    """Who is notified of cameras that need attention and gets the weekly report; off by default."""

    email_to: tuple[str, ...] = entry(many(ADDRESS), default=())
    email_from: str = entry(text(0, 120), default="")
    smtp_host: str = entry(text(1), default="localhost")
    smtp_port: int = entry(whole(1, 65535), default=587)
    smtp_security: Literal["starttls", "tls", "none"] = entry(
        fields.choice("starttls", "tls", "none"), default="starttls"
    )
    smtp_user: str = entry(text(0, 120), default="")
    smtp_password_file: Path | None = entry(fields.path(), default=None)
    webhook: str = entry(text(0, 500), default="")
    attention: bool = entry(flag(), default=True)
    after_minutes: int = entry(whole(0, 10_080), default=30)
    weekly_report: bool = entry(flag(), default=False)
    language: Literal["en", "fr"] = entry(fields.choice("en", "fr"), default="en")
    address: str = entry(text(0, 200), default="")
    """Of the dashboard, as readers reach it."""

    def __post_init__(self) -> None:
        if self.email_to and not _is_address(self.email_from):
            raise ValueError('e-mail needs a sender: email_from = "masks@example.org"')
        if self.smtp_security == "none" and self.smtp_host not in LOOPBACK_HOSTS:
            raise ValueError("smtp_security = none is for a server on this machine alone")
        if self.smtp_user and (self.smtp_password_file is None or self.smtp_security == "none"):
            raise ValueError("smtp_user needs smtp_password_file and encryption")
        url = urlsplit(self.webhook)
        local = url.scheme == "http" and url.hostname in LOOPBACK_HOSTS
        if self.webhook and not (local or (url.scheme == "https" and url.hostname)):
            raise ValueError("webhook needs an address that begins with https://")


@section
class RecognitionSection:
    """How sure the network's answer for one person is; every interval of a share allows for it."""

    right_at_least: float = entry(fields.number(0.6, 1.0), default=0.962)
    source: str = entry(text(0, 200), default="")
    """Where `right_at_least` is from; "": the model card, as "About these figures" quotes it."""


@section
class Settings:
    """The whole configuration, frozen."""

    city: CitySection = part(of=CitySection)
    database: DatabaseSection = part(default_factory=DatabaseSection)
    broker: CollectorBroker = part(of=CollectorBroker)
    web: WebSection = part(default_factory=WebSection)
    recognition: RecognitionSection = part(default_factory=RecognitionSection)
    notify: NotifySection = part(default_factory=NotifySection)

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
    """Reads and checks a configuration; `name` begins each line that names a fault.

    Raises:
        ConfigError: it is no TOML, or has wrong or unknown keys.
    """
    return toml_settings.validate(Settings, toml_settings.parse(text, name=name), name=name)


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    settings = fields.with_absolute_paths(settings, base)
    prefix, url = "sqlite:///", settings.database.url
    if not url.startswith(prefix) or url.startswith(prefix + "/"):
        return settings
    database = dataclasses.replace(
        settings.database, url=f"{prefix}{base / url.removeprefix(prefix)}"
    )
    return dataclasses.replace(settings, database=database)
