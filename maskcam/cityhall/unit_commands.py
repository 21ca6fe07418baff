"""Commands for what connects to the broker: units, collectors, readers."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from maskcam.arguments import file_path
from maskcam.cityhall.speech import say
from maskcam.errors import MaskcamError, UsageError

EXAMPLES = """\
  maskcam cityhall add-unit forville-01 --site forville --contact 'tel. 01 23 45 67 89'
  maskcam cityhall add-unit --from units.csv
  maskcam cityhall place-unit forville-01 --latitude 43.5519 --longitude 7.0128
  maskcam cityhall list-units
  maskcam cityhall revoke-unit forville-01
  maskcam cityhall add-collector cityhall-2
  maskcam cityhall add-reader home-assistant
"""


def add_unit_commands(command: Any) -> None:
    """Registers the commands; `command` makes a parser, as in `commands.py`."""
    _add_adding(command)
    _add_placing(command)

    listed = command("list-units", _list_units, "list the units that may connect")
    listed.add_argument("--json", action="store_true", help="print JSON instead of a table")

    for name, run, text in (
        ("add-collector", _add_collector, "issue the certificate of a further collector"),
        ("add-reader", _add_reader, "let another program read the counts from the broker"),
    ):
        program = command(name, run, text)
        program.add_argument("name", help="for example cityhall-2, home-assistant")
        _add_authority(program)

    revoke = command("revoke-unit", _revoke_unit, "take a unit's or a program's right to connect")
    revoke.add_argument("unit", help="its id or name")
    _add_authority(revoke)


def _add_adding(command: Any) -> None:
    add = command("add-unit", _add_unit, "issue a unit's certificate and SD card folder")
    add.set_defaults(parser=add)
    add.add_argument("unit", nargs="?", help="its id, for example forville-01")
    add.add_argument("--site", help="where it stands, for example forville")
    add.add_argument("--contact", metavar="TEXT", help="for the sign: address or telephone number")
    add.add_argument(
        "--controller",
        default="",
        metavar="NAME",
        help="for the sign: who is responsible (default: the city of init)",
    )
    add.add_argument("--preset", choices=("standard", "decree"), default="standard")
    add.add_argument("--exact", action="store_true", help="numbers without noise")
    for kind in ("minute", "hour"):
        add.add_argument(
            f"--epsilon-{kind}",
            type=float,
            default=1.0,
            metavar="N",
            help=f"of the noise of each {kind}, 0.1 to 4 (default: 1)",
        )
    add.add_argument(
        "--language", choices=("en", "fr"), default="en", help="of the technician (default: en)"
    )
    _add_position(add)
    add.add_argument(
        "--from",
        dest="table",
        type=file_path,
        metavar="CSV",
        help="many at once: columns unit,site,contact and, if you like, controller,preset,exact,"
        "epsilon_minute,epsilon_hour,language,latitude,longitude",
    )
    _add_authority(add)


def _add_placing(command: Any) -> None:
    place = command("place-unit", _place_unit, "note where a unit stands, for the map")
    place.set_defaults(parser=place)
    place.add_argument("unit", nargs="?", help="its id")
    _add_position(place)
    place.add_argument(
        "--from",
        dest="table",
        type=file_path,
        metavar="CSV",
        help="many at once: columns unit,latitude,longitude; others are left alone",
    )


def _add_position(parser: argparse.ArgumentParser) -> None:
    for name, example in (("latitude", "43.5519"), ("longitude", "7.0128")):
        parser.add_argument(
            f"--{name}", metavar="DEG", help=f"of its pole, in degrees (WGS 84): {example}"
        )


def _add_authority(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca",
        type=file_path,
        metavar="FOLDER",
        help="the certificate authority, if it was moved away",
    )


def _state(arguments: argparse.Namespace) -> Any:
    from maskcam.cityhall.state_folder import StateFolder

    return StateFolder(arguments.config.absolute().parent, ca=getattr(arguments, "ca", None))


def _add_unit(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import add_units
    from maskcam.cityhall.new_units import NewUnit, read_new_units
    from maskcam.cityhall.positions import read_position

    state = _state(arguments)
    if arguments.table is not None:
        if arguments.unit or arguments.site:
            arguments.parser.error("give --from, or one unit with --site and --contact")
        wanted = read_new_units(arguments.table)
    else:
        missing = [f"--{name}" for name in ("site", "contact") if not getattr(arguments, name)]
        if not arguments.unit or missing:
            what = " and ".join(missing) or "a unit"
            arguments.parser.error(f"{what} is missing (or give --from FILE.csv)")
        wanted = [
            NewUnit(
                name=arguments.unit,
                site=arguments.site,
                contact=arguments.contact,
                controller=arguments.controller or _ask_controller(state.facts()["city"]),
                preset=arguments.preset,
                exact=arguments.exact,
                epsilon_minute=arguments.epsilon_minute,
                epsilon_hour=arguments.epsilon_hour,
                language=arguments.language,
                position=read_position(
                    arguments.latitude, arguments.longitude, where=arguments.unit
                ),
            )
        ]
    add_units(state, wanted, say=say)
    _note(arguments, "add unit", *(unit.name for unit in wanted))
    return 0


def _ask_controller(city: str) -> str:
    """Returns who is responsible for a unit, asked at a terminal where `init` named no city.

    Returns "" elsewhere; the unit then refuses to run until its configuration names somebody.
    """
    if city or not sys.stdin.isatty():
        return ""
    answer = input("who is responsible, for the sign (next time: --controller): ").strip()
    if not answer:
        raise UsageError("give --controller: who is responsible, for the sign")
    return answer


def _place_unit(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.positions import place_units, read_position, read_positions

    position = read_position(arguments.latitude, arguments.longitude, where="place-unit")
    if arguments.table is not None and not (arguments.unit or position):
        wanted = read_positions(arguments.table)
    elif arguments.table is None and arguments.unit and position:
        wanted = {arguments.unit: position}
    else:
        arguments.parser.error("give a unit with --latitude and --longitude, or --from FILE.csv")
    place_units(_state(arguments), wanted)
    say(f"placed: {len(wanted)}; the map shows a site in the middle of its units")
    _note(arguments, "place unit", *wanted)
    return 0


def _list_units(arguments: argparse.Namespace) -> int:
    units = _state(arguments).units()
    if arguments.json:
        from dataclasses import asdict

        say(json.dumps({name: asdict(unit) for name, unit in sorted(units.items())}))
        return 0
    say(f"{'unit':<24} {'site':<24} {'minutes':>7}  {'noise':<12} position")
    for name, unit in sorted(units.items()):
        noise = "exact" if unit.epsilon is None else f"epsilon {unit.epsilon:g}"
        place = "-" if unit.latitude is None else f"{unit.latitude:.5f} {unit.longitude:.5f}"
        say(f"{name:<24} {unit.site:<24} {unit.minutes:>7}  {noise:<12} {place}")
    return 0


def _add_collector(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import add_program

    add_program(_state(arguments), arguments.name, kind="collector", say=say)
    _note(arguments, "add collector", arguments.name)
    return 0


def _add_reader(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import add_program

    add_program(_state(arguments), arguments.name, kind="reader", say=say)
    _note(arguments, "add reader", arguments.name)
    return 0


def _revoke_unit(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import revoke

    revoke(_state(arguments), arguments.unit, say=say)
    _note(arguments, "revoke", arguments.unit)
    return 0


def _note(arguments: argparse.Namespace, what: str, *names: str) -> None:
    """Writes what was done into the audit log, if there is a database yet."""
    from maskcam.cityhall.audit import Audit, system_user
    from maskcam.cityhall.database import opened, sqlite_file
    from maskcam.cityhall.settings import load

    try:
        file = sqlite_file(load(arguments.config).database.url)
        if file is not None and not file.exists():
            return
        with opened(arguments.config) as engine:
            audit = Audit(engine)
            for name in names:
                audit.note(system_user(), what, name)
    except MaskcamError as error:
        say(f"done, but not in the audit log: {error}", to=sys.stderr)
