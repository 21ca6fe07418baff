"""How one face moves through the frame: a Kalman filter of place and size over time.

Place and logarithm of size change at a nearly constant rate; all noise is in face
sizes, so near and far people are treated alike, and in seconds, so any frame rate is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskcam.people.place import Place, face_size
from maskcam.records import Box

# Standard deviations. Boxes of face detectors jitter by 5 to 10 % of the face. People walk at
# up to 1.5 m/s, 7 faces per second across the frame, and mostly less; a stride accelerates the
# head by 1 to 2 m/s2. Somebody 3 m away who walks up at 1.4 m/s grows by 0.5 per second.
_PLACE_NOISE: Final = 0.08  # faces
_SIZE_NOISE: Final = 0.10  # of the logarithm
_FIRST_RATE: Final = 3.0  # faces per second
_FIRST_GROWTH: Final = 0.5  # per second
_PLACE_UNREST: Final = 0.8  # faces / s^1.5: how fast the rate of a person becomes uncertain
_SIZE_UNREST: Final = 0.3
_FURTHEST_S: Final = 3.0  # no track lives on unseen for longer; a pause may be of any length
_SHAPE_MEMORY: Final = 0.3  # share of a new sight in the shape of the box


class MatchCost(NamedTuple):
    """How badly boxes fit where walks were expected; both (walks, boxes) float64.

    distance2: squared distance in standard deviations (3 degrees of freedom).
    cost: the same as twice the negative log-likelihood, comparable between walks:
        a walk that was expected nowhere in particular pays for its vagueness.
    """

    distance2: NDArray[np.float64]
    cost: NDArray[np.float64]


class _Axis:
    """One quantity and its rate with their covariance."""

    __slots__ = ("cross", "rate", "rate_var", "value", "var")

    def __init__(self, value: float, var: float, rate_var: float) -> None:
        self.value, self.rate = value, 0.0
        self.var, self.cross, self.rate_var = var, 0.0, rate_var

    def advance(self, dt: float, unrest: float) -> None:
        """Moves on by `dt` seconds; `unrest` is the white-noise acceleration's density."""
        self.value += self.rate * dt
        self.var += 2 * self.cross * dt + self.rate_var * dt * dt + unrest * dt**3 / 3
        self.cross += self.rate_var * dt + unrest * dt * dt / 2
        self.rate_var += unrest * dt

    def correct(self, value: float, noise: float) -> None:
        """Updates value and rate with a measurement of variance `noise`."""
        total = self.var + noise
        gain, rate_gain = self.var / total, self.cross / total
        error = value - self.value
        self.value += gain * error
        self.rate += rate_gain * error
        self.rate_var -= rate_gain * self.cross
        self.cross *= 1 - gain
        self.var *= 1 - gain


class Walk:
    """The estimated motion of one face.

    Args:
        box: the first sight, in px.
        at_s: its time.
    """

    __slots__ = ("_at_s", "_log_size", "_shape", "_x", "_y", "seen_at_s")

    def __init__(self, box: Box, at_s: float) -> None:
        size = face_size(box)
        noise, rate = (_PLACE_NOISE * size) ** 2, (_FIRST_RATE * size) ** 2
        self._at_s = self.seen_at_s = at_s
        self._x = _Axis(box.centre[0], noise, rate)
        self._y = _Axis(box.centre[1], noise, rate)
        self._log_size = _Axis(math.log(size), _SIZE_NOISE**2, _FIRST_GROWTH**2)
        self._shape = math.log(max(box.width, 1.0) / max(box.height, 1.0))

    @property
    def size(self) -> float:
        """Size of the face in px."""
        return math.exp(self._log_size.value)

    def advance(self, at_s: float) -> None:
        """Moves the expectation on to `at_s`, by 3 s at most."""
        dt = min(at_s - self._at_s, _FURTHEST_S)
        if dt <= 0:
            return
        unrest = (_PLACE_UNREST * self.size) ** 2
        self._x.advance(dt, unrest)
        self._y.advance(dt, unrest)
        self._log_size.advance(dt, _SIZE_UNREST**2)
        self._at_s = at_s

    def expected(self) -> tuple[float, float, float, float, float, float]:
        """Returns x, y (px) and logarithm of size at the present time, and their variances."""
        x, y, size = self._x, self._y, self._log_size
        return x.value, y.value, size.value, x.var, y.var, size.var

    def correct(self, box: Box) -> None:
        """Updates the motion with a sight at the present time."""
        size = face_size(box)
        self._correct_place(box.centre, size)
        self._log_size.correct(math.log(size), _SIZE_NOISE**2)
        shape = math.log(max(box.width, 1.0) / max(box.height, 1.0))
        self._shape += _SHAPE_MEMORY * (shape - self._shape)
        self.seen_at_s = self._at_s

    def follow(self, centre: tuple[float, float]) -> None:
        """Updates the motion with the place of a face that is hidden at the present time."""
        self._correct_place(centre, self.size)

    def box_at(self, at_s: float) -> Box:
        """Returns where the face is expected at `at_s`, or 3 s after its last sight if sooner."""
        dt = min(at_s - self._at_s, _FURTHEST_S)
        x, y = self._x.value + self._x.rate * dt, self._y.value + self._y.rate * dt
        size = math.exp(self._log_size.value + self._log_size.rate * dt)
        width, height = size * math.exp(self._shape / 2), size * math.exp(-self._shape / 2)
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def box(self) -> Box:
        """Returns where the face is expected at the present time."""
        return self.box_at(self._at_s)

    def place(self) -> Place:
        """Returns where it was last seen and was heading."""
        return Place(self.box_at(self.seen_at_s), (self._x.rate, self._y.rate), self.seen_at_s)

    def _correct_place(self, centre: tuple[float, float], size: float) -> None:
        noise = (_PLACE_NOISE * size) ** 2
        self._x.correct(centre[0], noise)
        self._y.correct(centre[1], noise)


def match_cost(walks: Sequence[Walk], boxes: Sequence[Box]) -> MatchCost:
    """Returns how badly each box fits each walk; there must be one of both at least."""
    expected = np.array([walk.expected() for walk in walks])
    values, variances = expected[:, None, :3], expected[:, None, 3:]
    edges = np.array(boxes)
    sizes = np.array([face_size(box) for box in boxes])
    found = np.column_stack([(edges[:, :2] + edges[:, 2:]) / 2, np.log(sizes)])
    noise = np.column_stack(
        [
            (_PLACE_NOISE * sizes) ** 2,
            (_PLACE_NOISE * sizes) ** 2,
            np.full(len(boxes), _SIZE_NOISE**2),
        ]
    )
    total = variances + noise
    distance2 = np.sum((found - values) ** 2 / total, axis=2)
    return MatchCost(distance2, distance2 + np.log(np.prod(total, axis=2) / sizes**4))
