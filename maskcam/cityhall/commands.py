"""The command line of city hall: ``maskcam cityhall …``."""

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maskcam.arguments import add_command
from maskcam.errors import MaskcamError, UsageError

EPILOG = """examples:
  maskcam cityhall demo
  maskcam cityhall init --directory /etc/maskcam-cityhall --host mqtt.example.org
  maskcam cityhall add-unit forville-01 --site forville --config cityhall.toml
  maskcam cityhall serve --config cityhall.toml
  maskcam cityhall revoke-unit forville-01
  maskcam cityhall add-reader home-assistant
  maskcam cityhall add-user martin
  maskcam cityhall add-token prometheus
  maskcam cityhall remove-user martin
  maskcam cityhall backup cityhall-copy.sqlite3
"""


def add_parser(subparsers: Any) -> None:
    """Registers ``cityhall`` and its commands; each sets ``run``, which returns the exit code."""
    parser = subparsers.add_parser(
        "cityhall",
        help="collector and dashboard for city hall",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="cityhall_command", required=True, metavar="COMMAND")

    serve = _command(commands, "serve", _serve, "run collector and dashboard")
    serve.add_argument(
        "--only",
        choices=("collector", "dashboard"),
        help="run one part; several collectors may share one database",
    )

    init = commands.add_parser(
        "init",
        help="make configuration, certificate authority and broker files",
        description="Makes a folder with all that city hall needs, and says what to do next.",
        epilog="example:\n  maskcam cityhall init --directory cityhall --host mqtt.example.org",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    init.add_argument("--directory", type=Path, required=True, metavar="DIR", help="a new folder")
    init.add_argument("--host", required=True, help="name or address by which units reach it")
    init.add_argument("--city", default="City", metavar="NAME", help="who is responsible")
    init.add_argument("--zone", default="Europe/Paris", help="clocks (default: Europe/Paris)")
    init.add_argument("--port", type=int, default=8883, metavar="N", help="of the broker")
    init.set_defaults(run=_init)

    add = _command(commands, "add-unit", _add_unit, "issue a unit's certificate and SD card folder")
    add.add_argument("unit", help="its id, for example forville-01")
    add.add_argument("--site", required=True, help="where it stands, for example forville")
    add.add_argument(
        "--contact", default="contact@example.org", metavar="MAIL", help="for the sign"
    )

    reader = _command(
        commands, "add-reader", _add_reader, "let another program read the counts from the broker"
    )
    reader.add_argument("name", help="for example home-assistant")

    revoke = _command(
        commands, "revoke-unit", _revoke_unit, "take a unit's or a reader's right to connect"
    )
    revoke.add_argument("unit", help="its id")

    user = _command(commands, "add-user", _add_user, "let a person in, or give a new password")
    user.add_argument("name", help="user name; the password is asked for (or read from stdin)")

    token = _command(commands, "add-token", _add_token, "let a program in; prints its token once")
    token.add_argument("name", help="what it is for, for example prometheus")

    remove = _command(
        commands, "remove-user", _remove_user, "take back a person's or a token's way in"
    )
    remove.add_argument("name", help="the name")

    backup = _command(commands, "backup", _backup, "copy the SQLite database while it is in use")
    backup.add_argument("target", type=Path, help="a new file")

    demo = commands.add_parser(
        "demo",
        help="an imagined city, two weeks old and alive",
        description="Runs 12 imagined units on 3 sites with a broker, collector and dashboard.",
        epilog="examples:\n  maskcam cityhall demo\n  maskcam cityhall demo --port 8080",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    demo.add_argument("--no-browser", action="store_true", help="only print the address")
    demo.set_defaults(run=_demo)


def main(arguments: list[str] | None = None) -> int:
    """Runs ``maskcam cityhall`` alone; returns the exit code."""
    parser = argparse.ArgumentParser(prog="maskcam")
    add_parser(parser.add_subparsers(dest="command", required=True))
    parsed = parser.parse_args(["cityhall", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        return int(parsed.run(parsed))
    except MaskcamError as error:
        _say(str(error), to=sys.stderr)
        return error.exit_code


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    examples = "\n".join(line for line in EPILOG.splitlines() if f" {name} " in f"{line} ")
    parser = add_command(commands, name, run, summary=text, examples=examples)
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("cityhall.toml"),
        metavar="FILE",
        help="configuration of city hall (default: cityhall.toml)",
    )
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    _log_to_stderr()
    from maskcam.cityhall.serve import serve
    from maskcam.cityhall.settings import load

    settings = load(arguments.config)
    serve(
        settings,
        part=arguments.only or "all",
        ready=lambda address: _say(f"dashboard: {address}" if address else "collector runs"),
    )
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.state_folder import init

    init(
        arguments.directory,
        host=arguments.host,
        city=arguments.city,
        zone=arguments.zone,
        port=arguments.port,
        say=_say,
    )
    return 0


def _add_unit(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.state_folder import StateFolder, add_unit

    state = StateFolder(arguments.config.absolute().parent)
    add_unit(state, arguments.unit, site=arguments.site, contact=arguments.contact, say=_say)
    return 0


def _add_reader(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.state_folder import StateFolder, add_reader

    add_reader(StateFolder(arguments.config.absolute().parent), arguments.name, say=_say)
    return 0


def _revoke_unit(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.state_folder import StateFolder, revoke

    revoke(StateFolder(arguments.config.absolute().parent), arguments.unit, say=_say)
    return 0


@contextmanager
def _accounts(arguments: argparse.Namespace) -> Iterator[Any]:
    _log_to_stderr()
    from maskcam.cityhall.accounts import Accounts
    from maskcam.cityhall.database import up_to_date
    from maskcam.cityhall.settings import load

    settings = load(arguments.config)
    with up_to_date(settings.database.url, zone=settings.city.zone_info) as engine:
        yield Accounts(engine)


def _add_user(arguments: argparse.Namespace) -> int:
    with _accounts(arguments) as accounts:
        if sys.stdin.isatty():
            password = getpass.getpass("password (10 characters or more): ")
            if getpass.getpass("again: ") != password:
                raise UsageError("the two passwords differ; nothing was changed")
        else:
            password = sys.stdin.readline().rstrip("\n")
        accounts.add_person(arguments.name, password)
    _say(f"{arguments.name}: may sign in")
    return 0


def _add_token(arguments: argparse.Namespace) -> int:
    with _accounts(arguments) as accounts:
        _say(accounts.add_program(arguments.name))
    return 0


def _remove_user(arguments: argparse.Namespace) -> int:
    with _accounts(arguments) as accounts:
        accounts.remove(arguments.name)
    _say(f"{arguments.name}: removed")
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    _log_to_stderr()
    from maskcam.cityhall.database import back_up
    from maskcam.cityhall.settings import load

    back_up(load(arguments.config).database.url, arguments.target)
    _say(f"{arguments.target}: written")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    _log_to_stderr()
    logging.getLogger().setLevel(logging.WARNING)
    from maskcam.cityhall.demo import demo

    demo(port=arguments.port, browser=not arguments.no_browser, say=_say)
    return 0


def _log_to_stderr() -> None:
    # Before alembic is imported: it tells of each of its plugins.
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _say(text: str, *, to: Any = None) -> None:
    stream = to or sys.stdout
    stream.write(text + "\n")
    stream.flush()
