"""Trains the network that looks at each found face again, and exports it."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.keras import layers

from training.averaged import Averaged
from training.cut_feed import batches
from training.cuts import NO_FACE, load_cuts
from training.description import write_model
from training.export import to_int8
from training.network import Convolutions, start_trunk_from
from training.pictures import INCORRECT
from training.settings import SecondLookSettings
from training.teacher import FILE

_log = logging.getLogger(__name__)
_LABELS = ("with_mask", "without_mask", "mask_worn_incorrectly", "no_face")
_FILE, _WEIGHTS = "second-look.tflite", "average.weights.h5"
_CALIBRATION_BATCHES = 4


def build(settings: SecondLookSettings, *, batch: int | None = None) -> tf.keras.Model:
    """Returns the untrained network: YCrCb -1..1 to shares of the three states and "no face".

    Its trunk is that of the detector; what follows sees where in the crop a feature lies.
    """
    image = layers.Input((settings.size, settings.size, 3), batch_size=batch)
    _, middle, _ = Convolutions().trunk(image)
    x = layers.Conv2D(settings.channels, 1, activation="relu", name="narrow")(middle)
    x = layers.Dropout(settings.dropout)(layers.Flatten()(x))
    x = layers.Dense(settings.hidden, activation="relu")(x)
    x = layers.Dropout(settings.dropout)(x)
    return tf.keras.Model(image, layers.Softmax()(layers.Dense(NO_FACE + 1)(x)))


def train(
    data: Path,
    teacher: Path,
    stills: Path,
    settings: SecondLookSettings,
    runs: Path,
    model: Path,
) -> None:
    """Trains on what `model`, the detector, finds; leaves the averaged weights in `runs`.

    Where weights of an earlier training are there, it goes on from these as `settings.more` says,
    and leaves the mean of both: each has what the other forgot.

    teacher: the folder of the teacher, whose weights the trunk begins with. stills: of the
    rendered street, in full resolution.
    """
    cuts = load_cuts(data, teacher, stills, model)
    _log.info("second look: %d cuts", len(cuts))
    smoothed = tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.03)

    def judge(shares: tf.Tensor, kinds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return smoothed(tf.one_hot(kinds, NO_FACE + 1), shares), tf.argmax(shares, 1) == kinds

    kept = runs / _WEIGHTS
    going_on = kept.is_file()
    if going_on:
        settings = replace(settings, **asdict(settings.more))

    def start() -> tf.keras.Model:
        network = build(settings)
        if going_on:
            network.load_weights(str(kept))
        else:
            start_trunk_from(network, teacher / FILE)
        return network

    average = Averaged("second look", start, judge, settings)
    runs.mkdir(parents=True, exist_ok=True)
    feed = batches(cuts, settings, first=0)
    for crops, kinds in islice(feed, settings.steps):
        average.learn(_scaled(crops), tf.constant(kinds, tf.int64))
    feed.close()
    if going_on:
        average.mix(start().get_weights())
    average.save(kept)


def export(
    data: Path,
    teacher: Path,
    stills: Path,
    settings: SecondLookSettings,
    runs: Path,
    models: Path,
) -> Path:
    """Writes second-look.tflite to `models` and its name to maskcam.json."""
    network = build(settings, batch=1)
    network.load_weights(str(runs / _WEIGHTS))
    _make_rarer(network, INCORRECT, settings.incorrect_rarer)
    cuts = load_cuts(data, teacher, stills, models / "maskcam.tflite")
    feed = batches(cuts, settings, first=settings.steps)
    drawn = [next(feed)[0] for _ in range(_CALIBRATION_BATCHES)]
    feed.close()

    content = to_int8(network, np.concatenate(drawn), output=tf.uint8)
    return write_model(models, _FILE, content, {"labels": list(_LABELS)}, part="second_look")


def _make_rarer(network: tf.keras.Model, kind: int, share: float) -> None:
    """Multiplies the odds of a kind by `share`: so much rarer is it in a street."""
    kernel, bias = network.layers[-2].get_weights()
    bias[kind] += np.log(share)
    network.layers[-2].set_weights([kernel, bias])


def _scaled(crops: NDArray[np.uint8]) -> tf.Tensor:
    return (tf.cast(crops, tf.float32) - 127.5) / 127.5
