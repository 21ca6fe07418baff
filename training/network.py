"""The network that finds faces: the teacher's, YuNet, rebuilt layer by layer, with our own heads.

Architecture: Wu, Peng, Yu, "YuNet: a tiny millisecond-level face detector", 2023: pairs of a
pointwise and a depthwise convolution, max pooling, a pyramid of nearest enlargement and addition.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

from training import cells
from training.teacher import Convolution, read_convolutions

_STEM, _WIDE = 16, 64  # channels at stride 4, and behind it
_HEADS = 35  # number of the teacher's first convolution that belongs to a head
# The teacher's boxes begin a little high; those of `masks` are so much smaller (its README).
_OURS = {"height": 0.875, "width": 1.036}


class Convolutions:
    """Makes convolutions that are numbered in the teacher's order, so that its weights fit."""

    def __init__(self) -> None:
        self._number = count()

    def conv(self, x: tf.Tensor, channels: int, size: int, **options: object) -> tf.Tensor:
        """Returns a convolution of `size` x `size`."""
        return layers.Conv2D(channels, size, padding="same", name=self._name(), **options)(x)

    def depthwise(self, x: tf.Tensor, **options: object) -> tf.Tensor:
        """Returns a 3x3 convolution of each channel by itself."""
        return layers.DepthwiseConv2D(3, padding="same", name=self._name(), **options)(x)

    def pair(self, x: tf.Tensor, channels: int = _WIDE) -> tf.Tensor:
        """Returns a pointwise and a depthwise convolution, then ReLU."""
        return self.depthwise(self.conv(x, channels, 1), activation="relu")

    def trunk(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Returns the features of a picture at strides 8, 16 and 32."""
        x = self.pair(self.conv(image, _STEM, 3, strides=2, activation="relu"), _STEM)
        x = self.pair(self.pair(layers.MaxPool2D(2)(x), _STEM))
        x = self.pair(self.pair(x))
        levels = []
        for _ in cells.STRIDES:
            x = self.pair(self.pair(layers.MaxPool2D(2)(x)))
            levels.append(x)
        return levels

    def _name(self) -> str:
        return f"conv{next(self._number):02d}"


def build(
    *, height: int | None = None, width: int | None = None, batch: int | None = None
) -> tf.keras.Model:
    """Returns the model: rgb -1..1 to box codes (B, N, 4) in 0..6 and scores (B, N, 1) in 0..1.

    Sides are multiples of 32; None leaves them open. Weights do not depend on them.
    """
    make = Convolutions()
    image = layers.Input((height, width, 3), batch_size=batch)
    fine, middle, coarse = make.trunk(image)
    coarse = make.pair(coarse)
    middle = make.pair(_merge(middle, coarse))
    fine = make.pair(_merge(fine, middle))
    levels = [make.pair(level) for level in (fine, middle, coarse)]
    logits = [make.conv(make.conv(level, 2, 1), 1, 3) for level in levels]
    codes = [layers.ReLU(6.0)(make.depthwise(make.conv(level, 4, 1))) for level in levels]
    scores = layers.Concatenate(1)([layers.Reshape((-1, 1))(one) for one in logits])
    return tf.keras.Model(
        image,
        [
            layers.Concatenate(1, name="codes")([layers.Reshape((-1, 4))(one) for one in codes]),
            layers.Activation("sigmoid", name="scores")(scores),
        ],
    )


def start_from(model: tf.keras.Model, teacher: Path) -> None:
    """Gives a model of `build` the teacher's weights, fitted to our input, boxes and one score.

    Raises:
        ValueError: `teacher` is another network.
    """
    convolutions = read_convolutions(teacher)
    heads = convolutions[_HEADS:]
    # Class, box, objectness, points; of each the three levels; of each a pair.
    kinds, boxes, presences = (
        [heads[6 * part + 2 * level :][:2] for level in range(3)] for part in range(3)
    )
    ours = [_stem(convolutions[0]), *convolutions[1:_HEADS]]
    for kind, presence in zip(kinds, presences, strict=True):
        ours += _score_head(kind, presence)
    for box, stride in zip(boxes, cells.STRIDES, strict=True):
        ours += _box_head(box, stride)
    _give(model, ours)


def start_trunk_from(model: tf.keras.Model, teacher: Path) -> None:
    """Gives a model that begins with the trunk, of YCrCb -1..1, the teacher's weights there."""
    stem, *others = read_convolutions(teacher)
    ours = [_stem(stem), *others]
    to_rgb = np.array([[1, 1, 1], [1.403, -0.714, 0], [0, -0.344, 1.773]])  # of Y, Cr, Cb
    # Grey is 127.5 in -1..1 but 128 in the encoding: too little a difference to matter.
    kernel = np.einsum("hwro,yr->hwyo", ours[0].kernel, to_rgb)
    ours[0] = Convolution(kernel.astype(np.float32), ours[0].bias)
    _give(model, ours[: sum(layer.name.startswith("conv") for layer in model.layers)])


def _give(model: tf.keras.Model, convolutions: list[Convolution]) -> None:
    named = (layer for layer in model.layers if layer.name.startswith("conv"))
    made = sorted((one for one in named if one.weights), key=lambda layer: layer.name)
    for layer, one in zip(made, convolutions, strict=True):
        layer.set_weights([one.kernel, one.bias])


def _stem(one: Convolution) -> Convolution:
    """Takes RGB -1..1 where the teacher takes BGR 0..255."""
    return Convolution(one.kernel[:, :, ::-1] * 127.5, one.bias + 127.5 * one.kernel.sum((0, 1, 2)))


def _score_head(kind: list[Convolution], presence: list[Convolution]) -> list[Convolution]:
    """Makes one score of two: the mean of both logits, which is near the root of the product."""
    return [
        Convolution(
            np.concatenate([kind[0].kernel, presence[0].kernel], 3),
            np.concatenate([kind[0].bias, presence[0].bias]),
        ),
        Convolution(
            np.concatenate([kind[1].kernel, presence[1].kernel], 2) / 2,
            (kind[1].bias + presence[1].bias) / 2,
        ),
    ]


def _box_head(box: list[Convolution], stride: int) -> list[Convolution]:
    """Turns dx, dy, log w, log h in strides to the codes y, x, h, w of `cells`."""
    order = [1, 0, 3, 2]
    factor = np.array([cells.XY_SCALE / cells.ANCHOR] * 2 + [cells.WH_SCALE] * 2, np.float32)
    # Our first convolution is padded behind only, so it sees everything one px earlier.
    corner = cells.REACH - 0.5 + 1 / stride
    shift = np.array(
        [corner, corner, *(np.log(_OURS[side] / cells.ANCHOR) for side in ("height", "width"))],
        np.float32,
    )
    return [
        Convolution(box[0].kernel[..., order], box[0].bias[order]),
        Convolution(
            box[1].kernel[:, :, order] * factor[:, None],
            (box[1].bias[order] + shift) * factor,
        ),
    ]


def _merge(fine: tf.Tensor, coarse: tf.Tensor) -> tf.Tensor:
    return layers.Add()([fine, _Enlarge()([coarse, fine])])


class _Enlarge(layers.Layer):
    """Repeats each cell so that `coarse` gets the rows and columns of `fine`."""

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        coarse, fine = inputs
        static = fine.shape[1:3]
        size = list(static) if None not in static else tf.shape(fine)[1:3]
        return tf.raw_ops.ResizeNearestNeighbor(images=coarse, size=size, half_pixel_centers=False)
