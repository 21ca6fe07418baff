"""Splits the change between two pictures of a head into turn, tilt and travel.

A head is taken for an ellipsoid under distant view. Turning by a small angle moves a
point of its surface by depth times angle: most in the middle of the face, not at all at
the outline. Travel moves all points alike, tilting moves them around the neck. So the
three can be told apart in one picture pair, by weighted least squares on the luma
(Lucas and Kanade 1981; robust weights after Geman and McClure 1987).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.vision.patch import CENTRE, SIZE, Patch

# The head seen around a face box; between the two usual conventions of boxes, see
# docs/head-shake.md. The neck's joint is where the tilt turns.
_RADIUS_X: Final = 9.0
_RADIUS_Y: Final = 12.0
_MIDDLE_Y: Final = -1.5
_NECK_Y: Final = 12.0

# Ways in which an inner face can have gone sideways: indices of the fit's unknowns.
_TRAVELLED: Final = 0
_TURNED: Final = 2
_TILTED: Final = 4
_FAR: Final = 2.0  # px; where it went less, one beginning finds the end
_BETTER: Final = 0.97  # by which another beginning must explain more

_STEPS: Final = 3
_SETTLED: Final = 0.05  # px; a smaller change is not worth another step
_INDEPENDENT: Final = 0.2  # parts of the pixels: neighbours of a smooth picture agree
_NOISE: Final = 1.5  # luma levels that are never evidence
# How far turn, nod (px at the middle), tilt, growth (px at the rim), gain and offset of
# the light go from one frame to the next; a prior, one standard deviation.
_SPREAD: Final = (6.0, 4.0, 2.0, 0.5, 0.3, 30.0)


class Known(NamedTuple):
    """A displacement in patch px and its standard deviation, per axis."""

    x: float
    y: float
    x_sigma: float
    y_sigma: float


class Turn(NamedTuple):
    """What happened between two patches, in patch px.

    travel_x, travel_y: of the head as a whole. yaw, pitch: of the middle of the face
    against the head, to the right and down. roll: how far tilting around the neck moved
    the middle of the face. residual: share of the face's contrast that
    is not explained, 0 (all is) to about 1 (nothing is).
    """

    travel_x: float
    travel_y: float
    yaw: float
    pitch: float
    roll: float
    residual: float


class TurnFit:
    """Fits the model; holds only constants, so one serves all heads."""

    def __init__(self) -> None:
        x, y = np.meshgrid(np.arange(-9, 10), np.arange(-13, 12))
        square = (x / _RADIUS_X) ** 2 + ((y - _MIDDLE_Y) / _RADIUS_Y) ** 2
        inside = square < 1
        x, y, square = x[inside], y[inside], square[inside]
        depth = np.sqrt(1 - square)
        self._count = len(x)
        self._weight = np.clip((1 - square) / 0.3, 0, 1).astype(np.float32)
        self._weight /= self._weight.sum()
        self._at = np.concatenate([x + CENTRE[0], y + CENTRE[1]]).astype(np.float32)
        self._index = (y + CENTRE[1]) * SIZE[0] + x + CENTRE[0]
        one, none = np.ones_like(depth), np.zeros_like(depth)
        self._sideways = np.array(
            [one, none, depth, none, (_NECK_Y - y) / 10, x / 10], dtype=np.float32
        )
        self._down = np.array([none, one, none, depth, x / 10, y / 10], dtype=np.float32)
        self._flow = np.concatenate([self._sideways, self._down], axis=1)
        # The inner face moves by the travel and (nearly) all of the turn.
        self._inner = np.zeros((2, 8), np.float32)
        self._inner[0, [0, 2]] = self._inner[1, [1, 3]] = 1, 0.95
        self._search = _Search(x, y, depth, square)

    def fit(self, before: Patch, now: Patch, *, body: Known, inner: Known) -> Turn:
        """Returns what moved the head from one patch to the next.

        Args:
            before: (50, 36) the patch of the earlier frame.
            now: (50, 36) the patch of the later frame.
            body: how the body moved; the head is expected to travel with it.
            inner: how the inner face moved, found by correlation.
        """
        turn = self._refine(before, now, body, inner, _TURNED)
        if abs(inner.x - body.x) > _FAR:
            for way in (_TILTED, _TRAVELLED):
                other = self._refine(before, now, body, inner, way)
                if other.residual < _BETTER * turn.residual:
                    turn = other
        if turn.residual > 0.5:
            offset = self._search.best(before.ravel()[self._index], now, body)
            seen = Known(body.x + offset, body.y, 1.5, 1.5)
            other = self._refine(before, now, body, seen, _TURNED)
            if other.residual < turn.residual:
                return other
        return turn

    def _refine(self, before: Patch, now: Patch, body: Known, inner: Known, way: int) -> Turn:
        """Fits from a beginning in which the inner face has gone one way: an index of `_SPREAD`."""
        flat, index, weight, n = before.ravel(), self._index, self._weight, self._count
        was = flat[index]
        slope_x = (flat[index + 1] - flat[index - 1]) * 0.5
        slope_y = (flat[index + SIZE[0]] - flat[index - SIZE[0]]) * 0.5
        rows = np.empty((8, n), np.float32)
        np.multiply(self._sideways, slope_x, out=rows[:6])
        rows[:6] += self._down * slope_y
        rows[6] = float(weight @ was) - was
        rows[7] = -1
        contrast = float(np.sqrt(weight @ (rows[6] * rows[6])))

        trust = 1 / np.square(np.array([body.x_sigma, body.y_sigma, *_SPREAD], np.float32))
        start = np.array([body.x, body.y, 0, 0, 0, 0, 0, 0], np.float32)
        seen = np.array([inner.x, inner.y], np.float32)
        seen_trust = 1 / np.square(np.array([inner.x_sigma, inner.y_sigma], np.float32))
        pull = self._inner.T * seen_trust
        fixed = pull @ self._inner
        fixed.flat[::9] += trust

        state = start.copy()
        state[3] = seen[1] - start[1]
        state[way] += (seen[0] - start[0]) * (10 / _NECK_Y if way == _TILTED else 1)
        best, least = state, np.inf
        for step in range(_STEPS + 1):
            at = self._at + state[:6] @ self._flow
            value = cv2.remap(
                now, at[None, :n], at[None, n:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )[0]
            rest = value - was
            if step == 0:
                state[7] = float(weight @ rest)
            rest += state[6] * rows[6] - state[7]
            error = float(weight @ np.abs(rest))
            if error < least:
                best, least, best_rest = state, error, rest
            if step == _STEPS:
                break
            scale = 1.3 * error + _NOISE
            robust = weight / np.square(1 + np.square(rest / scale))
            weighted = rows * robust
            evidence = _INDEPENDENT * n / (scale * scale)
            slope = evidence * (weighted @ rest) + trust * (state - start)
            slope += pull @ (self._inner @ state - seen)
            curve = evidence * (weighted @ rows.T) + fixed
            change = cv2.solve(curve, slope, flags=cv2.DECOMP_CHOLESKY)[1][:, 0]
            state = state - change
            if np.abs(change[:5]).max() < _SETTLED:
                best = state
                break
        residual = float(np.sqrt(weight @ (best_rest * best_rest))) / (contrast + _NOISE)
        x, y, yaw, pitch, tilt = (float(value) for value in best[:5])
        return Turn(x, y, yaw, pitch, tilt * _NECK_Y / 10, residual)


class _Search:
    """Tries every turn of a head at a given travel; for large ones, where slopes mislead."""

    def __init__(
        self,
        x: NDArray[np.int_],
        y: NDArray[np.int_],
        depth: NDArray[np.float64],
        square: NDArray[np.float64],
    ) -> None:
        self.turns = np.arange(-10.0, 10.5, 1.0)
        self._x = (x + CENTRE[0] + self.turns[:, None] * depth).astype(np.float32)
        self._y = (y + CENTRE[1] + 0 * self._x).astype(np.float32)
        turned = ((self._x - CENTRE[0]) / _RADIUS_X) ** 2
        visible = turned + ((y - _MIDDLE_Y) / _RADIUS_Y) ** 2 < 1
        weight = depth**3 * visible
        self._weight = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)

    def best(self, was: NDArray[np.float32], now: Patch, body: Known) -> float:
        """Returns the turn, in px at the middle, whose picture is most like the old one."""
        value = cv2.remap(
            now,
            self._x + np.float32(body.x),
            self._y + np.float32(body.y),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        weight = self._weight
        mean, mean_was = np.sum(weight * value, axis=1), weight @ was
        spread = np.sum(weight * value * value, axis=1) - mean * mean
        spread_was = weight @ (was * was) - mean_was * mean_was
        likeness = np.sum(weight * value * was, axis=1) - mean * mean_was
        likeness = likeness / np.sqrt(np.maximum(spread, 1) * np.maximum(spread_was, 1))
        return float(self.turns[int(np.argmax(likeness))])
