"""The folder that `init` makes: what is in it, who may read it, and the files of the broker."""

from __future__ import annotations

import grp
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maskcam.cityhall.authority import Authority, write_secret
from maskcam.cityhall.broker_files import SUBSCRIPTIONS, access_list, subscription_rules
from maskcam.cityhall.registry import Registered, read_units, write_units
from maskcam.errors import UsageError

SERVICE = "maskcam-cityhall"
"""The system's user and group under which collector and dashboard run."""
BROKER = "mosquitto"
"""The system's group of the broker."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder that `init` makes.

    cityhall.toml    configuration of ``maskcam cityhall serve``
    cityhall.json    host, port and city, for `add-unit`
    units.json       what each unit was registered with; the collector reads it, too
    programs.json    collectors, and other programs that may read all counts
    ca/              the certificate authority; its key should not stay on a server
    broker/          mosquitto.conf, acl, subscriptions.json, server.crt, server.key, ca.crt,
                     revoked.crl
    collector/       collector.crt, collector.key
    server/          unit files of systemd, examples for nginx and Caddy
    units/ID/maskcam what goes on the SD card of a unit
    collectors/NAME  certificate and key of a further collector
    readers/NAME     certificate and key of a reader

    Args:
        directory: the folder.
        ca: where the certificate authority is, if it was moved away.
    """

    directory: Path
    ca: Path | None = None

    @property
    def authority(self) -> Authority:
        """The certificate authority."""
        place = self.ca or self.directory / "ca"
        if not (place / "ca.key").exists() and (self.directory / "cityhall.json").exists():
            raise UsageError(
                f"{place}: the certificate authority is not here; bring the folder back, "
                "or name its place: --ca FOLDER"
            )
        return Authority(place)

    def units(self) -> dict[str, Registered]:
        """Returns the units that may write, and what each was registered with."""
        self._read("units.json")
        return read_units(self.directory / "units.json")

    def programs(self, kind: str | None = None) -> dict[str, str]:
        """Returns collectors and readers by name, and of which kind each one is."""
        found: dict[str, str] = json.loads(self._read("programs.json"))
        return {name: of for name, of in found.items() if kind in {None, of}}

    def facts(self) -> dict[str, str]:
        """Returns what `init` was given."""
        found: dict[str, str] = json.loads(self._read("cityhall.json"))
        return found

    def write_access(
        self,
        *,
        units: Mapping[str, Registered] | None = None,
        programs: Mapping[str, str] | None = None,
    ) -> None:
        """Writes who may do what, the broker's access list and its list of revoked certificates."""
        units = self.units() if units is None else units
        programs = self.programs() if programs is None else programs
        write_units(self.directory / "units.json", units)
        replace_file(
            self.directory / "programs.json", json.dumps(dict(sorted(programs.items())), indent=1)
        )
        readers = [name for name, kind in programs.items() if kind == "reader"]
        access = access_list(
            {unit: registered.site for unit, registered in units.items()},
            collectors=[name for name, kind in programs.items() if kind == "collector"],
            readers=readers,
        )
        replace_file(self.directory / "broker/acl", access)
        rules = subscription_rules(units, readers=readers)
        replace_file(self.directory / "broker" / SUBSCRIPTIONS, rules)
        revoked = self.authority.revoked_list.read_text(encoding="ascii")
        replace_file(self.directory / "broker/revoked.crl", revoked)

    def give_to_services(self) -> None:
        """Lets the system's users of the broker and of city hall read what each one needs.

        Does nothing unless root calls it and the users exist.
        """
        share(self.directory / "cityhall.toml", SERVICE)
        for folder, group in (("broker", BROKER), ("collector", SERVICE)):
            share(self.directory / folder, group)
            for path in sorted((self.directory / folder).glob("*.key")):
                share(path, group)
        if share(self.directory / "broker/data", BROKER):
            (self.directory / "broker/data").chmod(0o770)

    def _read(self, name: str) -> str:
        try:
            return (self.directory / name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise UsageError(
                f"{self.directory}: is no folder made by maskcam cityhall init ({name} is missing)"
            ) from error
        except OSError as error:
            raise UsageError(
                f"{self.directory}/{name}: cannot be read ({error.strerror}); call it as root"
            ) from error


def replace_file(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Writes a file so that a reader finds the old text or the new one, never a part."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    write_secret(fresh, text.encode())
    fresh.chmod(mode)
    fresh.replace(path)


def share(path: Path, group: str) -> bool:
    """Lets a group of the system read a path; returns whether it was done (root, group exists)."""
    if os.geteuid() != 0:
        return False
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        return False
    os.chown(path, 0, number)
    path.chmod(0o750 if path.is_dir() else 0o640)
    return True
