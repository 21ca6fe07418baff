"""Would more photographs help? One recipe on parts of them, and how it does on other pictures."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl

from maskcam.evaluate.detections import read_truth
from maskcam.evaluate.precision import average_precisions
from training.pictures import load_coco
from training.settings import Settings
from training.shapes import detect_all
from training.train import train

mpl.use("Agg")
from matplotlib import pyplot as plt

_log = logging.getLogger(__name__)
_SHARES = (0.25, 0.5, 1.0)
_STEPS = 2500
_NAMES = ("with_mask", "without_mask", "incorrect", "face")


def compare(data: Path, stills: Path, settings: Settings, runs: Path, models: Path) -> None:
    """Writes amount.json and amount.png to `models`: AP50 over the share of the photographs.

    The trainings are short and alike but for the photographs; the stills stay. Measured
    on faces from 20 px of the validation and the test split together, float network.
    """
    truths, pictures = [], []
    for split in ("val", "test"):
        file = data / f"masks/{split}.json"
        truths += read_truth(file)[1]
        pictures += load_coco(file, data / "masks/images")
    height, width = settings.input
    rows: list[dict[str, Any]] = []
    for share in _SHARES:
        short = replace(
            settings,
            steps=_STEPS,
            photographs=share,
            validate_steps=_STEPS,
            state_from_step=round(settings.state_from_step / settings.steps * _STEPS),
        )
        weights = train(data, stills, short, runs / f"photographs-{share}")
        found = detect_all(short, weights, pictures, height=height, width=width)
        precisions = average_precisions(truths, found, smallest_px=20, intervals=True)
        rows.append({"photographs": share, "steps": _STEPS, **precisions})
        _log.info("%s", json.dumps(rows[-1]))
    (models / "amount.json").write_text(json.dumps(rows, indent=1) + "\n")
    draw(rows, models / "amount.png")


def draw(rows: list[dict[str, Any]], file: Path) -> None:
    """Draws AP50 per class over the share of the photographs, with its intervals."""
    figure, axes = plt.subplots(figsize=(6, 3.4), dpi=90)
    for shift, name in enumerate(_NAMES):
        shares = [row["photographs"] * 1.02 ** (shift - 1.5) for row in rows]
        values = [row[name] for row in rows]
        below = [row[name] - row[f"{name}_interval"][0] for row in rows]
        above = [row[f"{name}_interval"][1] - row[name] for row in rows]
        axes.errorbar(shares, values, yerr=(below, above), marker=".", capsize=2, label=name)
    axes.set(xlabel="share of the photographs", ylabel="AP50 from 20 px", ylim=(0, 1))
    axes.set_xscale("log", base=2)
    axes.set_xticks([row["photographs"] for row in rows], [str(row["photographs"]) for row in rows])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(loc="upper center", ncol=4, fontsize=8)
    figure.tight_layout()
    figure.savefig(file)
    plt.close(figure)
