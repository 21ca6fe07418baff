"""The small network that distinguishes a "no" from other motion of a head.

It sees no pixel: its input is how one head turned, nodded, tilted and travelled in the last
1.6 seconds, brought to one rate so that any frame rate describes a motion alike.
Its int8 weights, in `shake_weights.py`, are those of four networks that learned alike, side by
side: the output is their mean, which depends less on chance than one of them.
`scripts/train-model --only head-shake` makes them. What they learned from, and how well they do:
docs/head-shake.md.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskcam.people import shake_weights
from maskcam.records import HeadMotion

Floats = NDArray[np.float32]

RATE_HZ: Final = 20
STEPS: Final = 31  # of 1 / `RATE_HZ`
SPAN_S: Final = (STEPS + 1) / RATE_HZ
INPUTS: Final = 5 * STEPS + 1
_UNITS: Final = np.array((0.05, 0.05, 0.03, 0.1))[:, None]  # yaw, pitch, roll, travel per step
_LONGEST_FRAME_S: Final = 0.15
_FRAME_UNIT_S: Final = 0.1

_SHORT: Final = 16  # steps; summaries are made of these and of all
_LAGS: Final = (2, 3, 4, 5, 6, 8, 10)  # steps after which a swing may have turned back
SUMMARIES: Final = 2 * (12 + len(_LAGS))
_IN_YAW_UNITS: Final = np.array((1.0, 1.0, 0.6, 2.0), np.float32)[:, None]
_FROM_ABOVE: Final = 0.6  # of a turn, seen as a tilt the other way from a camera above
_LITTLE: Final = 0.05  # keeps quotients finite where nothing moves
_LITTLE_PATH: Final = 0.3
_LITTLE_STEP: Final = 0.1

_AGO_S: Final = np.arange(STEPS + 1) / RATE_HZ
_MIRROR: Final = np.repeat(np.array([-1, 1, -1, -1, 1, 1]), [STEPS] * 5 + [1])[:INPUTS].astype(
    np.float32
)


# (lags, steps) the index of each step's earlier one; `STEPS` where there is none.
_SHIFTS: Final = np.minimum(np.arange(STEPS) + np.array(_LAGS)[:, None], STEPS)
# (2, 1, steps) the newest steps, and all.
_WINDOWS: Final = (np.arange(STEPS) < np.array((_SHORT, STEPS))[:, None, None]).astype(np.float32)
_SEEN: Final = _IN_YAW_UNITS * _WINDOWS


class Layer(NamedTuple):
    """weights (inputs, outputs), bias (outputs,)."""

    weights: Floats
    bias: Floats


class ShakeNetwork:
    """The network that comes with maskcam, or one of other weights.

    Args:
        layers: first to last; between two of them negative values become 0.
        mean, spread: (`SUMMARIES`,) of the summaries, by which they are brought to one scale.
    """

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        *,
        mean: Floats | None = None,
        spread: Floats | None = None,
    ) -> None:
        self._layers = _own_layers() if layers is None else tuple(layers)
        self._mean = _floats(shake_weights.MEAN) if mean is None else mean
        self._spread = _floats(shake_weights.SPREAD) if spread is None else spread

    def log_odds(self, motions: Sequence[HeadMotion]) -> float:
        """Returns how sure it is that a "no" has just been said, as log odds.

        motions: of one head, frame by frame, the last being the present; those before the
            last `SPAN_S` do not matter.
        """
        seen = describe_motion(motions)
        # A "no" that begins to the left is as good as one that begins to the right.
        values = np.empty((2, INPUTS + SUMMARIES), np.float32)
        values[0, :INPUTS] = seen
        np.multiply(seen, _MIRROR, out=values[1, :INPUTS])
        values[:, INPUTS:] = (summarise(seen[None])[0] - self._mean) / self._spread
        for layer in self._layers[:-1]:
            values = np.maximum(values @ layer.weights + layer.bias, 0)
        last = self._layers[-1]
        return float((values @ last.weights + last.bias).mean())


def describe_motion(motions: Sequence[HeadMotion]) -> Floats:
    """Returns (`INPUTS`,) the network's input: what moved in each step, newest first."""
    rows = chain.from_iterable(motion[:6] for motion in motions)
    at_s, yaw, pitch, quality, roll, travel = np.fromiter(rows, float).reshape(-1, 6).T
    grid_s = at_s[-1] - _AGO_S
    seen = np.empty(INPUTS)
    table = seen[: 4 * STEPS].reshape(4, STEPS)
    for row, moved in zip(table, (yaw, pitch, roll, travel), strict=True):
        path = np.interp(grid_s, at_s, moved.cumsum())
        np.subtract(path[:-1], path[1:], out=row)
    table[3] -= table[3].mean()  # walking on steadily is no swaying
    table /= _UNITS
    frames = at_s.searchsorted(grid_s[:-1] - 1e-9)
    seen[4 * STEPS : -1] = quality.take(frames, mode="clip") * (grid_s[:-1] > at_s[0])
    frame_s = (at_s[-1] - at_s[0]) / max(1, len(at_s) - 1) or _FRAME_UNIT_S
    seen[-1] = min(frame_s, _LONGEST_FRAME_S) / _FRAME_UNIT_S
    return seen.astype(np.float32)


