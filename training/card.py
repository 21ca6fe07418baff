"""Writes the measured tables of models/MODEL_CARD.md, between its `figures` comments."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CLASSES = ("with_mask", "without_mask", "incorrect", "face")
_HEADS = ("with_mask", "without_mask", "incorrect", "any face")
_RIVAL = {"with_mask": 0.493, "without_mask": 0.611}  # AP50 of AIZOO's model on `masks`, test


def write_card(models: Path) -> None:
    """Brings the tables up to date with results.json in `models`.

    Each table stands between `<!-- figures: NAME -->` and `<!-- end -->`; a name that is
    unknown is a KeyError.
    """
    results = json.loads((models / "results.json").read_text())
    test = results["photographs"]["masks, test"]
    tables = {
        "clips": _clips(results),
        "people": _people(results),
        "photographs": _photographs(results["photographs"]),
        "accuracy": _accuracy(test),
        "conditions": _conditions(test),
        "fairness": _fairness(results["fairness"]),
        "training": _training(results["training"]),
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


def _share(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return ""
    low, high = row[f"{name}_interval"]
    return f"{row[name]:.3f} ({low:.2f}-{high:.2f})"


def _clips(results: dict[str, Any]) -> str:
    shown = {name.replace("_", " "): clip["sizes"] for name, clip in results["clips"].items()}
    together = {f"**all of {name} clips**": row for name, row in results["clips_together"].items()}
    rows = [
        [name, size, row["faces"], _share(row, "found"), _share(row, "state_right")]
        for name, sizes in (shown | together).items()
        for size, row in sizes.items()
        if row["faces"]
    ]
    return _table(("clip", "size of the face", "faces", "found", "state right"), rows)


def _people(results: dict[str, Any]) -> str:
    rows = []
    for name, clip in results["clips"].items():
        counted, alarms = clip["passages"], f"{clip['false_alarms_per_frame']:.2f}"
        rows.append([name.replace("_", " "), clip["people_by_eye"], *_counts(counted), "", alarms])
    for kind in dict.fromkeys(street["street"] for street in results["streets"]):
        streets = [one for one in results["streets"] if one["street"] == kind]
        true, counted = (
            sum((Counter(one[key]) for one in streets), Counter()) for key in ("true", "counted")
        )
        share = f"{_mask_share(counted):.3f} ({_mask_share(true):.3f})"
        name = f"{len(streets)} {kind} streets"
        rows.append([name, true.total(), *_counts(counted), share, ""])
    heads = ("where", "people in truth", "counted", "with mask", "without", "incorrect", "unclear")
    return _table((*heads, "share of masks (true)", "false alarms per frame"), rows)


def _counts(counted: dict[str, int]) -> list[int]:
    states = ("with_mask", "without_mask", "incorrect", "unclear")
    return [sum(counted.values()), *(counted[state] for state in states)]


def _mask_share(counted: dict[str, int]) -> float:
    judged = sum(number for state, number in counted.items() if state != "unclear")
    return counted["with_mask"] / max(judged, 1)


def _photographs(sets: dict[str, Any]) -> str:
    names = ("recall_with_mask", "recall_without_mask", "state_right", "incorrect_right")
    rows = [
        [
            name,
            report["at_threshold"]["faces"],
            *(_share(report["at_threshold"], column) for column in names),
            f"{report['at_threshold']['false_alarms']} in {report['images']}",
        ]
        for name, report in sets.items()
    ]
    heads = ("photographs", "faces", "masked found", "unmasked found", "state right")
    return _table((*heads, "incorrect right", "false alarms in pictures"), rows)


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
    rows.append(["AIZOO's model, all faces", *(f"{v:.3f}" for v in _RIVAL.values()), "", ""])
    return _table(("AP50", *_HEADS), rows)


def _mean(values: dict[str, float]) -> float:
    return (values["with_mask"] + values["without_mask"]) / 2


def _conditions(test: dict[str, Any]) -> str:
    plain = _mean(test["ap50"])
    rows = [
        [name.replace("_", " "), *_points(values), f"{_mean(values) - plain:+.3f}"]
        for name, values in test["ap50_by_condition"].items()
    ]
    return _table(("condition", *_HEADS, "change of the mean of with and without"), rows)


def _fairness(groups: list[dict[str, Any]]) -> str:
    rows = [
        [row["group"].replace("_", " "), row["faces"], _share(row, "found"), _share(row, "right")]
        for row in groups
    ]
    return _table(("group", "faces", "found", "state right when found"), rows)


def _training(history: list[dict[str, Any]]) -> str:
    rows = [
        [one["step"], round(one["minutes"]), f"{one['masks']:.3f}", f"{one['people']:.3f}"]
        for one in history
    ]
    return _table(("steps", "minutes", "masks, validation", "people, validation"), rows)
