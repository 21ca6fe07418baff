"""The command line of the soak."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.broker import MOSQUITTO
from tests.soak.plot import write_plot
from tests.soak.soak import OUTAGE_EVERY_MINUTES, Result, Sample, soak

EXAMPLES = """\
examples:
  scripts/soak --hours 1                        a minute or two
  scripts/soak --json soak.json --plot soak.png  a day; most of an hour on a small machine
"""
_SHOWN_EVERY_S = 10.0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description="Lets hours of street go by as fast as the machine can, and looks whether "
        "memory and open files stay flat and every person is published.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=24.0, help="of street (default: 24)")
    parser.add_argument("--seed", type=int, default=1, help="of who comes (default: 1)")
    parser.add_argument(
        "--outage-every", type=float, default=OUTAGE_EVERY_MINUTES, metavar="MINUTES",
        help="of street between two restarts of the broker (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="all samples and the verdict")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="memory and files over time")
    arguments = parser.parse_args()
    if not 0.2 <= arguments.hours <= 10_000:
        parser.error("--hours must be between 0.2 and 10000")
    if MOSQUITTO is None:
        parser.error("mosquitto is not installed: apt install mosquitto")
    with tempfile.TemporaryDirectory() as place:
        result = soak(
            Path(place),
            hours=arguments.hours,
            seed=arguments.seed,
            outage_every_minutes=arguments.outage_every,
            progress=Progress(arguments.hours),
        )
    if arguments.json:
        arguments.json.write_text(result.as_json() + "\n", encoding="utf-8")
    if arguments.plot:
        write_plot(result, arguments.plot)
    print(text(result))
    return bool(result.faults())


class Progress:
    """Writes how far it is to the standard error, every ten seconds."""

    def __init__(self, hours: float) -> None:
        self._hours = hours
        self._shown_s = time.monotonic()

    def __call__(self, sample: Sample) -> None:
        if time.monotonic() - self._shown_s >= _SHOWN_EVERY_S:
            self._shown_s = time.monotonic()
            print(
                f"{sample.at_s / 3600:5.1f} of {self._hours:g} h: "
                f"{sample.resident_kb / 1024:.1f} MB, {sample.open_files} files",
                file=sys.stderr, flush=True,
            )  # fmt: skip


def text(result: Result) -> str:
    """Returns the result for people."""
    memory, files = result.memory, result.files
    lines = [
        f"{result.hours:g} h of street in {result.took_s:.0f} s, the broker restarted "
        f"{result.outages} times",
        f"resident memory: {result.samples[-1].resident_kb / 1024:.1f} MB at the end, "
        f"{result.samples[-1].own_kb / 1024:.1f} MB of it its own, slope "
        f"{1024 * memory.an_hour:+.1f} kB/h (95 %: {1024 * memory.least:+.1f} to "
        f"{1024 * memory.most:+.1f})",
        f"open files: {result.samples[-1].open_files} at the end, at most "
        f"{max(sample.open_files for sample in result.samples)}, slope {files.an_hour:+.2f}/h "
        f"(95 %: {files.least:+.2f} to {files.most:+.2f})",
        f"windows: {result.closed} closed, {result.lost} lost, {result.invented} invented, "
        f"{result.twice} delivered twice",
        f"people: {sum(result.published.values())} published, {sum(result.truth.values())} came "
        f"and did not object; {result.objected} objected",
    ]
    faults = result.faults()
    return "\n".join(
        [*lines, *(f"FAULT: {fault}" for fault in faults)] if faults else [*lines, "flat"]
    )


if __name__ == "__main__":
    sys.exit(main())
