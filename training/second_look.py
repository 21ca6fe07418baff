"""Trains the network that looks at each found face again, and exports it."""

from __future__ import annotations

import hashlib
import json
import logging
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.keras import layers

from training.averaged import Averaged
from training.cut_feed import batches, plain
from training.cuts import NO_FACE, load_cuts
from training.export import LABELS, to_int8
from training.network import conv, residual
from training.settings import SecondLookSettings
from training.stills import FULL_SIZE, render

_log = logging.getLogger(__name__)
_FILE, _WEIGHTS = "second-look.tflite", "average.weights.h5"
_FIRST_SEED = 3_000_000  # other streets than those the detector learns from
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
    told = tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.03)

    def judge(shares: tf.Tensor, kinds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return told(tf.one_hot(kinds, NO_FACE + 1), shares), tf.argmax(shares, 1) == kinds

    average = Averaged("second look", partial(build, settings), judge, settings)
    first = settings.steps // 3
    for start, end in ((0, first), (first, settings.steps)):
        if start:
            cuts += [
                cut for cut in doubtful if _no_face(average.network, plain(cut, settings.size))
            ]
            _log.info("second look: %d cuts", len(cuts))
        feed = batches(cuts, settings, first=start)
        for pictures, kinds in islice(feed, end - start):
            average.learn(_scaled(pictures), tf.constant(kinds, tf.int64))
        feed.close()
    average.save(runs / _WEIGHTS)


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