def summarise(inputs: Floats) -> Floats:
    """Returns (n, `SUMMARIES`) what distinguishes a shake, of the inputs (n, `INPUTS`).

    They are the same for a motion and its mirror image.
    """
    table = inputs[:, :-1].reshape(len(inputs), 1, 5, STEPS)
    moved = (table[:, :, :4] * _SEEN).reshape(-1, 4, STEPS)
    quality = table[:, :, 4].repeat(len(_WINDOWS), axis=1).reshape(-1, STEPS)
    summaries = _summarise_steps(moved, quality).reshape(len(inputs), SUMMARIES)
    return summaries.astype(np.float32, copy=False)


def _summarise_steps(moved: Floats, quality: Floats) -> Floats:
    """Summarises (n, 4, steps) yaw, pitch, roll and travel; and quality (n, steps)."""
    yaw = moved[:, 0]
    products = moved @ moved.swapaxes(1, 2)
    squares = products.diagonal(axis1=1, axis2=2) + _LITTLE
    alike = products[:, 0, 1:] / np.sqrt(squares[:, :1] * squares[:, 1:])
    np.abs(alike[:, ::2], out=alike[:, ::2])  # with pitch and travel; with roll the side counts
    above = np.minimum(np.maximum(-products[:, 0, 2] / squares[:, 0], 0), _FROM_ABOVE)
    moved[:, 2] += above[:, None] * yaw
    sizes = np.abs(moved)
    lengths = sizes.sum(axis=2)
    logs = np.log(lengths + _LITTLE_PATH)
    path = yaw.cumsum(axis=1)
    extent = np.maximum(path.max(axis=1), 0) - np.minimum(path.min(axis=1), 0)
    across = lengths[:, 0] + _LITTLE
    padded = np.zeros((len(yaw), STEPS + 1), yaw.dtype)
    padded[:, :STEPS] = yaw
    earlier = padded.take(_SHIFTS, axis=1)
    back = (earlier @ yaw[:, :, None])[:, :, 0] / squares[:, :1]
    found = np.empty((len(yaw), SUMMARIES // len(_WINDOWS)), yaw.dtype)
    found[:, 0] = logs[:, 0]
    found[:, 1] = np.log(extent + _LITTLE_PATH) - logs[:, 0]
    found[:, 2] = np.abs(path[:, -1]) / across
    found[:, 3] = (sizes[:, 0] * quality).sum(axis=1) / across
    found[:, 4] = np.log(sizes[:, 0].max(axis=1) + _LITTLE_STEP)
    found[:, 5] = back.min(axis=1)
    found[:, 6:9] = logs[:, 1:] - logs[:, :1]
    found[:, 9:12] = alike
    found[:, 12:] = back
    return found


def mirrored(inputs: Floats) -> Floats:
    """Returns the inputs (n, `INPUTS`) of the same motions to the other side."""
    return inputs * _MIRROR


@cache
def _own_layers() -> tuple[Layer, ...]:
    layers = []
    for scales, bias, weights in shake_weights.LAYERS:
        scale = _floats(scales)
        whole = np.frombuffer(base64.b85decode(weights), np.int8).reshape(-1, len(scale))
        layers.append(Layer(whole.astype(np.float32) * scale, _floats(bias)))
    return tuple(layers)


def _floats(text: str) -> Floats:
    return np.frombuffer(base64.b85decode(text), "<f4").astype(np.float32)
