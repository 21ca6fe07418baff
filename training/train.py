"""The training loop: resumable, with validation and curves."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from maskcam.evaluate.detections import read_truth
from maskcam.evaluate.precision import average_precisions
from training import cells
from training.curves import draw_curves
from training.feed import batches
from training.loss import loss
from training.network import Shape, build
from training.pictures import load_coco
from training.settings import Settings
from training.validation import detect

_log = logging.getLogger(__name__)
_REPORT_STEPS = 50
_CPU = Path("/proc/cpuinfo")
_LONGEST_STEP_S = 20.0  # the first batch waits for the pictures to be read


def network_of(settings: Settings, **kwargs: int | None) -> tf.keras.Model:
    """Returns the untrained network of the settings."""
    shape = Shape(settings.channels, settings.blocks, settings.pyramid)
    return build(shape, **kwargs)


@contextlib.contextmanager
def _precision(settings: Settings) -> Iterator[None]:
    """Layers built inside compute in bfloat16 where that is fast; their weights stay float32."""
    half = settings.half_precision == "always" or (
        settings.half_precision == "auto" and "amx_bf16" in _CPU.read_text().split()
    )
    _log.info("trains in %s", "bfloat16" if half else "float32")
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if half else "float32")
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


def train(data: Path, stills: Path, settings: Settings, runs: Path) -> Path:
    """Trains for settings.steps in all and returns the file of the averaged weights.

    Goes on where the last call with the same `runs` folder stopped. A step sees the same
    pictures on every machine, at the same learning rate.
    """
    runs.mkdir(parents=True, exist_ok=True)
    tf.keras.utils.set_random_seed(settings.seed)
    height, width = settings.recipe.canvas
    # Fixed shapes train a fifth faster; the weights fit any.
    with _precision(settings):
        model = network_of(settings, height=height, width=width, batch=settings.batch)
    average = network_of(settings, height=None, width=None)
    optimizer = tf.keras.optimizers.AdamW(
        settings.learning_rate, weight_decay=settings.weight_decay, beta_2=0.99
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    average.set_weights(model.get_weights())
    step, spent_s = tf.Variable(0, dtype=tf.int64), tf.Variable(0.0, dtype=tf.float64)
    state = tf.train.Checkpoint(
        model=model, average=average, optimizer=optimizer, step=step, spent_s=spent_s
    )
    manager = tf.train.CheckpointManager(state, str(runs / "checkpoints"), max_to_keep=2)
    if manager.latest_checkpoint:
        state.restore(manager.latest_checkpoint).expect_partial()
        _log.info("goes on at step %d, minute %.1f", int(step), float(spent_s) / 60)
    history_file = runs / "history.json"
    history = json.loads(history_file.read_text()) if history_file.is_file() else []

    unit = cells.anchors(height, width)
    anchor_px = tf.constant(unit * np.array([height, width, height, width], np.float32))

    @tf.function
    def learn(
        rgb: tf.Tensor,
        target: tf.Tensor,
        kinds: tf.Tensor,
        weights: tf.Tensor,
        state_weight: tf.Tensor,
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            codes, scores = model((tf.cast(rgb, tf.float32) - 127.5) / 127.5, training=True)
            parts = loss(
                codes,
                scores,
                target=target,
                kinds=kinds,
                weights=weights,
                anchor_px=anchor_px,
                class_weights=settings.class_weights,
                state_weight=state_weight,
            )
            whole = parts[0] + 2.0 * parts[1]
        gradients = tape.gradient(whole, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, 10.0)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return tf.stack(parts)

    @tf.function
    def follow(keep: tf.Tensor) -> None:
        for slow, fast in zip(average.variables, model.variables, strict=True):
            slow.assign(keep * slow + (1 - keep) * fast)

    val_file = data / "masks/val.json"
    _, truths = read_truth(val_file)
    val = load_coco(val_file, data / "masks/images")
    shown = tf.function(lambda x: average((tf.cast(x, tf.float32) - 127.5) / 127.5, training=False))

    def validate() -> None:
        found = [
            detect(
                lambda rgb: tuple(part.numpy() for part in shown(rgb)),
                picture.rgb,
                height=settings.input[0],
                width=settings.input[1],
            )
            for picture in val
        ]
        scores = {k: v or 0.0 for k, v in average_precisions(truths, found).items()}
        history.append(
            {"step": int(step), "minutes": float(spent_s) / 60, "loss": recent, **scores}
        )
        history_file.write_text(json.dumps(history, indent=1))
        draw_curves(history, runs / "curves.png")
        average.save_weights(str(runs / "average.weights.h5"))
        manager.save()
        _log.info("validation %s", "  ".join(f"{k} {v:.3f}" for k, v in scores.items()))

    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    recent: list[float] = []
    sums, summed = np.zeros(2), 0
    feed = batches(data, stills, settings, first=int(step))
    began = time.monotonic()
    while int(step) < settings.steps:
        rgb, target, kinds, weights = next(feed)
        done = int(step) / settings.steps
        warm = min(1.0, (int(step) + 1) / settings.warm_up_steps)
        rate = settings.learning_rate * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        optimizer.learning_rate.assign(rate)
        state_weight = settings.state_weight if int(step) >= settings.state_from_step else 0.0
        sums += learn(rgb, target, kinds, weights, tf.constant(state_weight)).numpy()
        summed += 1
        step.assign_add(1)
        follow(tf.constant(min(settings.ema, (1 + int(step)) / (10 + int(step))), tf.float32))
        now = time.monotonic()
        spent_s.assign_add(min(now - began, _LONGEST_STEP_S))
        began = now
        if int(step) % _REPORT_STEPS == 0:
            recent = (sums / summed).round(4).tolist()
            sums[:], summed = 0, 0
            _log.info(
                "step %d of %d  minute %.1f  score loss %.3f  box loss %.3f  rate %.5f",
                int(step), settings.steps, float(spent_s) / 60, *recent, rate,
            )  # fmt: skip
        if int(step) % settings.validate_steps == 0 and int(step) < settings.steps:
            validate()
            began = time.monotonic()
        if stop:
            manager.save()
            _log.info("stopped at step %d; call again to go on", int(step))
            raise SystemExit(1)
    feed.close()
    validate()
    return runs / "average.weights.h5"
