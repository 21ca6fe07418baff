"""The time of the mask model against the network that people would pick instead.

That network is the AIZOO FaceMaskDetection SSD (float, 260x260). Its published weights are not
part of this project: for a fair timing its layers, as its prototxt lists them, are enough, with
random weights. Both run in one process in turns, so that other work on the machine slows both.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tensorflow.keras import layers

from training.pictures import load_coco
from training.validation import letterbox

_BACKBONE = (32, 64, 64, 64, 128, 128, 64)  # 3x3, each but the last followed by a pooling
_FIRST_HEAD = 3  # index of the first layer that has a head
_ROUNDS = 60


def rival() -> bytes:
    """Returns the AIZOO architecture as a float TFLite model with random weights."""
    image = x = layers.Input((260, 260, 3), batch_size=1)
    levels = []
    for number, channels in enumerate(_BACKBONE):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
        if number >= _FIRST_HEAD:
            levels.append(x)
        if number < len(_BACKBONE) - 1:
            x = layers.MaxPool2D(2, padding="same")(x)
    levels.append(layers.Conv2D(64, 3, activation="relu")(x))
    outputs = []
    for width, activation in ((4, None), (2, "sigmoid")):
        parts = []
        for level in levels:
            y = layers.Conv2D(64, 3, padding="same", activation="relu")(level)
            y = layers.Conv2D(4 * width, 3, padding="same")(y)
            parts.append(layers.Reshape((-1, width))(y))
        outputs.append(layers.Activation(activation)(layers.Concatenate(1)(parts)))
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(image, outputs))
    content: bytes = converter.convert()
    return content


def compare_times(
    model: Path, data: Path, *, against: Path | None = None
) -> dict[str, dict[str, float]]:
    """Returns milliseconds on one thread, and their ratio to the rival's, as `model`.

    They look at a photograph with many faces, for the last operator takes longer then.

    against: one more detector, timed in the same run, as `against`; its ratio to `model` is
        `ratio_to_against`.
    """
    crowd = max(
        load_coco(data / "masks/val.json", data / "masks/images"), key=lambda p: len(p.boxes)
    )
    files = {"model": model} if against is None else {"model": model, "against": against}
    running = {name: _ready(file.read_bytes(), crowd.rgb) for name, file in files.items()}
    running["rival"] = _ready(rival(), None)
    taken: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(_ROUNDS):
        for name, one in running.items():
            taken[name].append(_milliseconds(one))
    # The least of many: other work on the machine only ever adds.
    least = {name: float(np.min(values)) for name, values in taken.items()}
    middle = {name: float(np.median(values)) for name, values in taken.items()}
    found = {
        name: {
            "ms": round(least[name], 2),
            "rival_ms": round(least["rival"], 2),
            "ratio": round(least[name] / least["rival"], 3),
            "ratio_of_medians": round(middle[name] / middle["rival"], 3),
        }
        for name in files
    }
    if against is not None:
        found["model"]["ratio_to_against"] = round(least["model"] / least["against"], 3)
    return found


def _ready(content: bytes, rgb: NDArray[np.uint8] | None) -> Interpreter:
    """Returns a model that is warm; rgb: what it looks at, letterboxed to its input, else grey."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    value = np.full(entry["shape"], 128, entry["dtype"])
    if rgb is not None:
        _, height, width, _ = entry["shape"]
        value[0], _, _ = letterbox(rgb, int(height), int(width))
    interpreter.set_tensor(entry["index"], value)
    interpreter.invoke()
    return interpreter


def _milliseconds(interpreter: Interpreter) -> float:
    began = time.thread_time()
    interpreter.invoke()
    return (time.thread_time() - began) * 1e3
