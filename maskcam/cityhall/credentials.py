"""Lets units, collectors and readers in, and takes the right back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from maskcam.cityhall.broker_files import COLLECTOR, bridge_conf
from maskcam.cityhall.generated import unit_toml
from maskcam.cityhall.new_units import NewUnit, check_name
from maskcam.cityhall.state_folder import SERVICE, StateFolder, share
from maskcam.errors import UsageError
from maskcam.names import SLUG

RESTART = "let the broker know: systemctl restart mosquitto"
_FOLDERS = {"collector": "collectors", "reader": "readers"}


def add_units(state: StateFolder, wanted: Sequence[NewUnit], *, say: Callable[[str], None]) -> None:
    """Issues certificates and makes the folders for the SD cards: all of them, or none.

    Raises:
        UsageError: a name is not fit or taken, a contact is missing, a text is that of an example.
    """
    units, programs, facts = state.units(), state.programs(), state.facts()
    taken = {*units, *programs}
    for unit in wanted:
        unit.check(city=facts["city"])
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
    say(RESTART)


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
    check_name(kind, name)
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
    else:
        there = Path("/etc/mosquitto/certs") / name
        host, port = state.facts()["host"], int(state.facts()["port"])
        bridge = bridge_conf(host, port, folder=there, name=name)
        (folder / "bridge.conf").write_text(bridge, encoding="utf-8")
    state.write_access(programs={**programs, name: kind})
    say(f"{folder}: certificate, key and authority for {name}")
    if kind == "collector":
        say("in its cityhall.toml under [broker]: certificate and key from there, a shared_group")
    else:
        say("bridge.conf there is for another mosquitto that fetches the counts")
    say(RESTART)


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
