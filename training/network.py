"""The network: a plain residual backbone, a feature pyramid, one small head a level.

Dense 3x3 convolutions and ReLU6 throughout: fast on the Edge TPU, and to train on a CPU.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

_PRIOR = 0.02  # chance of a face in a cell before training


@dataclass(frozen=True, slots=True)
class Shape:
    """Channels at strides 4, 8, 16, 32 and of the pyramid; residual blocks at 8, 16, 32."""

    channels: tuple[int, int, int, int]
    blocks: tuple[int, int, int]
    pyramid: int


def build(
    shape: Shape, *, height: int | None, width: int | None, batch: int | None = None
) -> tf.keras.Model:
    """Returns the model: rgb -1..1 to box codes (B, N, 4) in 0..6 and scores (B, N, 3) in 0..1.

    Sides are multiples of 32; None leaves them open (training). Weights do not depend on them.
    """
    image = layers.Input((height, width, 3), batch_size=batch)
    x = conv(image, shape.channels[0], 6, 4)
    levels = []
    for channels, blocks in zip(shape.channels[1:], shape.blocks, strict=True):
        x = conv(x, channels, 3, 2)
        for _ in range(blocks):
            x = residual(x, channels)
        levels.append(x)
    fine, middle, coarse = levels
    coarse = conv(coarse, shape.pyramid, 1)
    middle = conv(_merge(middle, coarse, shape.pyramid), shape.pyramid, 3)
    fine = conv(_merge(fine, middle, shape.pyramid), shape.pyramid, 3)
    codes, scores = [], []
    for level in (fine, middle, coarse):
        x = conv(level, shape.pyramid, 3)
        # The last layers stay exact when the others train in half precision.
        code = layers.Conv2D(4, 1, bias_initializer=tf.constant_initializer(3.0), dtype="float32")(
            x
        )
        code = layers.ReLU(6.0, dtype="float32")(code)
        prior = tf.constant_initializer(float(np.log(_PRIOR / (1 - _PRIOR))))
        score = layers.Conv2D(3, 1, bias_initializer=prior, dtype="float32")(x)
        codes.append(layers.Reshape((-1, 4), dtype="float32")(code))
        scores.append(layers.Reshape((-1, 3), dtype="float32")(score))
    return tf.keras.Model(
        image,
        [
            layers.Concatenate(1, name="codes", dtype="float32")(codes),
            layers.Activation("sigmoid", name="scores", dtype="float32")(
                layers.Concatenate(1, dtype="float32")(scores)
            ),
        ],
    )


def conv(
    x: tf.Tensor, channels: int, kernel: int, stride: int = 1, *, relu: bool = True
) -> tf.Tensor:
    """Returns a convolution with batch normalization, and ReLU6 if wanted."""
    x = layers.Conv2D(
        channels, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-3)(x)
    return layers.ReLU(6.0)(x) if relu else x


def residual(x: tf.Tensor, channels: int) -> tf.Tensor:
    """Returns two 3x3 convolutions beside a short cut."""
    y = conv(conv(x, channels, 3), channels, 3, relu=False)
    return layers.ReLU(6.0)(layers.Add()([x, y]))


def _merge(fine: tf.Tensor, coarse: tf.Tensor, channels: int) -> tf.Tensor:
    side = conv(fine, channels, 1, relu=False)
    return layers.ReLU(6.0)(layers.Add()([side, _Enlarge()([coarse, side])]))


class _Enlarge(layers.Layer):
    """Repeats each cell so that `coarse` gets the rows and columns of `fine`."""

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        coarse, fine = inputs
        static = fine.shape[1:3]
        size = list(static) if None not in static else tf.shape(fine)[1:3]
        return tf.raw_ops.ResizeNearestNeighbor(images=coarse, size=size, half_pixel_centers=False)
