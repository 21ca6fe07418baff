"""``maskcam run``, ``demo`` and ``replay``: their arguments, and what they call.

Imports of the parts stand inside the functions that need them: ``--help`` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from maskcam.arguments import (
    add_command,
    add_config_file,
    add_model_options,
    file_path,
    positive,
    slug,
    utc,
)
from maskcam.errors import CameraStalledError, InferenceStalledError

if TYPE_CHECKING:
    from pathlib import Path

    from maskcam.records import MinuteCount
    from maskcam.unit.run import Edges


_REPLAY_EXAMPLES = """\
  maskcam replay market.mp4 --json
  maskcam replay market.mp4 --json --start 2026-05-04T08:00:00Z --hours
  maskcam replay market.mp4 --exact    a video of your own, without noise

Whoever is in view when the video begins or ends is counted, too: the video is no
start or stop of a unit. Without --exact, each number carries noise, as on a unit.
One line says what could not be read. Of MPEG (.ts, .mpg), .ogv, .wmv and raw
streams nothing says how long they were: where one was cut off, only less is counted.
Where packets of MPEG-2 were lost, people stand where they were up to the next key
frame, and may be counted twice."""


def add_parsers(commands: Any) -> None:
    """Adds the three commands."""
    _add_run(commands)
    _add_demo(commands)
    _add_replay(commands)


def _add_run(commands: Any) -> None:
    parser = add_command(
        commands,
        "run",
        _run,
        summary="run the unit: count and publish until it is stopped",
        examples=(
            "  maskcam run --config maskcam.toml\n"
            "  MASKCAM_CAMERA_SOURCE=street.mp4 maskcam run --config maskcam.toml"
        ),
    )
    add_config_file(parser)


def _run(args: argparse.Namespace) -> int:
    return run_unit(args.config)


def run_unit(file: Path, edges: Edges | None = None) -> int:
    """Runs the unit of a configuration file until it is stopped; for `edges` see `run`."""
    from maskcam import config
    from maskcam.unit import run
    from maskcam.unit.starting import StoppedError

    loaded = config.load(file)
    config.refuse_examples(loaded)
    try:
        run.run(loaded, edges)
    except (CameraStalledError, InferenceStalledError) as error:
        # A driver that hangs would hold an ordinary exit; systemd starts us again.
        print(f"maskcam: {error}", file=sys.stderr, flush=True)
        os._exit(error.exit_code)
    except StoppedError:
        os._exit(0)
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
    parser.add_argument(
        "--fast", action="store_true", help="as fast as the machine can, not in real time"
    )
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
    add_model_options(parser)


def _demo(args: argparse.Namespace) -> int:
    from maskcam.unit import demo

    return demo.demo(
        source=args.source,
        minutes=args.minutes,
        fast=args.fast,
        seed=args.seed,
        people_per_minute=args.people_per_minute,
        model=args.model,
        threads=args.threads,
    )


def _add_replay(commands: Any) -> None:
    parser = add_command(
        commands,
        "replay",
        _replay,
        summary="count a recorded video, by the times of its frames",
        examples=_REPLAY_EXAMPLES,
    )
    parser.add_argument(
        "video",
        type=file_path,
        metavar="VIDEO",
        help="a file that FFmpeg reads, no playlist (a live source: maskcam demo)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the count messages, one JSON object per line"
    )
    parser.add_argument(
        "--start",
        type=utc,
        default=datetime(2020, 1, 1, tzinfo=UTC),
        metavar="TIME",
        help="UTC of the first frame (default: 2020-01-01T00:00:00Z)",
    )
    _add_message_options(parser)
    parser.add_argument(
        "--detect-fps",
        type=positive(float),
        metavar="N",
        help="imitate a slower detector (default: every frame)",
    )
    parser.add_argument(
        "--fps",
        type=positive(float),
        metavar="N",
        help="frames per second of a video that has no times of its own, as raw .h264 has none",
    )
    add_model_options(parser)


def _add_message_options(parser: argparse.ArgumentParser) -> None:
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
        help="standard: each minute; decree: 20 minutes (default: standard)",
    )
    parser.add_argument(
        "--exact", action="store_true", help="without noise; on the wire, epsilon is then null"
    )
    parser.add_argument(
        "--hours", action="store_true", help="print the hour messages, too, not only the windows"
    )


def _replay(args: argparse.Namespace) -> int:
    from maskcam.delivery import wire
    from maskcam.people.windows import WindowRules
    from maskcam.records import WindowKind
    from maskcam.unit import replay

    for count in replay.replay(
        args.video,
        start=args.start,
        rules=WindowRules.preset(args.preset, exact=args.exact),
        detect_fps=args.detect_fps,
        film_fps=args.fps,
        model=args.model,
        threads=args.threads,
        progress=sys.stderr.isatty(),
    ):
        if count.kind is WindowKind.HOUR and not args.hours:
            continue
        if args.json:
            print(wire.encode_count(count, site=args.site, unit=args.unit).decode(), flush=True)
        else:
            print(_in_words(count), flush=True)
    return 0


def _in_words(count: MinuteCount) -> str:
    noise = "exact" if count.epsilon is None else f"epsilon {count.epsilon:g}"
    begins = f"{count.start:%Y-%m-%d %H:%M} UTC, {count.minutes} min"
    if count.people is None:
        return f"{begins}: nothing observed"
    return (
        f"{begins}: {count.people} people, {count.with_mask} with mask, {count.without_mask} "
        f"without, {count.incorrect} worn incorrectly, {count.unclear} unclear "
        f"(observed {count.observed_s} s, {noise})"
    )
