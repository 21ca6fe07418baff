"""``init``, ``add-unit`` and ``revoke-unit``: the files that city hall and its units need."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskcam import config
from maskcam.cityhall.authority import Authority, write_secret
from maskcam.cityhall.discovery import PREFIX
from maskcam.cityhall.settings import parse
from maskcam.errors import UsageError

COLLECTOR = "cityhall-collector"
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Office:
    """The folder that `init` makes.

    cityhall.toml    configuration of ``maskcam cityhall serve``
    office.json      host, port and city, for `add-unit`
    units.json       units and their sites, from which the broker's ACL is written
    readers.json     other programs that may read all counts
    ca/              the certificate authority; its key should not stay on a server
    broker/          mosquitto.conf, acl, server.crt, server.key, ca.crt, revoked.crl
    collector/       collector.crt, collector.key
    units/ID/maskcam what goes on the SD card of a unit
    readers/NAME     certificate and key of a reader
    """

    directory: Path

    @property
    def authority(self) -> Authority:
        """The certificate authority."""
        return Authority(self.directory / "ca")

    def units(self) -> dict[str, str]:
        """Returns the site of each unit that may write."""
        found: dict[str, str] = json.loads(self._read("units.json"))
        return found

    def readers(self) -> list[str]:
        """Returns the programs that may read, beside the collector."""
        if not (self.directory / "readers.json").exists():
            return []
        found: list[str] = json.loads(self._read("readers.json"))
        return found

    def facts(self) -> dict[str, str]:
        """Returns what `init` was told."""
        found: dict[str, str] = json.loads(self._read("office.json"))
        return found

    def write_access(self, units: Mapping[str, str], readers: Sequence[str]) -> None:
        """Writes who may do what, the broker's ACL and its list of revoked certificates."""
        _replace(self.directory / "units.json", json.dumps(dict(sorted(units.items())), indent=1))
        _replace(self.directory / "readers.json", json.dumps(sorted(readers), indent=1))
        _replace(self.directory / "broker/acl", acl(units, readers))
        (self.directory / "broker/acl").chmod(0o644)
        revoked = self.authority.revoked_list.read_text(encoding="ascii")
        _replace(self.directory / "broker/revoked.crl", revoked)
        (self.directory / "broker/revoked.crl").chmod(0o644)

    def _read(self, name: str) -> str:
        try:
            return (self.directory / name).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{self.directory}: is no folder made by maskcam cityhall init ({name} is missing)"
            ) from error


