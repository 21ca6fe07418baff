"""A network in training beside the slow average of its weights, which is what is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from training.settings import FaceInViewSettings, SecondLookSettings

_log = logging.getLogger(__name__)
_REPORT_STEPS = 250


class Averaged:
    """Trains a classifier, and logs its progress.

    Args:
        name: of the network, in the log.
        build: returns it, untrained.
        judge: returns the loss of a batch, and which of its examples (B,) are right,
            from what the network gave and what is true.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], tf.keras.Model],
        judge: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
        settings: FaceInViewSettings | SecondLookSettings,
    ) -> None:
        tf.keras.utils.set_random_seed(settings.seed)
        network, self.network = build(), build()  # the one that learns, and its average
        self.network.set_weights(network.get_weights())
        optimizer = tf.keras.optimizers.AdamW(
            tf.keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps),
            weight_decay=settings.weight_decay,
        )

        @tf.function
        def step(inputs: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss, right = judge(network(inputs, training=True), truth)
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
            for slow, fast in zip(self.network.variables, network.variables, strict=True):
                slow.assign(settings.ema * slow + (1 - settings.ema) * fast)
            return tf.stack([loss, tf.reduce_mean(tf.cast(right, tf.float32))])

        self._name, self._step, self._steps = name, step, settings.steps
        self._began_s, self._done = time.monotonic(), 0
        self._recent: list[np.ndarray] = []

    def learn(self, inputs: tf.Tensor, truth: tf.Tensor) -> None:
        """Takes one step with a batch; logs now and then."""
        self._recent.append(self._step(inputs, truth).numpy())
        self._done += 1
        if self._done % _REPORT_STEPS == 0 or self._done == self._steps:
            loss, right = np.mean(self._recent, axis=0)
            spent = (time.monotonic() - self._began_s) / 60
            _log.info(
                "%s: step %d of %d, minute %.1f, loss %.3f, right %.3f",
                *(self._name, self._done, self._steps, spent, loss, right),
            )
            self._recent.clear()

    def mix(self, weights: list[np.ndarray]) -> None:
        """Puts the mean of the averaged weights and of `weights` in their place."""
        pairs = zip(self.network.get_weights(), weights, strict=True)
        self.network.set_weights([(mine + other) / 2 for mine, other in pairs])

    def save(self, file: Path) -> None:
        """Writes the averaged weights."""
        self.network.save_weights(str(file))
