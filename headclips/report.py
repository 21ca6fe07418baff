"""Writes the figures of docs/head-shake.md anew.

.venv/bin/python -m headclips.report --data ../shared/data --motions motions

Renders the sets of the report with both renderers, measures the motion of each head and
keeps it in --motions, so that a run that was stopped goes on (two hours on one core);
then decides, and writes the tables of docs/head-shake.md and its trade-off curve.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import cv2

from headclips.samples import Amounts, Pictures, plan
from headclips.tradeoff import Measured, draw, trade
from maskcam.evaluate.gestures import first_shake_at, measure_clip, rate
from maskcam.records import HeadMotion

PAGE = Path("docs/head-shake.md")
CURVE = Path("docs/head-shake-tradeoff.svg")
BEGIN, END = "<!-- figures: written by headclips.report -->", "<!-- end of figures -->"


class Part(NamedTuple):
    """The first `clips` of a plan that begins at `seed`."""

    renderer: str
    seed: int
    clips: int


SETS = (
    Part("first", 4_000_000, 1200),
    Part("second", 5_000_000, 1200),
)
_PLANNED = {
    "first": Amounts(shakes=400, even=100, faint=100, held=100, each=28),
    "second": Amounts(shakes=400, even=100, faint=100, held=100, each=34),
}
_HALF = 1  # of the photographs; the other half was used for tuning


class Clip(NamedTuple):
    """What is known of a clip, how its head moved, and when a shake was recognised."""

    renderer: str
    facts: dict[str, Any]
    motions: list[HeadMotion]
    at_s: float | None


def measured(part: Part, pictures: Pictures, motions: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yields facts and motions of each clip of a part; renders what is not yet kept."""
    kept = motions / f"{part.renderer}-{part.seed}.jsonl"
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    known = {line["seed"]: line for line in map(json.loads, lines)}
    jobs = plan(part.renderer, part.seed, _PLANNED[part.renderer])[: part.clips]
    for number, job in enumerate(jobs, start=1):
        line = known.get(job.seed)
        if line is None:
            sample = job.make(pictures)
            lumas = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).astype("uint8") for f in sample.frames)
            found = measure_clip(lumas, sample.boxes, sample.timestamps)
            line = {"seed": job.seed, "facts": sample.facts, "motions": found}
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            sys.stderr.write(f"\r{part.renderer} {part.seed}: {number} of {len(jobs)} ")
        yield line["facts"], [HeadMotion(*motion) for motion in line["motions"]]


def tables(clips: Sequence[Clip]) -> str:
    """Returns the tables of the page."""
    shakes = [c for c in clips if c.facts["kind"] == "shake"]
    faint = [c for c in clips if c.facts["label"] == "shake" and c.facts["kind"] != "shake"]
    confusers = [c for c in clips if c.facts["label"] != "shake"]
    delays = [c.at_s - c.facts["start_s"] for c in shakes if c.at_s is not None]
    ninth = quantiles(delays, n=10)[-1]
    parts = ["### Shakes that must be recognised", ""]
    parts += _table(shakes, [("all", lambda f: "all"), *_CLASSES])
    parts += ["", f"Recognised {median(delays):.2f} s after the start (median); nine of ten "]
    parts[-1] += f"within {ninth:.2f} s."
    parts += ["", "### Shakes that are reported, not required", ""]
    parts += _table(faint, [("kind", lambda f: str(f["kind"]))])
    parts += ["", "### Confusers: what was taken for a shake", ""]
    parts += _table(confusers, [("all", lambda f: "all"), ("kind", lambda f: str(f["kind"])),
                                *_CLASSES[:2]])  # fmt: skip
    return "\n".join(parts)


def _band(name: str, ends: Sequence[float], unit: str) -> Callable[[dict[str, Any]], str]:
    def band(facts: dict[str, Any]) -> str:
        low = max((end for end in ends if end <= facts[name]), default=0)
        high = min((end for end in ends if end > facts[name]), default=None)
        return f"{low:g} {unit} and more" if high is None else f"{low:g} to {high:g} {unit}"

    return band


_CLASSES: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
    ("frames", lambda f: f"{f['fps']} a second"),
    ("head", _band("head_px", (24, 32, 48, 72), "px")),
    ("speed", _band("hz", (1, 1.5, 2, 2.5), "Hz")),
    ("width", _band("degrees", (20, 30, 45), "degrees")),
    ("swings", lambda f: "3" if f["swings"] == 3 else "4 and more"),
    ("mask", lambda f: "worn" if f["masked"] else "none"),
    ("skin", lambda f: "photographed" if f["photograph"] else "painted"),
    ("boxes", lambda f: f"of the {f['boxes']}"),
]


def _table(
    clips: Sequence[Clip], classes: Iterable[tuple[str, Callable[[dict[str, Any]], str]]]
) -> list[str]:
    lines = ["| | | first renderer | second renderer |", "|---|---|---|---|"]
    for name, class_of in classes:
        groups = sorted({class_of(clip.facts) for clip in clips}, key=_by_number)
        for group in groups:
            mine = [clip for clip in clips if class_of(clip.facts) == group]
            cells = [
                _cell([clip for clip in mine if clip.renderer == renderer])
                for renderer in ("first", "second")
            ]
            lines.append(f"| {name} | {group} | {cells[0]} | {cells[1]} |")
    return lines


def _by_number(group: str) -> tuple[float, str]:
    head = group.split()[0]
    return (float(head), "") if head.replace(".", "").isdigit() else (0.0, group)


def _cell(clips: Sequence[Clip]) -> str:
    if not clips:
        return ""
    hits = sum(clip.at_s is not None for clip in clips)
    low, high = rate(hits, len(clips))["ci95"]
    return f"{hits} of {len(clips)}: {hits / len(clips):.1%} ({low:.1%} to {high:.1%})"


def main() -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="headclips.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photographs")
    parser.add_argument("--motions", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.motions.mkdir(parents=True, exist_ok=True)
    pictures = Pictures.of(args.data, half=_HALF)
    clips = [
        Clip(part.renderer, facts, motions, first_shake_at(motions))
        for part in SETS
        for facts, motions in measured(part, pictures, args.motions)
    ]
    curves = {
        f"{renderer} renderer": trade(
            [
                Measured(clip.facts["label"] == "shake", clip.motions)
                for clip in clips
                if clip.renderer == renderer and clip.facts["required"]
            ]
        )
        for renderer in ("first", "second")
    }
    CURVE.write_text(draw(curves), encoding="utf-8")
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(clips)}\n\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
