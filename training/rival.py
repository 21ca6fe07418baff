"""The time of the mask model against the network that people would pick instead.

That network is the AIZOO FaceMaskDetection SSD (float, 260x260). Its published weights are not
part of this project: for a fair timing its layers, as its prototxt lists them, are enough, with
random weights. Both run in one process in turns, so that other work on the machine slows both.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tensorflow.keras import layers

from training.pictures import load_coco
from training.validation import letterbox

_log = logging.getLogger(__name__)
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


def compare_times(model: Path, data: Path) -> dict[str, float]:
    """Returns the milliseconds of `model` and of the rival on one thread, and their ratio.

    The model looks at a photograph with many faces, for its last operator takes longer then.
    """
    crowd = max(
        load_coco(data / "masks/val.json", data / "masks/images"), key=lambda p: len(p.boxes)
    )
    content = model.read_bytes()
    _, height, width, _ = Interpreter(model_content=content).get_input_details()[0]["shape"]
    picture, _, _ = letterbox(crowd.rgb, int(height), int(width))
    return compare_contents({"model": content}, picture)["model"]


def compare_contents(
    models: dict[str, bytes], picture: NDArray[np.uint8] | None = None
) -> dict[str, dict[str, float]]:
    """Does the same for several models at once; picture: what they look at, else grey."""
    running = {name: _ready(content, picture) for name, content in models.items()}
    other = _ready(rival(), None)
    taken: dict[str, list[float]] = {name: [] for name in models}
    against: list[float] = []
    for _ in range(_ROUNDS):
        for name, one in running.items():
            taken[name].append(_milliseconds(one))
        against.append(_milliseconds(other))
    # The least of many: other work on the machine only ever adds.
    least = float(np.min(against))
    return {
        name: {
            "ms": round(float(np.min(values)), 2),
            "rival_ms": round(least, 2),
            "ratio": round(float(np.min(values)) / least, 3),
            "ratio_of_medians": round(float(np.median(values) / np.median(against)), 3),
        }
        for name, values in taken.items()
    }


def _ready(content: bytes, picture: NDArray[np.uint8] | None) -> Interpreter:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    value = np.full(entry["shape"], 128, entry["dtype"]) if picture is None else picture[None]
    interpreter.set_tensor(entry["index"], value)
    interpreter.invoke()
    return interpreter


def _milliseconds(interpreter: Interpreter) -> float:
    began = time.thread_time()
    interpreter.invoke()
    return (time.thread_time() - began) * 1e3
