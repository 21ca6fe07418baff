"""Trains the network that judges whether a face is in view or something before it."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.keras import layers

from maskcam.vision.face_in_view import normalised
from maskcam.vision.patch import SIZE
from training.averaged import Averaged
from training.blocks import conv, residual
from training.description import write_model
from training.drawn_heads import Sources
from training.head_pairs import Pairs, draw_pairs, sources
from training.settings import FaceInViewSettings

_log = logging.getLogger(__name__)
_FILE, _WEIGHTS = "face-in-view.tflite", "average.weights.h5"
_HALF = 0  # of the photographs; headclips.report measures with the other
_PORTION = 5000  # pairs that one process draws at a time
_HELD_BACK = 5000
_CALIBRATION = 500  # pairs
_IN_VIEW, _COVERED = 0.08, 0.3  # of the inner face covered, at most and at least
_SHIFT = 1  # px by which each picture is moved anew

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


def build(settings: FaceInViewSettings, *, batch: int | None = None) -> tf.keras.Model:
    """Returns the untrained network: two looks (B, 50, 36, 2) to the log odds (B, 1) of a view."""
    first, second, third = settings.channels
    looks = layers.Input((SIZE[1], SIZE[0], 2), batch_size=batch)
    x = conv(conv(looks, first, 3, 2), second, 3, 2)
    x = conv(residual(x, second), third, 3, 2)
    x = layers.Dropout(0.1)(layers.Flatten()(residual(x, third)))
    x = layers.Dense(settings.dense, activation="relu")(x)
    return tf.keras.Model(looks, layers.Dense(1)(x))


def train(data: Path, settings: FaceInViewSettings, runs: Path) -> None:
    """Draws the pairs, trains on them and leaves the averaged weights in `runs`."""
    pairs = _drawn(data, settings, runs)
    smoothed = tf.keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.02)

    def judge(odds: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        odds = odds[:, 0]
        return smoothed(seen, odds), (odds > 0) == (seen > 0.5)

    average = Averaged("face in view", partial(build, settings), judge, settings)
    for looks, seen in _batches(pairs, settings):
        average.learn(tf.constant(looks), tf.constant(seen))
    average.save(runs / _WEIGHTS)
    (runs / "held-back.json").write_text(
        json.dumps(_measured(average.network, pairs), indent=1) + "\n"
    )


def export(data: Path, settings: FaceInViewSettings, runs: Path, models: Path) -> dict[str, Any]:
    """Writes face-in-view.tflite to `models`; returns its figures for results.json."""
    pairs = _drawn(data, settings, runs)
    network = build(settings, batch=1)
    network.load_weights(str(runs / _WEIGHTS))
    content = _int8(network, pairs)
    write_model(models, _FILE, content, {}, part="face_in_view")
    sha256 = hashlib.sha256(content).hexdigest()
    held_back = json.loads((runs / "held-back.json").read_text())
    return {"sha256": sha256, "pairs": settings.pairs, "held_back": held_back}


def _int8(network: tf.keras.Model, pairs: Pairs) -> bytes:
    """Returns the network as int8 TFLite that takes and gives floats."""

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for before, now in pairs.patches[:_CALIBRATION]:
            yield [normalised(before[None], now[None])]

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    content: bytes = converter.convert()
    return content


def _drawn(data: Path, settings: FaceInViewSettings, runs: Path) -> Pairs:
    """Returns the pairs to learn from and to hold back; draws them where they are not kept."""
    kept = runs / f"pairs-{settings.pairs}-{settings.seed}.npz"
    if not kept.is_file():
        runs.mkdir(parents=True, exist_ok=True)
        portions = -(-settings.pairs // _PORTION)
        drawn = []
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(mp_context=spawn) as processes:
            seeds = range(settings.seed, settings.seed + portions)
            for portion in processes.map(partial(_portion, data), seeds):
                drawn.append(portion)
                _log.info(
                    "face in view: %d of %d pairs drawn", len(drawn) * _PORTION, settings.pairs
                )
        whole = Pairs(
            *(np.concatenate(part)[: settings.pairs] for part in zip(*drawn, strict=True))
        )
        np.savez(kept, **whole._asdict())
    with np.load(kept) as file:
        return Pairs(**{name: file[name] for name in Pairs._fields})


def _portion(data: Path, seed: int) -> Pairs:
    cv2.setNumThreads(1)
    return draw_pairs(_sources(data), _PORTION, seed)


@cache  # once for all portions of a process
def _sources(data: Path) -> Sources:
    return sources(data, half=_HALF)


def _batches(pairs: Pairs, settings: FaceInViewSettings) -> Iterator[Batch]:
    """Yields looks (B, 50, 36, 2) and views 0 or 1 (B,): mirrored and moved anew each time."""
    rng = np.random.default_rng(settings.seed)
    clear = np.flatnonzero(_clear(pairs)[:-_HELD_BACK])
    seen = _seen(pairs)
    for _ in range(settings.steps):
        chosen = rng.choice(clear, settings.batch)
        patches = pairs.patches[chosen]
        mirrored = rng.random(settings.batch) < 0.5
        patches[mirrored] = patches[mirrored, ..., ::-1]
        for i in (0, 1):
            moved = tuple(rng.integers(-_SHIFT, _SHIFT + 1, 2))
            patches[:, i] = np.roll(patches[:, i], moved, axis=(1, 2))
        yield normalised(patches[:, 0], patches[:, 1]), seen[chosen].astype(np.float32)


def _seen(pairs: Pairs) -> NDArray[np.bool_]:
    return pairs.covered[:, 1] < _IN_VIEW


def _clear(pairs: Pairs) -> NDArray[np.bool_]:
    """Returns which pairs are clear cases; a face that is a little covered is none."""
    return _seen(pairs) | (pairs.covered[:, 1] > _COVERED)


def _measured(network: tf.keras.Model, pairs: Pairs) -> dict[str, float]:
    """Returns how often held back pairs are judged right."""
    chosen = np.flatnonzero(_clear(pairs))
    chosen = chosen[chosen >= len(pairs.covered) - _HELD_BACK]
    patches, seen = pairs.patches[chosen], _seen(pairs)[chosen]
    looks = normalised(patches[:, 0], patches[:, 1])
    odds = network.predict(looks, batch_size=500, verbose=0)[:, 0]
    return {
        "pairs": len(chosen),
        "right": float(((odds > 0) == seen).mean()),
        "area_under_curve": float((odds[seen][:, None] > odds[~seen][None]).mean()),
    }
