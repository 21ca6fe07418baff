"""Writes the measured tables of models/MODEL_CARD.md, between its `figures` comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CLASSES = ("with_mask", "without_mask", "incorrect", "face")
_HEADS = ("with_mask", "without_mask", "incorrect", "any face")
_RIVAL = (0.493, 0.611)  # AP50 of AIZOO's model on the same test split, all sizes


def write_card(models: Path) -> None:
    """Brings the tables up to date with results.json and shapes.json in `models`.

    Each table stands between `<!-- figures: NAME -->` and `<!-- end -->`; a name that is
    unknown is a KeyError.
    """
    results = json.loads((models / "results.json").read_text())
    shapes = json.loads((models / "shapes.json").read_text())
    tables = {
        "accuracy": _accuracy(results["test"]),
        "conditions": _conditions(results["test"]),
        "targets": _targets(results),
        "second_look": _second_look(results),
        "reliability": _reliability(results["test"]["reliability"]),
        "training": _training(results["training"]),
        "shapes": _shapes(shapes),
    }
    card = models / "MODEL_CARD.md"
    card.write_text(
        re.sub(
            r"(<!-- figures: (\w+) -->\n\n?).*?(\n?<!-- end -->)",
            lambda found: f"<!-- figures: {found[2]} -->\n\n{tables[found[2]]}\n\n<!-- end -->",
            card.read_text(),
            flags=re.DOTALL,
        )
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _points(values: dict[str, Any], *, intervals: bool = False) -> list[str]:
    cells = []
    for name in _CLASSES:
        if values[name] is None:
            cells.append("")
            continue
        low, high = values.get(f"{name}_interval", (0, 0)) if intervals else (0, 0)
        cells.append(f"{values[name]:.3f}" + (f" ({low:.2f}-{high:.2f})" if intervals else ""))
    return cells


def _accuracy(test: dict[str, Any]) -> str:
    rows = [
        ["all faces", *_points(test["ap50"], intervals=True)],
        ["from 20 px", *_points(test["ap50_from_20_px"], intervals=True)],
    ]
    rows += [[k.replace("_", " "), *_points(v)] for k, v in test["ap50_by_size"].items()]
    rows += [
        [name, *_points(values)]
        for name, values in test["ap50_by_source"].items()
        if values["face"] is not None
    ]
    return _table(("AP50", *_HEADS), rows)


def _mean(values: dict[str, float]) -> float:
    return (values["with_mask"] + values["without_mask"]) / 2


def _conditions(test: dict[str, Any]) -> str:
    plain = _mean(test["ap50"])
    return _table(
        ("condition", *_HEADS, "change of the mean of with and without"),
        (
            [name.replace("_", " "), *_points(values), f"{_mean(values) - plain:+.3f}"]
            for name, values in test["ap50_by_condition"].items()
        ),
    )


def _targets(results: dict[str, Any]) -> str:
    test, times = results["test"], results["times"]
    large, told = test["ap50_from_20_px"], test["at_threshold"]
    gain = _mean(test["ap50"]) - sum(_RIVAL) / 2
    floating = results["training"][-1]
    whole = results["validation"]["ap50_of_the_detector"]
    lost = max(floating[name] - whole[name] for name in ("with_mask", "without_mask"))
    worst = min(_mean(v) for v in test["ap50_by_condition"].values()) - _mean(test["ap50"])
    low, high = told["state_right_interval"]
    rows = [
        ("with_mask from 20 px at least 0.75", f"{large['with_mask']:.3f}", 0.75),
        ("without_mask from 20 px at least 0.75", f"{large['without_mask']:.3f}", 0.75),
        ("any face from 20 px at least 0.80", f"{large['face']:.3f}", 0.80),
        (f"mean of both, all sizes, 0.10 over AIZOO ({sum(_RIVAL) / 2:.3f})", f"{gain:+.3f}", 0.1),
    ]
    judged = [(what, got, float(got) >= least) for what, got, least in rows]
    judged += [
        (
            "with/without right for 97 % of the found faces",
            f"{told['state_right']:.3f} ({low:.3f}-{high:.3f})",
            told["state_right"] >= 0.97,
        ),
        (
            "int8 at most 0.01 below the float network (validation)",
            f"{lost:+.3f} below",
            lost <= 0.01,
        ),
        (
            "at most half the time of AIZOO's network",
            f"{times['ratio']} of it, medians {times['ratio_of_medians']}",
            times["ratio"] <= 0.5,
        ),
        ("each condition costs at most 0.08", f"{worst:+.3f}", worst >= -0.08),
    ]
    return _table(
        ("target", "measured", ""),
        ((what, got, "reached" if good else "**missed**") for what, got, good in judged),
    )


def _second_look(results: dict[str, Any]) -> str:
    test, street = results["test"], results["street"]
    rows = [
        ["photographs, detector alone", *_points(test["detector_alone"]["ap50"]), "", ""],
        ["photographs, both", *_points(test["ap50"]), *_right(test)],
    ]
    rows += [
        [f"street, {name}", *_points(values["ap50_from_20_px"], intervals=True), *_right(values)]
        for name, values in (
            ("detector alone", street["detector_alone"]),
            ("both", street["both"]),
        )
    ]
    heads = ("AP50", *_HEADS, "with/without right", "incorrect right")
    return _table(heads, rows)


def _right(report: dict[str, Any]) -> list[str]:
    told = report["at_threshold"]
    cells = []
    for name in ("state_right", "incorrect_right"):
        low, high = told[f"{name}_interval"]
        cells.append(f"{told[name]:.3f} ({low:.2f}-{high:.2f})")
    return cells


def _reliability(bins: list[dict[str, Any]]) -> str:
    return _table(
        ("detections", "mean score", "right"),
        ([one["detections"], one["mean_score"], one["right"]] for one in bins),
    )


def _training(history: list[dict[str, Any]]) -> str:
    return _table(
        ("steps", "minutes", *_HEADS),
        ([one["step"], round(one["minutes"]), *_points(one)] for one in history),
    )


def _shapes(shapes: list[dict[str, Any]]) -> str:
    heads = ("input", "a face of 40 px at 1280x720", "ms", "ratio", *_HEADS)
    return _table(
        (*heads, "under 16 px", "16-32", "32-64", "from 64"),
        (
            [
                "{1}x{0}".format(*row["input"]),
                f"{row['face_of_40_px_at_1280']} px",
                row["ms"],
                row["ratio"],
                *_points(row["all"]),
                *(f"{value:.3f}" for value in row["face_by_size"]),
            ]
            for row in shapes
        ),
    )
