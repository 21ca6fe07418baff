"""The trade-off of the input's shape: AP per face size against time."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskcam.evaluate.detections import read_truth
from maskcam.evaluate.precision import average_precisions
from maskcam.records import Detection
from training.export import add_post_process, float_model, quantize
from training.pictures import Picture, load_coco
from training.rival import compare_contents
from training.settings import Settings
from training.validation import detect

mpl.use("Agg")
from matplotlib import pyplot as plt

_log = logging.getLogger(__name__)
_SHAPES = (
    (224, 384),
    (320, 320),
    (288, 384),
    (288, 448),
    (320, 448),
    (288, 512),
    (384, 384),
    (384, 512),
    (384, 640),
)
_SIZES = ((0, 16), (16, 32), (32, 64), (64, float("inf")))
_CAMERA = (1280, 720)
_CLOSE_MS = 0.35  # so far apart, two names do not touch in the plot


def compare(data: Path, settings: Settings, weights: Path, models: Path) -> None:
    """Writes shapes.json and shapes.png to `models`: one network, many input shapes.

    AP50 is that of the float network on the validation split; the time that of the int8
    network on one thread, all shapes and the rival in turns.
    """
    file = data / "masks/val.json"
    _, truths = read_truth(file)
    pictures = load_coco(file, data / "masks/images")
    few = replace(settings, export=replace(settings.export, calibration_pictures=4))
    rows: list[dict[str, Any]] = []
    contents: dict[str, bytes] = {}
    for height, width in _SHAPES:
        found = detect_all(settings, weights, pictures, height=height, width=width)
        content = quantize(few, weights, pictures, height=height, width=width)
        contents[f"{width}x{height}"] = add_post_process(content, few, height=height, width=width)
        camera = 40 * min(width / _CAMERA[0], height / _CAMERA[1])
        row = {
            "input": [height, width],
            "face_of_40_px_at_1280": round(camera, 1),
            "all": average_precisions(truths, found),
            "from_20_px": average_precisions(truths, found, smallest_px=20),
            "face_by_size": [
                average_precisions(truths, found, smallest_px=low, largest_px=high)["face"]
                for low, high in _SIZES
            ],
        }
        rows.append(row)
        _log.info("%s", json.dumps(row))
    times = compare_contents(contents)
    for row, time in zip(rows, times.values(), strict=True):
        row.update(time)
    (models / "shapes.json").write_text(json.dumps(rows, indent=1) + "\n")
    draw(rows, models / "shapes.png")


def detect_all(
    settings: Settings, weights: Path, pictures: list[Picture], *, height: int, width: int
) -> list[list[Detection]]:
    """Returns what the float network finds in each picture."""
    model = float_model(settings, weights, height=height, width=width)
    run = tf.function(lambda x: model((tf.cast(x, tf.float32) - 127.5) / 127.5))

    def predict(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        codes, scores = run(rgb)
        return codes.numpy(), scores.numpy()

    return [detect(predict, picture.rgb, height=height, width=width) for picture in pictures]


def draw(rows: list[dict[str, Any]], file: Path) -> None:
    """Draws face AP50 per face size over the time."""
    figure, axes = plt.subplots(figsize=(7.4, 3.6), dpi=90)
    rows = sorted(rows, key=lambda row: float(row["ms"]))
    for k, (low, high) in enumerate(_SIZES):
        label = f"{low} to {high} px" if high < float("inf") else f"from {low} px"
        values = [row["face_by_size"][k] for row in rows]
        axes.plot([row["ms"] for row in rows], values, marker=".", label=label)
    step, before = 0, 0.0
    for row in rows:
        step = (step + 1) % 3 if row["ms"] - before < _CLOSE_MS else 0  # names side by side
        before = row["ms"]
        name = f"{row['input'][1]}x{row['input'][0]}"
        axes.annotate(name, (row["ms"], 0.02 + 0.13 * step), fontsize=7, ha="center")
    axes.set(xlabel="ms, int8, one thread", ylabel="AP50 of faces, validation", ylim=(0, 1))
    axes.grid(alpha=0.3)
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)}  # beside the curves
    axes.legend(fontsize=8, title="shorter side", title_fontsize=8, **place)
    figure.tight_layout()
    figure.savefig(file)
    plt.close(figure)
