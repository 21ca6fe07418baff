"""The command line of city hall: ``maskcam cityhall …``."""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

from maskcam.arguments import add_command, add_group, file_path
from maskcam.cityhall.account_commands import EXAMPLES as ACCOUNT_EXAMPLES
from maskcam.cityhall.account_commands import add_account_commands
from maskcam.cityhall.database_commands import EXAMPLES as DATABASE_EXAMPLES
from maskcam.cityhall.database_commands import add_database_commands
from maskcam.cityhall.speech import log_to_stderr, say
from maskcam.cityhall.unit_commands import EXAMPLES as UNIT_EXAMPLES
from maskcam.cityhall.unit_commands import add_unit_commands
from maskcam.errors import MaskcamError

EXAMPLES = f"""\
  maskcam cityhall demo
  maskcam cityhall init --directory /etc/maskcam-cityhall --host mqtt.example.org
  maskcam cityhall serve --config cityhall.toml
{UNIT_EXAMPLES}{ACCOUNT_EXAMPLES}{DATABASE_EXAMPLES}"""


def add_parser(subparsers: Any) -> None:
    """Registers ``cityhall`` and its commands; each sets ``run``, which returns the exit code."""
    commands = add_group(
        subparsers,
        "cityhall",
        summary="collect, show and administer the counts at city hall",
        examples=EXAMPLES,
    )

    serve = _command(commands, "serve", _serve, "run collector and dashboard")
    serve.add_argument(
        "--only",
        choices=("collector", "dashboard"),
        help="run one part in this process (default: both, in a process each)",
    )

    _add_init(commands)
    add_unit_commands(partial(_command, commands))
    add_account_commands(partial(_command, commands))
    add_database_commands(partial(_command, commands))
    _add_demo(commands)


def main(arguments: list[str] | None = None) -> int:
    """Runs ``maskcam cityhall`` alone; returns the exit code."""
    parser = argparse.ArgumentParser(prog="maskcam")
    add_parser(parser.add_subparsers(dest="command", required=True))
    parsed = parser.parse_args(["cityhall", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        return int(parsed.run(parsed))
    except MaskcamError as error:
        say(str(error), to=sys.stderr)
        return error.exit_code


def _add_init(commands: Any) -> None:
    parser = add_command(
        commands,
        "init",
        _init,
        summary="make configuration, certificate authority and broker files in a new folder",
        examples="  maskcam cityhall init --directory cityhall --host mqtt.example.org",
    )
    parser.add_argument(
        "--directory", type=file_path, required=True, metavar="DIR", help="a new folder"
    )
    parser.add_argument("--host", required=True, help="name or address by which units reach it")
    parser.add_argument("--city", metavar="NAME", help="who is responsible; stands on the signs")
    parser.add_argument("--zone", default="Europe/Paris", help="time zone (default: Europe/Paris)")
    parser.add_argument(
        "--port", type=int, default=8883, metavar="N", help="of the broker (default: 8883)"
    )


def _add_demo(commands: Any) -> None:
    parser = add_command(
        commands,
        "demo",
        _demo,
        summary="show the dashboard of an imagined city: two weeks of counts, 12 units that go on",
        examples="  maskcam cityhall demo\n  maskcam cityhall demo --port 8080",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="of the dashboard (default: a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    examples = "\n".join(line for line in EXAMPLES.splitlines() if f" {name} " in f"{line} ")
    parser = add_command(commands, name, run, summary=text, examples=examples)
    parser.add_argument(
        "--config",
        type=file_path,
        default=Path("cityhall.toml"),
        metavar="FILE",
        help="configuration of city hall (default: cityhall.toml)",
    )
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    from maskcam.cityhall.settings import load

    settings = load(arguments.config)
    if arguments.only is None:
        from maskcam.cityhall.pair import serve_pair

        return serve_pair(arguments.config, ready=say)
    from maskcam.cityhall.serve import serve

    serve(
        settings,
        part=arguments.only,
        ready=lambda address: say(f"dashboard: {address}" if address else "collector runs"),
    )
    return 0


def _init(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.first_setup import init

    init(
        arguments.directory,
        host=arguments.host,
        city=arguments.city,
        zone=arguments.zone,
        port=arguments.port,
        say=say,
    )
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    log_to_stderr()
    logging.getLogger().setLevel(logging.WARNING)
    from maskcam.cityhall.demo import demo

    demo(port=arguments.port, browser=not arguments.no_browser, say=say)
    return 0
