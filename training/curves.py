"""Draws how the validation figures went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw_curves(history: list[dict[str, Any]], file: Path) -> None:
    """Writes a PNG of the AP50 of faces over the minutes of training."""
    figure, axes = plt.subplots(figsize=(6, 3.4), dpi=90)
    minutes = [entry["minutes"] for entry in history]
    for name in ("masks", "people"):
        axes.plot(minutes, [entry[name] for entry in history], marker=".", label=name)
    axes.set(xlabel="minutes of training", ylabel="AP50 of faces, validation", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(file)
    plt.close(figure)
