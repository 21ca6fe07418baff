"""The command line: reads arguments, calls one function, turns errors into one line.

Imports of the parts stand inside the functions that need them, so that
``--help`` is instant and a unit never loads what it does not use.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskcam import __version__
from maskcam.arguments import (
    Parser,
    add_command,
    add_config_file,
    add_group,
    add_model_options,
    positive,
    slug,
    utc,
)
from maskcam.cityhall import commands as cityhall
from maskcam.errors import CameraStalledError, InferenceStalledError, MaskcamError
from maskcam.evaluate import commands as evaluate
from maskcam.technician import commands as technician

if TYPE_CHECKING:
    from maskcam.records import MinuteCount


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    0: done; 1: failed at run time; 2: wrong call or configuration; 10 and 11:
    camera or accelerator stalled (see `maskcam.errors`); 130: ended by Ctrl-C.
    """
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except MaskcamError as error:
        for line in str(error).splitlines():
            print(f"maskcam: {line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("maskcam: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, say) has gone; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a disk that is full, a folder that may not be written
        logging.getLogger(__name__).debug("where it happened", exc_info=error)
        place = f"{error.filename}: " if error.filename else ""
        print(f"maskcam: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="maskcam",
        description="Counts passers-by with and without a face mask; tells only how many.",
        epilog=(
            "examples:\n"
            "  maskcam demo --minutes 3 --fast                  try it, nothing to set up\n"
            "  maskcam replay street.mp4 --min-people 1         the counts of a recording\n"
            "  maskcam config example > maskcam.toml            start a unit's configuration\n"
            "  maskcam check --config maskcam.toml              is this unit well?\n"
            "\neach command has examples of its own: maskcam COMMAND --help"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"maskcam {__version__}")
    parser.add_argument("--verbose", action="store_true", help="log more (never about persons)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_demo(commands)
    _add_replay(commands)
    _add_config(commands)
    # Their parsers import nothing but argparse.
    evaluate.add_parsers(commands)
    technician.add_parsers(commands)
    cityhall.add_parser(commands)
    return parser


def _add_run(commands: Any) -> None:
    parser = add_command(
        commands,
        "run",
        _run,
        summary="run the unit: count, and send the counts, until it is stopped",
        examples=(
            "  maskcam run --config maskcam.toml\n"
            "  MASKCAM_CAMERA_SOURCE=street.mp4 maskcam run --config maskcam.toml"
        ),
    )
    add_config_file(parser)


def _run(args: argparse.Namespace) -> int:
    from maskcam import config
    from maskcam.unit import run

    try:
        run.run(config.load(args.config))
    except (CameraStalledError, InferenceStalledError) as error:
        # A driver that hangs would hold an ordinary exit; systemd starts us again.
        print(f"maskcam: {error}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)
    return 0


def _add_demo(commands: Any) -> None:
    parser = add_command(
        commands,
        "demo",
        _demo,
        summary="count people in a rendered street or a video, nothing to set up",
        examples=(
            "  maskcam demo                       live, until Ctrl-C\n"
            "  maskcam demo --minutes 3 --fast    three minutes, as fast as the machine can\n"
            "  maskcam demo --source street.mp4\n"
            "  maskcam demo --source v4l2:/dev/video0"
        ),
    )
    parser.add_argument(
        "--source", metavar="SOURCE", help="a video file, v4l2:DEVICE or rtsp://..."
    )
    parser.add_argument("--minutes", type=positive(float), metavar="N", help="end after N minutes")
    parser.add_argument("--fast", action="store_true", help="do not wait for the scene's clock")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another street (default: 1)"
    )
    parser.add_argument(
        "--people-per-minute",
        type=positive(float),
        default=12.0,
        metavar="N",
        help="how busy it is (default: 12)",
    )
    parser.add_argument(
        "--min-people",
        type=positive(int),
        default=1,
        metavar="N",
        help="smallest number told alone (default here: 1, every minute; on a unit: 5)",
    )
    add_model_options(parser)


def _demo(args: argparse.Namespace) -> int:
    from maskcam.unit import demo

    return demo.demo(
        source=args.source,
        minutes=args.minutes,
        fast=args.fast,
        seed=args.seed,
        people_per_minute=args.people_per_minute,
        min_people=args.min_people,
        model=args.model,
        threads=args.threads,
    )


def _add_replay(commands: Any) -> None:
    parser = add_command(
        commands,
        "replay",
        _replay,
        summary="run the whole chain on a recorded file, on the file's own time",
        examples=(
            "  maskcam replay market.mp4 --json\n"
            "  maskcam replay market.mp4 --json --start 2026-05-04T08:00:00Z --min-people 1"
        ),
    )
    parser.add_argument("video", type=Path, metavar="VIDEO", help="a file that OpenCV reads")
    parser.add_argument(
        "--json", action="store_true", help="print the count messages, one JSON a line"
    )
    parser.add_argument(
        "--start",
        type=utc,
        default=datetime(2000, 1, 1, tzinfo=UTC),
        metavar="TIME",
        help="UTC of the first frame (default: 2000-01-01T00:00:00Z)",
    )
    parser.add_argument(
        "--site", type=slug, default="replay", help="in the messages (default: replay)"
    )
    parser.add_argument(
        "--unit", type=slug, default="replay-01", help="in the messages (default: replay-01)"
    )
    parser.add_argument(
        "--preset",
        choices=["standard", "decree"],
        default="standard",
        help="how windows are merged (default: standard)",
    )
    parser.add_argument(
        "--min-people",
        type=positive(int),
        metavar="N",
        help="smallest number told alone (default: the preset's, 5 or 10)",
    )
    parser.add_argument(
        "--detect-fps",
        type=positive(float),
        metavar="N",
        help="imitate a slower detector (default: every frame)",
    )
    add_model_options(parser)


def _replay(args: argparse.Namespace) -> int:
    from maskcam.delivery import wire
    from maskcam.people.windows import Rules
    from maskcam.unit import replay

    for count in replay.replay(
        args.video,
        start=args.start,
        rules=Rules.preset(args.preset, min_people=args.min_people),
        detect_fps=args.detect_fps,
        model=args.model,
        threads=args.threads,
        progress=sys.stderr.isatty(),
    ):
        if args.json:
            print(wire.encode_count(count, site=args.site, unit=args.unit).decode(), flush=True)
        else:
            print(_in_words(count), flush=True)
    return 0


def _in_words(count: MinuteCount) -> str:
    begins = f"{count.start:%Y-%m-%d %H:%M} UTC, {count.minutes} min"
    if count.suppressed:
        return f"{begins}: too few people to be told (observed {count.observed_s:.0f} s)"
    return (
        f"{begins}: {count.people} people, {count.with_mask} with mask, {count.without_mask} "
        f"without, {count.incorrect} worn incorrectly, {count.unclear} unclear "
        f"(observed {count.observed_s:.0f} s)"
    )


def _add_config(commands: Any) -> None:
    show_example = (
        "  maskcam config show --config maskcam.toml\n"
        "  MASKCAM_BROKER_PORT=1883 maskcam config show --config maskcam.toml"
    )
    start_example = "  maskcam config example > maskcam.toml"
    kinds = add_group(
        commands,
        "config",
        summary="check, show or start a configuration",
        examples=f"{start_example}\n{show_example}",
    )
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


def _config_show(args: argparse.Namespace) -> int:
    from maskcam import config

    print(config.load(args.config).model_dump_json(indent=2))
    return 0


def _config_example(args: argparse.Namespace) -> int:
    from maskcam import config

    del args
    print(config.example(), end="")
    return 0
