"""The command line of city hall: ``maskcam cityhall …``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from maskcam.errors import MaskcamError

EPILOG = """examples:
  maskcam cityhall demo
  maskcam cityhall init --directory /etc/maskcam-cityhall --host mqtt.example.org
  maskcam cityhall add-unit forville-01 --site forville --config cityhall.toml
  maskcam cityhall serve --config cityhall.toml
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
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("cityhall.toml"),
        metavar="FILE",
        help="configuration of city hall (default: cityhall.toml)",
    )
    parser.set_defaults(run=run)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.serve import serve
    from maskcam.cityhall.settings import load

    _log_to_stderr()
    settings = load(arguments.config)
    serve(
        settings,
        part=arguments.only or "all",
        ready=lambda address: _say(f"dashboard: {address}" if address else "collector runs"),
    )
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from maskcam.cityhall.demo import demo

    logging.getLogger().setLevel(logging.WARNING)
    demo(port=arguments.port, browser=not arguments.no_browser, say=_say)
    return 0


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _say(text: str, *, to: Any = None) -> None:
    stream = to or sys.stdout
    stream.write(text + "\n")
    stream.flush()
