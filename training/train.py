"""The training loop of the detector: resumable, with validation and curves."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from maskcam.evaluate.detections import read_truth
from maskcam.evaluate.precision import average_precisions
from training import cells, hardness
from training.curves import draw_curves
from training.feed import batches, load_training_pictures
from training.loss import loss
from training.network import build, start_from
from training.pictures import load_coco
from training.settings import Settings
from training.teacher import FILE
from training.validation import Predict, detect

_log = logging.getLogger(__name__)
_REPORT_STEPS = 50
_LONGEST_STEP_S = 20.0  # the first batch waits for the pictures to be read


def train(data: Path, teacher: Path, stills: Path, settings: Settings, runs: Path) -> Path:
    """Trains for settings.steps in all and returns the file of the averaged weights.

    Begins with the teacher's weights, or goes on where the last call with the same `runs`
    folder stopped. A step sees the same pictures on every machine, at the same learning rate.
    """
    runs.mkdir(parents=True, exist_ok=True)
    hard = runs / "hardness.json"
    if not hard.is_file():
        start = build()
        start_from(start, teacher / FILE)
        height, width = settings.input
        hardness.measure(
            *(predict_with(start), load_training_pictures(data, settings), hard),
            height=height,
            width=width,
        )
    learner = _Learner(settings, teacher / FILE, runs)
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    feed = batches(data, stills, hard, settings, first=learner.done)
    while learner.done < settings.steps and not stop:
        learner.learn(*next(feed))
        if learner.done % settings.validate_steps == 0 or learner.done == settings.steps:
            learner.validate(data)
    feed.close()
    if stop:
        learner.save()
        _log.info("stopped at step %d; call again to go on", learner.done)
        raise SystemExit(1)
    return learner.weights


def predict_with(model: tf.keras.Model) -> Predict:
    """Returns a function from pictures (B, H, W, 3) uint8 to codes and scores."""
    run = tf.function(
        lambda x: model((tf.cast(x, tf.float32) - 127.5) / 127.5, training=False),
        reduce_retracing=True,
    )
    return lambda rgb: tuple(part.numpy() for part in run(rgb))


class _Learner:
    """The network, its slow average, the optimizer, and how far they are."""

    def __init__(self, settings: Settings, teacher: Path, runs: Path) -> None:
        tf.keras.utils.set_random_seed(settings.seed)
        height, width = settings.recipe.canvas
        # Fixed shapes train a fifth faster; the weights fit any.
        self._model = build(height=height, width=width, batch=settings.batch)
        start_from(self._model, teacher)
        self._teacher = build(height=height, width=width, batch=settings.batch)
        self._teacher.set_weights(self._model.get_weights())
        self._average = build()
        self._average.set_weights(self._model.get_weights())
        self._optimizer = tf.keras.optimizers.AdamW(
            settings.learning_rate, weight_decay=settings.weight_decay, beta_2=0.99
        )
        self._optimizer.exclude_from_weight_decay(var_names=["bias"])
        self._optimizer.build(self._model.trainable_variables)
        self._step = tf.Variable(0, dtype=tf.int64)
        self._spent_s = tf.Variable(0.0, dtype=tf.float64)
        state = tf.train.Checkpoint(
            model=self._model,
            average=self._average,
            optimizer=self._optimizer,
            step=self._step,
            spent_s=self._spent_s,
        )
        self._manager = tf.train.CheckpointManager(state, str(runs / "checkpoints"), max_to_keep=2)
        if self._manager.latest_checkpoint:
            state.restore(self._manager.latest_checkpoint).expect_partial()
            _log.info("goes on at step %d", self.done)
        unit = cells.anchors(height, width)
        self._anchor_px = tf.constant(unit * np.array([height, width] * 2, np.float32))
        self._settings, self._runs = settings, runs
        self._sums, self._recent = np.zeros(2), [0.0, 0.0]
        self._began_s = time.monotonic()
        self._learn_batch = tf.function(self._learn)

    @property
    def done(self) -> int:
        """Steps taken so far."""
        return int(self._step)

    @property
    def weights(self) -> Path:
        """The file of the averaged weights."""
        return self._runs / "average.weights.h5"

    def learn(self, *batch: np.ndarray) -> None:
        """Takes one step with rgb and what `cells.assign` says; logs now and then."""
        settings, done = self._settings, self.done
        warm = min(1.0, (done + 1) / settings.warm_up_steps)
        fall = 0.01 + 0.99 * (1 + math.cos(math.pi * done / settings.steps)) / 2
        self._optimizer.learning_rate.assign(settings.learning_rate * warm * fall)
        keep = min(settings.ema, (1 + done) / (10 + done))
        self._sums += self._learn_batch(*batch, tf.constant(keep, tf.float32)).numpy()
        self._step.assign_add(1)
        now = time.monotonic()
        self._spent_s.assign_add(min(now - self._began_s, _LONGEST_STEP_S))
        self._began_s = now
        if self.done % _REPORT_STEPS == 0:
            self._recent = (self._sums / _REPORT_STEPS).round(4).tolist()
            self._sums[:] = 0
            _log.info(
                "step %d of %d  minute %.1f  score loss %.3f  box loss %.3f",
                *(self.done, settings.steps, float(self._spent_s) / 60, *self._recent),
            )

    def _learn(
        self,
        rgb: tf.Tensor,
        target: tf.Tensor,
        kinds: tf.Tensor,
        weights: tf.Tensor,
        keep: tf.Tensor,
    ) -> tf.Tensor:
        model = self._model
        scaled = (tf.cast(rgb, tf.float32) - 127.5) / 127.5
        teacher = self._teacher(scaled, training=False)
        with tf.GradientTape() as tape:
            codes, scores = model(scaled, training=True)
            parts = loss(
                *(codes, scores),
                target=target,
                kinds=kinds,
                weights=weights,
                anchor_px=self._anchor_px,
                class_weights=self._settings.class_weights,
                teacher=teacher,
                anchoring=self._settings.anchoring,
            )
            whole = parts[0] + self._settings.box_weight * parts[1]
        gradients = tape.gradient(whole, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, 10.0)
        self._optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        for slow, fast in zip(self._average.variables, model.variables, strict=True):
            slow.assign(keep * slow + (1 - keep) * fast)
        return tf.stack(parts)

    def validate(self, data: Path) -> None:
        """Measures the averaged network, keeps its weights and the state of the training."""
        height, width = self._settings.input
        entry: dict[str, Any] = {
            "step": self.done,
            "minutes": float(self._spent_s) / 60,
            "loss": self._recent,
        }
        predict = predict_with(self._average)
        for name in ("masks", "people"):
            file = data / name / "val.json"
            found = [
                detect(predict, one.rgb, height=height, width=width)
                for one in load_coco(file, data / name / "images")
            ]
            entry[name] = average_precisions(read_truth(file)[1], found)["face"] or 0.0
        _log.info("validation: masks %.3f  people %.3f", entry["masks"], entry["people"])
        file = self._runs / "history.json"
        history = json.loads(file.read_text()) if file.is_file() else []
        file.write_text(json.dumps([*history, entry], indent=1))
        draw_curves([*history, entry], self._runs / "curves.png")
        self.save()
        self._began_s = time.monotonic()

    def save(self) -> None:
        """Writes the averaged weights and the state of the training."""
        self._average.save_weights(str(self.weights))
        self._manager.save()
