"""``init``, ``add-unit`` and ``revoke-unit``: the files that city hall and its units need."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskcam.cityhall.authority import Authority, write_secret
from maskcam.cityhall.generated import COLLECTOR, acl, cityhall_toml, mosquitto_conf, unit_toml
from maskcam.cityhall.settings import parse
from maskcam.errors import UsageError
from maskcam.names import SLUG, SLUG_RULE, UNCONFIGURED

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder that `init` makes.

    cityhall.toml    configuration of ``maskcam cityhall serve``
    cityhall.json      host, port and city, for `add-unit`
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
        found: dict[str, str] = json.loads(self._read("cityhall.json"))
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
    text = cityhall_toml(city, zone, port)
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
    (broker / "mosquitto.conf").write_text(mosquitto_conf(directory, port=port), encoding="utf-8")
    (directory / "cityhall.toml").write_text(text, encoding="utf-8")
    facts = {"host": host, "port": str(port), "city": city, "zone": zone}
    (directory / "cityhall.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    StateFolder(directory).write_access({}, [])
    for line in _next_steps(directory):
        say(line)


def add_unit(
    state: StateFolder, unit: str, *, site: str, contact: str, say: Callable[[str], None]
) -> Path:
    """Issues a unit's certificate and makes the folder for its SD card; returns that folder.

    Raises:
        UsageError: the names are not fit, or the unit exists.
    """
    for option, value in (("unit", unit), ("--site", site)):
        _check_name(option, value)
    units, facts = state.units(), state.facts()
    if unit in units or unit in state.readers():
        raise UsageError(f"{unit}: exists; revoke it first, or choose another name")
    folder = state.directory / "units" / unit / "maskcam"
    if folder.exists():
        shutil.rmtree(folder.parent)  # of a unit that was revoked
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    state.authority.issue_client(unit, certificate=folder / "client.crt", key=folder / "client.key")
    shutil.copy(state.authority.root, folder / "ca.crt")
    (folder / "maskcam.toml").write_text(unit_toml(unit, site, facts, contact), encoding="utf-8")
    state.write_access({**units, unit: site}, state.readers())
    say(f"{folder}: copy this folder to the SD card (scripts/setup-unit CARD {folder})")
    say("fill in [notice] in its maskcam.toml: a unit without a sign does not count")
    say("tell the broker: systemctl reload mosquitto")
    return folder


def add_reader(state: StateFolder, name: str, *, say: Callable[[str], None]) -> None:
    """Issues a certificate by which another program may read all counts and states.

    Raises:
        UsageError: the name is not fit, or is taken.
    """
    _check_name("reader", name)
    units, readers = state.units(), state.readers()
    if name in units or name in readers:
        raise UsageError(f"{name}: exists; revoke it first, or choose another name")
    folder = state.directory / "readers" / name
    if folder.exists():
        shutil.rmtree(folder)  # of one that was revoked
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    state.authority.issue_client(name, certificate=folder / "client.crt", key=folder / "client.key")
    shutil.copy(state.authority.root, folder / "ca.crt")
    state.write_access(units, [*readers, name])
    say(f"{folder}: certificate, key and authority for {name}")
    say("tell the broker: systemctl reload mosquitto")


def revoke(state: StateFolder, name: str, *, say: Callable[[str], None]) -> None:
    """Takes a unit's or a reader's right to connect.

    Raises:
        UsageError: there is none of this name.
    """
    units, readers = state.units(), state.readers()
    known = name in units or name in readers
    if name == COLLECTOR or not (known or (SLUG.fullmatch(name) and state.authority.issued(name))):
        raise UsageError(f"{name!r:.70}: there is none; see {state.directory}/units.json")
    if state.authority.issued(name):  # not if an earlier call was cut off half-way
        state.authority.revoke(name)
    state.write_access(
        {unit: site for unit, site in units.items() if unit != name},
        [reader for reader in readers if reader != name],
    )
    say(f"{name}: revoked; what it counted so far is kept")
    say("tell the broker: systemctl restart mosquitto")


def _check_name(option: str, value: str) -> None:
    if not SLUG.fullmatch(value) or value in {UNCONFIGURED, COLLECTOR}:
        raise UsageError(f"{option} {value!r:.70}: {SLUG_RULE}")


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
