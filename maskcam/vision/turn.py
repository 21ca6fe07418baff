"""Splits the change between two patches of a head into turn, tilt and travel.

A head is taken for an ellipsoid under distant view. Turning by a small angle moves a
point of its surface by depth times angle: most in the middle of the face, not at all at
the outline. Travel moves all points alike, tilting moves them around the neck. So the
three can be separated in one pair of patches, by weighted least squares on the luma
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
_RIM: Final = 0.3  # of the squared radius: this part of the ellipsoid weighs less and less
_TILT_PX: Final = 10.0  # a tilt of 1 moves a point so far from the neck's joint by 1 px
_TURN_SEEN: Final = 0.95  # of the turn of the middle is seen by the whole inner face

# What an inner face that has gone sideways may have done: indices of the fit's unknowns.
_TRAVELLED: Final = 0
_TURNED: Final = 2
_TILTED: Final = 4
_FAR: Final = 2.0  # px; where it went less, one start finds the end
_BETTER: Final = 0.97  # by which another start must explain more
_UNEXPLAINED: Final = 0.5  # residual from which on every turn is tried
_SEARCH_SIGMA_PX: Final = 1.5  # of the turn that the search finds
_SEARCHED: Final = np.arange(-10.0, 10.5, 1.0)  # px at the middle of the face

_STEPS: Final = 3
_SETTLED: Final = 0.1  # px; a smaller change is not worth another step
_INDEPENDENT: Final = 0.2  # share of the pixels: neighbours in a smooth patch agree
_NOISE: Final = 1.5  # luma levels that are never evidence
_ROBUST: Final = 1.3  # mean errors from which on a pixel counts for less than half
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


class _Looks(NamedTuple):
    """The ellipsoid's pixels in two patches, as the fit needs them (n pixels).

    was: (n,) luma of the earlier patch. rows: (8, n) what a change of each unknown changes in
    it. contrast: of the earlier face, in luma levels. now: the later patch.
    """

    was: NDArray[np.float32]
    rows: NDArray[np.float32]
    contrast: float
    now: Patch


class _Prior(NamedTuple):
    """What is known of the eight unknowns before the patches are compared.

    mean: (8,) the expected state. trust: (8,) of it, inverse variances. seen, pull: where the
    inner face is, and how much the unknowns must agree with it. fixed: (8, 8) both together.
    """

    mean: NDArray[np.float32]
    trust: NDArray[np.float32]
    seen: NDArray[np.float32]
    pull: NDArray[np.float32]
    fixed: NDArray[np.float32]


class TurnFit:
    """Fits the model; holds only constants, so one serves all heads."""

    def __init__(self) -> None:
        x, y = np.meshgrid(np.arange(-9, 10), np.arange(-13, 12))
        radius2 = (x / _RADIUS_X) ** 2 + ((y - _MIDDLE_Y) / _RADIUS_Y) ** 2
        inside = radius2 < 1
        x, y, radius2 = x[inside], y[inside], radius2[inside]
        depth = np.sqrt(1 - radius2)
        self._count = len(x)
        self._weight = np.clip((1 - radius2) / _RIM, 0, 1).astype(np.float32)
        self._weight /= self._weight.sum()
        self._at = np.concatenate([x + CENTRE[0], y + CENTRE[1]]).astype(np.float32)
        index = (y + CENTRE[1]) * SIZE[0] + x + CENTRE[0]
        self._index = index + np.array([0, 1, -1, SIZE[0], -SIZE[0]])[:, None]
        one, none = np.ones_like(depth), np.zeros_like(depth)
        sideways = np.array(
            [one, none, depth, none, (_NECK_Y - y) / _TILT_PX, x / _TILT_PX], dtype=np.float32
        )
        down = np.array([none, one, none, depth, x / _TILT_PX, y / _TILT_PX], dtype=np.float32)
        self._flow = np.concatenate([sideways, down], axis=1)
        # Of differences between pixels that are two apart.
        self._sideways, self._down = 0.5 * sideways, 0.5 * down
        # The inner face moves by the travel and (nearly) all of the turn, and with a tilt.
        self._inner = np.zeros((2, 8), np.float32)
        self._inner[0, [0, 2]] = self._inner[1, [1, 3]] = 1, _TURN_SEEN
        self._inner[0, 4] = _NECK_Y / _TILT_PX
        self._search = _Search(x, y, depth)

    def fit(self, before: Patch, now: Patch, *, body: Known, inner: Known) -> Turn:
        """Returns what moved the head from one patch to the next.

        Args:
            before: (50, 36) the patch of the earlier frame.
            now: (50, 36) the patch of the later frame.
            body: how the body moved; the head is expected to travel with it.
            inner: how the inner face moved, found by correlation.
        """
        looks = self._looks(before, now)
        turn = self._refine(looks, body, inner, _TURNED)
        if abs(inner.x - body.x) > _FAR:
            for done in (_TILTED, _TRAVELLED):
                other = self._refine(looks, body, inner, done)
                if other.residual < _BETTER * turn.residual:
                    turn = other
        if turn.residual > _UNEXPLAINED:
            offset = self._search.best(looks.was, now, body)
            seen = Known(body.x + offset, body.y, _SEARCH_SIGMA_PX, _SEARCH_SIGMA_PX)
            other = self._refine(looks, body, seen, _TURNED)
            if other.residual < turn.residual:
                return other
        return turn

    def _looks(self, before: Patch, now: Patch) -> _Looks:
        weight = self._weight
        was, right, left, below, above = before.ravel().take(self._index)
        rows = np.empty((8, self._count), np.float32)
        np.multiply(self._sideways, right - left, out=rows[:6])
        rows[:6] += self._down * (below - above)
        rows[6] = float(weight @ was) - was
        rows[7] = -1
        contrast = float(np.sqrt(weight @ (rows[6] * rows[6])))
        return _Looks(was, rows, contrast, now)

    def _prior(self, body: Known, inner: Known) -> _Prior:
        mean = np.array([body.x, body.y, 0, 0, 0, 0, 0, 0], np.float32)
        sigmas = np.array([body.x_sigma, body.y_sigma, *_SPREAD], np.float32)
        trust = np.asarray(1 / np.square(sigmas), np.float32)
        seen = np.array([inner.x, inner.y], np.float32)
        seen_trust = 1 / np.square(np.array([inner.x_sigma, inner.y_sigma], np.float32))
        pull = np.asarray(self._inner.T * seen_trust, np.float32)
        fixed = np.asarray(pull @ self._inner, np.float32)
        fixed.flat[::9] += trust
        return _Prior(mean, trust, seen, pull, fixed)

    def _refine(self, looks: _Looks, body: Known, inner: Known, done: int) -> Turn:
        """Fits from a start in which the inner face has done one thing: an index of the state."""
        prior = self._prior(body, inner)
        state = prior.mean.copy()
        state[3] = prior.seen[1] - prior.mean[1]
        sideways = prior.seen[0] - prior.mean[0]
        state[done] += sideways * (_TILT_PX / _NECK_Y if done == _TILTED else 1)
        best, least, best_rest = state, np.inf, looks.was
        for step in range(_STEPS + 1):
            rest = self._rest(looks, state, first=step == 0)
            error = float(self._weight @ np.abs(rest))
            if error < least:
                best, least, best_rest = state, error, rest
            if step == _STEPS:
                break
            change = self._change(looks, prior, state, rest, error)
            state = state - change
            if max(map(abs, change[:5].tolist())) < _SETTLED:
                best = state
                break
        unexplained = float(np.sqrt(self._weight @ (best_rest * best_rest)))
        x, y, yaw, pitch, tilt = best[:5].tolist()
        residual = unexplained / (looks.contrast + _NOISE)
        return Turn(x, y, yaw, pitch, tilt * _NECK_Y / _TILT_PX, residual)

    def _rest(
        self, looks: _Looks, state: NDArray[np.float32], *, first: bool
    ) -> NDArray[np.float32]:
        """Returns what a state leaves unexplained, per pixel; the first sets the light's offset."""
        at = self._at + state[:6] @ self._flow
        across, down = at[None, : self._count], at[None, self._count :]
        value = cv2.remap(
            looks.now, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        rest: NDArray[np.float32] = value[0] - looks.was
        if first:
            state[7] = float(self._weight @ rest)
        rest += state[6] * looks.rows[6] - state[7]
        return rest

    def _change(
        self,
        looks: _Looks,
        prior: _Prior,
        state: NDArray[np.float32],
        rest: NDArray[np.float32],
        error: float,
    ) -> NDArray[np.float32]:
        """Returns the step of Gauss and Newton from a state."""
        scale = _ROBUST * error + _NOISE
        robust = self._weight / np.square(1 + np.square(rest / scale))
        weighted = looks.rows * robust
        evidence = _INDEPENDENT * self._count / (scale * scale)
        slope = evidence * (weighted @ rest) + prior.trust * (state - prior.mean)
        slope += prior.pull @ (self._inner @ state - prior.seen)
        curve = evidence * (weighted @ looks.rows.T) + prior.fixed
        solved = cv2.solve(curve, slope, flags=cv2.DECOMP_CHOLESKY)[1]
        return np.asarray(solved[:, 0], np.float32)


class _Search:
    """Tries every turn of a head at a given travel: for large ones, where slopes mislead."""

    def __init__(
        self, x: NDArray[np.int_], y: NDArray[np.int_], depth: NDArray[np.float64]
    ) -> None:
        self._x = (x + CENTRE[0] + _SEARCHED[:, None] * depth).astype(np.float32)
        self._y = (y + CENTRE[1] + 0 * self._x).astype(np.float32)
        turned = ((self._x - CENTRE[0]) / _RADIUS_X) ** 2
        visible = turned + ((y - _MIDDLE_Y) / _RADIUS_Y) ** 2 < 1
        weight = depth**3 * visible
        self._weight = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)

    def best(self, was: NDArray[np.float32], now: Patch, body: Known) -> float:
        """Returns the turn, px at the middle, by which the earlier face is most like the later."""
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
        return float(_SEARCHED[int(np.argmax(likeness))])
