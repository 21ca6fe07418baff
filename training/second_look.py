"""Trains the network that looks at each found face again, and exports it."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.keras import layers

from training.cut_feed import batches, plain
from training.cuts import NO_FACE, load_cuts
from training.export import LABELS, to_int8
from training.network import conv, residual
from training.settings import SecondLookSettings
from training.stills import FULL_SIZE, render

_log = logging.getLogger(__name__)
_FILE, _WEIGHTS = "second-look.tflite", "average.weights.h5"
_FIRST_SEED = 3_000_000  # other streets than those the detector learns from
_REPORT_STEPS = 250
_CALIBRATION_BATCHES = 4
_SURE = 0.3  # share of "no face" from which a doubtful cut is believed to be none


def build(settings: SecondLookSettings, *, batch: int | None = None) -> tf.keras.Model:
    """Returns the untrained network: YCrCb -1..1 to shares of the three states and "no face"."""
    image = layers.Input((settings.size, settings.size, 3), batch_size=batch)
    x = conv(image, settings.channels[0], 3, 2)
    for channels in settings.channels[1:]:
        x = residual(conv(x, channels, 3, 2), channels)
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return tf.keras.Model(image, layers.Softmax()(layers.Dense(NO_FACE + 1)(x)))


def train(data: Path, settings: SecondLookSettings, runs: Path, model: Path) -> None:
    """Trains on what `model`, the detector, finds; leaves the averaged weights in `runs`.

    Boxes without a label in sets that lack labels join once a third of the training has
    told which of them are surely no faces.
    """
    render(runs / "stills", count=settings.stills, first_seed=_FIRST_SEED, size=FULL_SIZE)
    cuts = load_cuts(data, runs / "stills", model)
    doubtful = [cut for cut in cuts if cut.doubtful]
    cuts = [cut for cut in cuts if not cut.doubtful]
    _log.info("second look: %d cuts, %d doubtful ones", len(cuts), len(doubtful))
    tf.keras.utils.set_random_seed(settings.seed)
    network, average = build(settings), build(settings)
    average.set_weights(network.get_weights())
    optimizer = tf.keras.optimizers.AdamW(
        tf.keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps),
        weight_decay=settings.weight_decay,
    )
    told = tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.03)

    @tf.function
    def learn(pictures: tf.Tensor, kinds: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            shares = network(_scaled(pictures), training=True)
            loss = told(tf.one_hot(kinds, NO_FACE + 1), shares)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        for slow, fast in zip(average.variables, network.variables, strict=True):
            slow.assign(settings.ema * slow + (1 - settings.ema) * fast)
        right = tf.reduce_mean(tf.cast(tf.argmax(shares, 1) == kinds, tf.float32))
        return tf.stack([loss, right])

    began_s = time.monotonic()
    first = settings.steps // 3
    for start, end in ((0, first), (first, settings.steps)):
        if start:
            cuts += [cut for cut in doubtful if _no_face(average, plain(cut, settings.size))]
            _log.info("second look: %d cuts", len(cuts))
        feed = batches(cuts, settings, first=start)
        recent = []
        for step in range(start, end):
            pictures, kinds = next(feed)
            recent.append(learn(tf.constant(pictures), tf.constant(kinds, tf.int64)).numpy())
            if (step + 1) % _REPORT_STEPS == 0:
                loss, right = np.mean(recent, axis=0)
                spent = (time.monotonic() - began_s) / 60
                _log.info(
                    "second look: step %d of %d, minute %.1f, loss %.3f, right %.3f",
                    *(step + 1, settings.steps, spent, loss, right),
                )
                recent.clear()
        feed.close()
    average.save_weights(str(runs / _WEIGHTS))


def export(data: Path, settings: SecondLookSettings, runs: Path, models: Path) -> Path:
    """Writes second-look.tflite to `models` and its name to maskcam.json."""
    network = build(settings, batch=1)
    network.load_weights(str(runs / _WEIGHTS))
    cuts = [
        cut
        for cut in load_cuts(data, runs / "stills", models / "maskcam.tflite")
        if not cut.doubtful
    ]
    feed = batches(cuts, settings, first=settings.steps)
    drawn = [next(feed)[0] for _ in range(_CALIBRATION_BATCHES)]
    feed.close()

    content = to_int8(network, np.concatenate(drawn), output=tf.uint8)
    file = models / _FILE
    file.write_bytes(content)
    described = models / "maskcam.json"
    known = json.loads(described.read_text())
    known["second_look"] = {
        "file": _FILE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "labels": [*LABELS, "no_face"],
    }
    described.write_text(json.dumps(known, indent=2) + "\n")
    _log.info("%s: %.2f MB", file, len(content) / 1e6)
    return file


def _scaled(pictures: NDArray[np.uint8] | tf.Tensor) -> tf.Tensor:
    return (tf.cast(pictures, tf.float32) - 127.5) / 127.5


def _no_face(network: tf.keras.Model, picture: NDArray[np.uint8]) -> bool:
    return float(network(_scaled(picture[None]), training=False)[0, NO_FACE]) > _SURE
