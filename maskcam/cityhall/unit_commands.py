"""Commands for what connects to the broker: units, collectors, readers."""

from __future__ import annotations

import argparse
import json
from typing import Any

from maskcam.arguments import file_path
from maskcam.cityhall.speech import say

EXAMPLES = """\
  maskcam cityhall add-unit forville-01 --site forville --contact 'tel. 01 23 45 67 89'
  maskcam cityhall add-unit --from units.csv
  maskcam cityhall list-units
  maskcam cityhall revoke-unit forville-01
  maskcam cityhall add-collector cityhall-2
  maskcam cityhall add-reader home-assistant
"""


def add_unit_commands(command: Any) -> None:
    """Registers the commands; `command` makes a parser, as in `commands.py`."""
    add = command("add-unit", _add_unit, "issue a unit's certificate and SD card folder")
    add.set_defaults(parser=add)
    add.add_argument("unit", nargs="?", help="its id, for example forville-01")
    add.add_argument("--site", help="where it stands, for example forville")
    add.add_argument("--contact", metavar="TEXT", help="for the sign: address or telephone number")
    add.add_argument("--controller", default="", metavar="NAME", help="default: the city of init")
    add.add_argument("--preset", choices=("standard", "decree"), default="standard")
    add.add_argument("--exact", action="store_true", help="numbers without noise")
    add.add_argument(
        "--from",
        dest="table",
        type=file_path,
        metavar="CSV",
        help="many at once: columns unit,site,contact and, if you like, controller,preset,exact",
    )
    _add_authority(add)

    listed = command("list-units", _list_units, "list the units that may connect")
    listed.add_argument("--json", action="store_true", help="for programs")

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
    from maskcam.cityhall.credentials import NewUnit, add_units, read_new_units

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
                controller=arguments.controller,
                preset=arguments.preset,
                exact=arguments.exact,
            )
        ]
    add_units(_state(arguments), wanted, say=say)
    return 0


def _list_units(arguments: argparse.Namespace) -> int:
    units = _state(arguments).units()
    if arguments.json:
        from dataclasses import asdict

        say(json.dumps({name: asdict(unit) for name, unit in sorted(units.items())}))
        return 0
    say(f"{'unit':<24} {'site':<24} {'minutes':>7}  noise")
    for name, unit in sorted(units.items()):
        noise = "exact" if unit.epsilon is None else f"epsilon {unit.epsilon:g}"
        say(f"{name:<24} {unit.site:<24} {unit.minutes:>7}  {noise}")
    return 0


def _add_collector(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import add_program

    add_program(_state(arguments), arguments.name, kind="collector", say=say)
    return 0


def _add_reader(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import add_program

    add_program(_state(arguments), arguments.name, kind="reader", say=say)
    return 0


def _revoke_unit(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.credentials import revoke

    revoke(_state(arguments), arguments.unit, say=say)
    return 0
