"""The blocks that the small networks are made of."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.keras import layers


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
