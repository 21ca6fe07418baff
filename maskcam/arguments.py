"""What the parsers of all commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from maskcam.addresses import is_address, shown, shown_text
from maskcam.names import SLUG

CONFIG_FILE = Path("/etc/maskcam/maskcam.toml")

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as are those of its commands."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the call and where help is, and exits with 2."""
        self.exit(2, f"{self.prog}: error: {shown_text(message)}; see {self.prog} --help\n")


def add_command(
    commands: Any, name: str, function: Command, *, summary: str, examples: str
) -> argparse.ArgumentParser:
    """Adds a command whose ``--help`` ends with examples, and returns its parser."""
    parser = _parser(commands, name, summary=summary, examples=examples)
    parser.set_defaults(run=function)
    return parser


def add_group(commands: Any, name: str, *, summary: str, examples: str) -> Any:
    """Adds a command that has commands of its own, and returns where to add them."""
    parser = _parser(commands, name, summary=summary, examples=examples)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _parser(commands: Any, name: str, *, summary: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def positive(kind: type[float] | type[int], *, most: float = math.inf) -> Callable[[str], float]:
    """Returns an argument type for numbers above zero, up to `most`."""

    def convert(text: str) -> float:
        try:
            value = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from error
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"{text} must be above 0")
        if value > most:
            raise argparse.ArgumentTypeError(f"{text} must be {most} at most")
        return value

    return convert


def slug(text: str) -> str:
    """Reads the name of a unit or a site. An argument type."""
    if not SLUG.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not 1 to 63 small letters, digits and hyphens"
        )
    return text


def file_path(text: str) -> Path:
    """Reads the path of a file or folder; refuses an address, whose password is not shown.

    An argument type. What is there may have any name.
    """
    path = Path(text)
    if is_address(text) and not path.exists():
        raise argparse.ArgumentTypeError(f"give a file or folder, not an address: {shown(text)}")
    return path


def utc(text: str) -> datetime:
    """Reads a time; without a zone it is UTC. An argument type."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time such as 2026-05-04T08:00:00Z"
        ) from error
    if not 2020 <= moment.year <= 2099:  # as on the wire
        raise argparse.ArgumentTypeError(f"{text!r} is not in the years 2020 to 2099")
    return moment


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Adds ``--config FILE``."""
    parser.add_argument(
        "--config",
        type=file_path,
        default=CONFIG_FILE,
        metavar="FILE",
        help=f"the unit's configuration (default: {CONFIG_FILE})",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--model FILE`` and ``--threads N``."""
    parser.add_argument(
        "--model", type=file_path, metavar="FILE", help="a .tflite file in place of maskcam's own"
    )
    parser.add_argument(
        "--threads",
        type=positive(int, most=64),
        default=3,
        metavar="N",
        help="CPU threads, at most one for each core (default: 3, as on a unit)",
    )
