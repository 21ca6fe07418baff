"""Writes the figures of docs/head-shake-figures.md anew.

.venv/bin/python -m headclips.report --data ../shared/data --signals runs/signals
.venv/bin/python -m headclips.report ... --kinds tilt sway --clips 100

Renders the clips of the report with both renderers, measures the motion of each head and
keeps it in --signals, so that a run that was stopped goes on (an hour on one core); then
decides, and writes the tables and the trade-off curve. --clips stops earlier: the clips are
in a shuffled order, so that any beginning is a fair choice. With --kinds, the table
of these kinds is printed, of so many clips of each and of each renderer, and nothing written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import cv2

from headclips.rules import RuleRecogniser
from headclips.samples import Amounts
from headclips.signals import Part, measure_part
from headclips.tradeoff import Measured, draw, trade
from maskcam.evaluate.gestures import rate
from maskcam.people.hand_held import HandHeldRecogniser
from maskcam.people.headshake import NO, HeadShakeRecogniser
from maskcam.records import HeadMotion

PAGE = Path("docs/head-shake-figures.md")
CURVE = Path("docs/head-shake-tradeoff.svg")
BEGIN, END = "<!-- figures: written by headclips.report -->", "<!-- end of figures -->"
_HALF = 1  # of the photographs and logs; the other half was used for tuning
SETS = (
    Part("first", 4_000_000, 1200, Amounts(400, 100, 100, 100, 28), _HALF),
    Part("second", 5_000_000, 1200, Amounts(400, 100, 100, 100, 34), _HALF),
)
_EACH_OF_KIND = 100
_HELD = "hand held"
_HANDS = (_HELD, "hand in front", "adjust mask")
Facts = dict[str, Any]
Classes = Sequence[tuple[str, Callable[[Facts], str]]]


class Clip(NamedTuple):
    """What is known of a clip, how its head moved, and what was recognised when.

    shake_s, hand_s: when the stage recognised a head shake, and a hand before the face.
    rules_s: when the rules before the network recognised a head shake.
    peak: highest log odds of a head shake.
    """

    renderer: str
    facts: Facts
    shake_s: float | None
    hand_s: float | None
    rules_s: float | None
    peak: float


def judged(renderer: str, facts: Facts, motions: Sequence[HeadMotion]) -> Clip:
    """Returns a clip with all that is recognised in it."""
    endless, rules, hand = (
        HeadShakeRecogniser(limit=float("inf")), RuleRecogniser(), HandHeldRecogniser()
    )  # fmt: skip
    peak, shake_s, hand_s, rules_s = float("-inf"), None, None, None
    for motion in motions:
        endless.update(motion)
        peak = max(peak, endless.odds)
        if shake_s is None and peak >= NO:
            shake_s = motion.at_s
        if rules.update(motion) and rules_s is None:
            rules_s = motion.at_s
        if hand.update(motion, unclear=False) and hand_s is None:
            hand_s = motion.at_s
    return Clip(renderer, facts, shake_s, hand_s, rules_s, peak)


def is_confuser(clip: Clip) -> bool:
    """Returns whether a clip shows neither of the two gestures."""
    return clip.facts["label"] not in ("shake", _HELD)


def tables(clips: Sequence[Clip]) -> str:
    """Returns the tables of the page."""
    shakes = [c for c in clips if c.facts["kind"] == "shake"]
    wide = [c for c in shakes if c.facts["swings"] >= 3 and c.facts["degrees"] >= 20]
    others = [c for c in clips if c.facts["label"] == "shake" and c.facts["kind"] != "shake"]
    confusers = [c for c in clips if is_confuser(c)]
    held = [c for c in clips if c.facts["kind"] == _HELD]
    handless = [c for c in clips if c.facts["kind"] not in _HANDS]
    parts = ["### Shakes as real heads make them", ""]
    parts += _table(shakes, [("all", lambda f: "all"), *_CLASSES])
    parts += _table(wide, [("all", lambda f: "three swings and 20 degrees")])[2:]
    parts += ["", _delays([(c.shake_s, c.facts["start_s"]) for c in shakes])]
    parts += ["", "### Shakes of other kinds", ""]
    parts += _table(others, [("kind", lambda f: str(f["kind"]))])
    parts += ["", "### Confusers: what was taken for a shake", ""]
    parts += _table(confusers, [("all", lambda f: "all"), ("kind", lambda f: str(f["kind"])),
                                *_CLASSES[:2]])  # fmt: skip
    parts += ["", "### A hand before the face", ""]
    parts += _table(held, [("held for 2 s", lambda f: "recognised")], "hand_s")
    parts += _table(handless, [("no hand", lambda f: "taken for one")], "hand_s")[2:]
    passing = [c for c in clips if c.facts["kind"] in _HANDS[1:]]
    parts += _table(passing, [("other hands", lambda f: str(f["kind"]))], "hand_s")[2:]
    return "\n".join(parts)


def _delays(times: Iterable[tuple[float | None, float]]) -> str:
    delays = [at_s - start_s for at_s, start_s in times if at_s is not None]
    ninth = quantiles(delays, n=10)[-1]
    return (
        f"Recognised {median(delays):.2f} s after the start (median); nine of ten within "
        f"{ninth:.2f} s."
    )


def _band(name: str, ends: Sequence[float], unit: str) -> Callable[[Facts], str]:
    def band(facts: Facts) -> str:
        low = max((end for end in ends if end <= facts[name]), default=0)
        high = min((end for end in ends if end > facts[name]), default=None)
        return f"{low:g} {unit} and more" if high is None else f"{low:g} to {high:g} {unit}"

    return band


_CLASSES: list[tuple[str, Callable[[Facts], str]]] = [
    ("frames", lambda f: f"{f['fps']} per second"),
    ("head", _band("head_px", (24, 32, 48, 72), "px")),
    ("speed", _band("hz", (1, 1.5, 2, 2.5), "Hz")),
    ("width", _band("degrees", (14, 20, 30, 45), "degrees")),
    ("swings", lambda f: str(f["swings"]) if f["swings"] < 4 else "4 and more"),
    ("mask", lambda f: "worn" if f["masked"] else "none"),
    ("skin", lambda f: "photographed" if f["photograph"] else "painted"),
    ("boxes", lambda f: f"of the {f['boxes']}"),
]


def _table(clips: Sequence[Clip], classes: Classes, field: str = "shake_s") -> list[str]:
    lines = ["| | | first renderer | second renderer | both | rules |", "|---|---|---|---|---|---|"]
    for name, class_of in classes:
        for group in sorted({class_of(clip.facts) for clip in clips}, key=_by_number):
            mine = [clip for clip in clips if class_of(clip.facts) == group]
            parts = [[c for c in mine if c.renderer == r] for r in ("first", "second")]
            cells = [_cell(part, field) for part in (*parts, mine)]
            cells.append(_cell(mine, "rules_s") if field == "shake_s" else "")
            lines.append(f"| {name} | {group} | {' | '.join(cells)} |")
    return lines


def _by_number(group: str) -> tuple[float, str]:
    head = group.split()[0]
    return (float(head), "") if head.replace(".", "").isdigit() else (0.0, group)


def _cell(clips: Sequence[Clip], field: str) -> str:
    if not clips:
        return ""
    hits = sum(getattr(clip, field) is not None for clip in clips)
    low, high = rate(hits, len(clips))["ci95"]
    return f"{hits} of {len(clips)}: {hits / len(clips):.1%} ({low:.1%} to {high:.1%})"


def table_of_kinds(clips: Sequence[Clip]) -> str:
    """Returns what clips of some kinds were taken for."""
    lines = _table(clips, [("taken for a shake", lambda f: str(f["kind"]))])
    lines += _table(clips, [("taken for a hand held", lambda f: str(f["kind"]))], "hand_s")[2:]
    return "\n".join(lines)


def _write(text: str) -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _draw_curve(clips: Sequence[Clip]) -> None:
    curves = {
        f"{renderer} renderer": trade(
            [
                Measured(clip.facts["kind"] == "shake", clip.peak)
                for clip in clips
                if clip.renderer == renderer
                and (clip.facts["kind"] == "shake" or is_confuser(clip))
            ]
        )
        for renderer in ("first", "second")
    }
    CURVE.write_text(draw(curves), encoding="utf-8")


def parts_of(kinds: Sequence[str], clips: int) -> list[Part]:
    """Returns so many clips of each kind and renderer; seeds are those of the whole report.

    Raises:
        ValueError: no renderer has such a kind.
    """
    parts, amounts = [], Amounts(held=clips, each=clips)
    for kind in kinds:
        mine = [
            part._replace(clips=clips, amounts=amounts, kind=kind.replace("-", " "))
            for part in SETS
        ]
        if not any(part.jobs() for part in mine):
            raise ValueError(f"no clip is of the kind {kind!r}")
        parts += mine
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="headclips.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photographs")
    parser.add_argument("--signals", type=Path, required=True, metavar="DIR")
    parser.add_argument("--clips", type=int, help="of each renderer, in place of all")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help='as "hand in front"')
    args = parser.parse_args(arguments)
    parts = [part._replace(clips=args.clips or part.clips) for part in SETS]
    if args.kinds:
        try:
            parts = parts_of(args.kinds, args.clips or _EACH_OF_KIND)
        except ValueError as error:
            parser.error(str(error))
    cv2.setNumThreads(1)
    args.signals.mkdir(parents=True, exist_ok=True)
    clips = [
        judged(part.renderer, signal.facts, signal.motions)
        for part in parts
        for signal in measure_part(part, args.data, args.signals)
    ]
    if args.kinds:
        sys.stdout.write(table_of_kinds(clips) + "\n")
    else:
        _draw_curve(clips)
        _write(tables(clips))
    return 0


if __name__ == "__main__":
    sys.exit(main())