def init(
    directory: Path,
    *,
    host: str,
    city: str,
    zone: str,
    port: int = 8883,
    say: Callable[[str], None],
) -> None:
    """Makes the folder of city hall and says what to do next.

    Raises:
        UsageError: the folder is in use, or the host is wrong.
        ConfigError: city, zone or port is wrong.
    """
    if not _HOST.fullmatch(host):
        raise UsageError(f"--host {host!r:.60}: give the name or address by which units reach it")
    if directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory}: is not empty; choose a new folder, nothing was changed")
    directory = directory.absolute()
    text = _cityhall_toml(city, zone, port)
    parse(text, name="init")
    for folder in ("broker/data", "collector", "units"):
        (directory / folder).mkdir(parents=True)
    authority = Authority.create(directory / "ca", city=city)
    shutil.copy(authority.root, directory / "broker/ca.crt")
    names = list(dict.fromkeys([host, "localhost", "127.0.0.1"]))
    broker = directory / "broker"
    authority.issue_server(names, certificate=broker / "server.crt", key=broker / "server.key")
    authority.issue_client(
        COLLECTOR,
        certificate=directory / "collector/collector.crt",
        key=directory / "collector/collector.key",
    )
    (broker / "mosquitto.conf").write_text(mosquitto(directory, port=port), encoding="utf-8")
    (directory / "cityhall.toml").write_text(text, encoding="utf-8")
    facts = {"host": host, "port": str(port), "city": city, "zone": zone}
    (directory / "office.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    Office(directory).write_access({}, [])
    for line in _next_steps(directory):
        say(line)


def add_unit(
    office: Office, unit: str, *, site: str, contact: str, say: Callable[[str], None]
) -> Path:
    """Issues a unit's certificate and makes the folder for its SD card; returns that folder.

    Raises:
        UsageError: the names are not fit, or the unit exists.
    """
    for option, value in (("unit", unit), ("--site", site)):
        _check_name(option, value)
    units, facts = office.units(), office.facts()
    if unit in units or unit in office.readers():
        raise UsageError(f"{unit}: exists; revoke it first, or choose another name")
    folder = office.directory / "units" / unit / "maskcam"
    if folder.exists():
        shutil.rmtree(folder.parent)  # of a unit that was revoked
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    office.authority.issue_client(
        unit, certificate=folder / "client.crt", key=folder / "client.key"
    )
    shutil.copy(office.authority.root, folder / "ca.crt")
    (folder / "maskcam.toml").write_text(_unit_toml(unit, site, facts, contact), encoding="utf-8")
    office.write_access({**units, unit: site}, office.readers())
    say(f"{folder}: copy this folder to the SD card (scripts/setup-unit CARD {folder})")
    say("fill in [notice] in its maskcam.toml: a unit without a sign does not count")
    say("tell the broker: systemctl reload mosquitto")
    return folder


def add_reader(office: Office, name: str, *, say: Callable[[str], None]) -> None:
    """Issues a certificate by which another program may read all counts and states.

    Raises:
        UsageError: the name is not fit, or is taken.
    """
    _check_name("reader", name)
    units, readers = office.units(), office.readers()
    if name in units or name in readers:
        raise UsageError(f"{name}: exists; revoke it first, or choose another name")
    folder = office.directory / "readers" / name
    if folder.exists():
        shutil.rmtree(folder)  # of one that was revoked
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    office.authority.issue_client(
        name, certificate=folder / "client.crt", key=folder / "client.key"
    )
    shutil.copy(office.authority.root, folder / "ca.crt")
    office.write_access(units, [*readers, name])
    say(f"{folder}: certificate, key and authority for {name}")
    say("tell the broker: systemctl reload mosquitto")


def revoke(office: Office, name: str, *, say: Callable[[str], None]) -> None:
    """Takes a unit's or a reader's right to connect.

    Raises:
        UsageError: there is none of this name.
    """
    units, readers = office.units(), office.readers()
    known = name in units or name in readers
    if name == COLLECTOR or not (
        known or (_SLUG.fullmatch(name) and office.authority.issued(name))
    ):
        raise UsageError(f"{name!r:.70}: there is none; see {office.directory}/units.json")
    if office.authority.issued(name):  # not if an earlier call was cut off half-way
        office.authority.revoke(name)
    office.write_access(
        {unit: site for unit, site in units.items() if unit != name},
        [reader for reader in readers if reader != name],
    )
    say(f"{name}: revoked; what it counted so far is kept")
    say("tell the broker: systemctl restart mosquitto")


def acl(units: Mapping[str, str], readers: Sequence[str] = ()) -> str:
    """Returns mosquitto's ACL: a unit writes its own two topics and reads nothing."""
    blocks = ["# Written by maskcam cityhall; the next add-unit or revoke-unit undoes changes."]
    reading = [f"topic read maskcam/v1/+/+/{kind}" for kind in ("count", "status")]
    announced = f"{PREFIX}/+/+/+/config"
    blocks.append("\n".join([f"user {COLLECTOR}", *reading, f"topic write {announced}"]))
    blocks += [
        "\n".join([f"user {reader}", *reading, f"topic read {announced}"])
        for reader in sorted(readers)
    ]
    for unit, site in sorted(units.items()):
        topic = f"maskcam/v1/{site}/{unit}"
        blocks.append(f"user {unit}\ntopic write {topic}/count\ntopic write {topic}/status")
    return "\n\n".join(blocks) + "\n"


def _check_name(option: str, value: str) -> None:
    if not _SLUG.fullmatch(value) or value in {config.IMAGE_DEFAULT_ID, COLLECTOR}:
        raise UsageError(
            f"{option} {value!r:.70}: use 1 to 63 small letters, digits and hyphens, "
            "beginning with a letter or digit"
        )


def mosquitto(directory: Path, *, port: int) -> str:
    """Returns a mosquitto configuration: mutual TLS, nothing else listens, nothing is dropped."""
    broker = directory / "broker"
    return f"""# Broker for maskcam: mosquitto -c this-file
per_listener_settings false
listener {port}
cafile {broker}/ca.crt
crlfile {broker}/revoked.crl
certfile {broker}/server.crt
keyfile {broker}/server.key
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {broker}/acl
# A collector that is away for days must find everything: the default limit of 1000
# messages would drop the rest. (0 for "no limit" is broken in mosquitto 2.0.11: it then
# disconnects whoever is refused a topic.)
max_queued_messages 100000000
max_inflight_messages 0
# Saved every ten seconds. What a killed broker had acknowledged since then, units send
# again; saving at every message would rewrite all that waits each time.
persistence true
persistence_location {broker}/data/
autosave_interval 10
message_size_limit 4096
max_keepalive 3600
set_tcp_nodelay true
"""


def _cityhall_toml(city: str, zone: str, port: int) -> str:
    return f"""# Configuration of city hall. A line that begins with "#" shows the default.

[city]
name = {json.dumps(city, ensure_ascii=False)}
zone = {json.dumps(zone)}            # days and hours are cut by these clocks; never change it later

[city.site_names]                # what people call the sites
# forville = "Marché Forville"

[database]
url = "sqlite:///cityhall.db"    # or "postgresql://user@host/maskcam"
# keep_windows_days = 400        # 0: for ever. Daily sums are always kept
# keep_hours_days = 0

[broker]
host = "localhost"
port = {port}
ca = "broker/ca.crt"
certificate = "collector/collector.crt"
key = "collector/collector.key"
# client_id = "maskcam-cityhall" # of each collector its own
# shared_group = ""              # a name: several collectors share the work
# home_assistant = false         # true: the units are announced to Home Assistant

[web]
# listen = "127.0.0.1"           # another address needs accounts and certificate and key
# port = 8080
accounts = true                  # add yourself: maskcam cityhall add-user NAME
# behind_proxy = false           # true: a proxy on this machine does HTTPS
# host_names = ["masques.example.org"]
"""


def _unit_toml(unit: str, site: str, facts: Mapping[str, str], contact: str) -> str:
    controller, zone = json.dumps(facts["city"], ensure_ascii=False), json.dumps(facts["zone"])
    return f"""# A maskcam unit; see `maskcam config example` for all keys.

[unit]
id = "{unit}"
site = "{site}"

[counting]
timezone = {zone}

[broker]
host = "{facts["host"]}"
port = {facts["port"]}
ca = "ca.crt"
certificate = "client.crt"
key = "client.key"

[notice]                      # what the sign on the pole says; without it the unit does not count
controller = {controller}
contact = {json.dumps(contact)}
# sign_date = 2026-05-01      # the day on which the sign was put up
"""


def _next_steps(directory: Path) -> list[str]:
    return [
        f"made {directory}",
        "next:",
        f"  1. copy {directory}/ca to a stick and keep it safe; who has ca.key can make units",
        f"  2. chown -R mosquitto {directory}/broker && systemctl stop mosquitto, then run",
        f"     mosquitto -c {directory}/broker/mosquitto.conf (see docs/cityhall.md)",
        f"  3. maskcam cityhall add-user NAME --config {directory}/cityhall.toml",
        f"  4. maskcam cityhall add-unit forville-01 --site forville "
        f"--config {directory}/cityhall.toml",
        f"  5. maskcam cityhall serve --config {directory}/cityhall.toml",
    ]


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    write_secret(fresh, text.encode())
    fresh.replace(path)
