"""The command line: reads arguments, calls one function, turns errors into one line.

Imports of the parts stand inside the functions that need them, so that
``--help`` is instant and a unit never loads what it does not use.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskcam import __version__
from maskcam.arguments import (
    Parser,
    add_command,
    add_config_file,
    add_group,
)
from maskcam.cityhall import commands as cityhall
from maskcam.errors import MaskcamError
from maskcam.evaluate import commands as evaluate
from maskcam.names import printable
from maskcam.technician import commands as technician
from maskcam.unit import commands as unit

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    0: done; 1: failed at run time; 2: wrong call or configuration; 10 and 11:
    camera or accelerator stalled (see `maskcam.errors`); 130: ended by Ctrl-C.
    """
    _open_closed_streams()
    try:
        args = _parser().parse_args(argv)
    except SystemExit as ended:  # of --help, whose reader may have gone, or a wrong call
        code = int(ended.code or 0)
        sys.exit(exit_code_of(lambda: code))
    if isinstance(sys.stdout, io.TextIOWrapper):  # it may show a file's name that is no text
        sys.stdout.reconfigure(errors="backslashreplace")
    log_to_stderr(level=logging.DEBUG if args.verbose else logging.INFO)
    return exit_code_of(lambda: int(args.run(args)))


def _open_closed_streams() -> None:
    """Opens /dev/null in place of the standard streams that are closed.

    Else the first file that is opened, such as the outbox, would get the number of one of them,
    and with it whatever native code writes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def log_to_stderr(*, level: int = logging.INFO) -> None:
    """Sends the log of this process to the standard error, and what ends a thread with it."""
    logging.basicConfig(
        level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    threading.excepthook = _on_thread_failure


def _on_thread_failure(failure: threading.ExceptHookArgs) -> None:
    name = failure.thread.name if failure.thread else "?"
    if failure.exc_value is not None:
        _log.error("thread %s ended: %s", name, _fault_of(failure.exc_value))


def _fault_of(error: BaseException) -> str:
    """Returns where maskcam itself failed. Not the error's text: it may hold what is of a person.

    With --verbose the log has the calls that led there, without their values.
    """
    calls = _log_calls(error)
    place = f" in {Path(calls[-1].filename).name}, line {calls[-1].lineno}" if calls else ""
    return f"unexpected {type(error).__name__}{place}"


def _log_calls(error: BaseException) -> traceback.StackSummary:
    """Logs and returns the calls that led to an error.

    Not what it, or an error that passed when it came, says: see `_fault_of`.
    """
    calls = traceback.extract_tb(error.__traceback__)
    _log.debug("where it happened:\n%s", "".join(calls.format()).rstrip())
    return calls


def exit_code_of(command: Callable[[], int]) -> int:
    """Calls a command and returns its exit code; an error becomes one line and a code."""
    try:
        code = command()
        sys.stdout.flush()
    except MaskcamError as error:
        for line in str(error).splitlines():
            print(f"maskcam: {printable(line)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("maskcam: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _give_up_stdout()  # the reader (head, say) has gone
        return 1
    except OSError as error:  # a disk that is full, a folder that may not be written
        _log_calls(error)
        place = f"{printable(str(error.filename))}: " if error.filename else ""
        print(f"maskcam: {place}{error.strerror or error}", file=sys.stderr)
        _give_up_stdout()
        return 1
    except Exception as error:  # noqa: BLE001 - a fault of maskcam: one line of it, too
        print(f"maskcam: {_fault_of(error)}; please report it, with --verbose", file=sys.stderr)
        return 1
    return code


def _give_up_stdout() -> None:
    """Throws away what the standard output does not take, or Python would complain at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="maskcam",
        description="Counts passers-by with and without a face mask; publishes only how many.",
        epilog=(
            "examples:\n"
            "  maskcam demo --minutes 3 --fast                  try it, nothing to set up\n"
            "  maskcam replay street.mp4 --exact                the counts of a recording\n"
            "  maskcam config example > maskcam.toml            start a unit's configuration\n"
            "  maskcam check --config maskcam.toml              is this unit well?\n"
            "\neach command has examples of its own: maskcam COMMAND --help"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"maskcam {__version__}")
    parser.add_argument("--verbose", action="store_true", help="log more (never about persons)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    # Their parsers import nothing but argparse.
    unit.add_parsers(commands)
    _add_config(commands)
    evaluate.add_parsers(commands)
    technician.add_parsers(commands)
    cityhall.add_parser(commands)
    return parser


def _add_config(commands: Any) -> None:
    show_example = (
        "  maskcam config show --config maskcam.toml\n"
        "  MASKCAM_BROKER_PORT=1883 maskcam config show --config maskcam.toml"
    )
    check_example = "  maskcam config check --config maskcam.toml"
    start_example = "  maskcam config example > maskcam.toml"
    kinds = add_group(
        commands,
        "config",
        summary="check, show or start a configuration",
        examples=f"{start_example}\n{check_example}\n{show_example}",
    )
    check = add_command(
        kinds,
        "check",
        _config_check,
        summary="check a configuration; says every fault of it",
        examples=check_example,
    )
    add_config_file(check)
    show = add_command(
        kinds,
        "show",
        _config_show,
        summary="check a configuration and print every value in force",
        examples=show_example,
    )
    add_config_file(show)
    add_command(
        kinds,
        "example",
        _config_example,
        summary="print the example configuration, every key explained",
        examples=start_example,
    )


def _config_check(args: argparse.Namespace) -> int:
    from maskcam import config

    config.refuse_examples(config.load(args.config))
    print(f"{args.config}: is a valid configuration")
    return 0


def _config_show(args: argparse.Namespace) -> int:
    from maskcam import addresses, config, fields

    loaded = config.load(args.config)
    source = addresses.shown(loaded.camera.source)
    print(fields.as_json(replace(loaded, camera=replace(loaded.camera, source=source))))
    return 0


def _config_example(args: argparse.Namespace) -> int:
    from maskcam import config

    del args
    print(config.example(), end="")
    return 0
