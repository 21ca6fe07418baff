"""Motions of heads written down as angles over time: signals that no renderer drew.

Whatever is measured on pictures is measured with errors. A network that learned from clips alone
takes a motion without any, and one that no clip shows, for no motion of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from headclips.signals import Signal
from maskcam.records import HeadMotion

Floats = NDArray[np.float64]

_SECONDS: Final = 3.2
_FPS: Final = (10, 15, 15, 20, 25, 30)
_JITTER: Final = 0.15  # of the time between two frames, at most
_HEADS_PER_DEGREE: Final = (0.0052, 0.0078)
_BEGINS_S: Final = (0.3, 0.9)
_WITHOUT_ERRORS: Final = 0.45  # of all motions
_ERRORS: Final = (0.003, 0.003, 0.002, 0.004)  # head heights per frame: yaw, pitch, roll, travel
_ERRORS_ARE: Final = (0.1, 1.3)  # times as large
_LASTING: Final = 0.3  # of an error, that stays
_SHARP: Final = 0.4  # of all motions: turns begin and end at full speed
_TURNS_ON: Final = 0.5  # of all: who walks past turns on all the while
_TURNS_ON_BY: Final = (60.0, 40.0)  # degrees per second at most: in a shake, in all else
_TURNED_BEFORE: Final = 0.25  # of all shakes: to face the camera, and then rested
_TURNED_BY: Final = 40.0  # degrees at most
_WALKS_BY: Final = 0.4  # head heights per second at most
_PLAIN: Final = 0.4  # of all: nothing else moves


class _Motion(NamedTuple):
    """yaw, pitch and roll (T,) in degrees, travel (T,) in head heights; facts of a shake."""

    yaw: Floats
    pitch: Floats
    roll: Floats
    travel: Floats
    facts: dict[str, Any]


def write_motions(count: int, *, seed: int) -> Iterator[Signal]:
    """Yields motions of heads, more than a third of them shakes.

    Facts of a shake are those of a clip: `start_s`, `hz`, `swings` and `degrees`.
    """
    rng = np.random.default_rng(seed)
    acts, shares = list(_ACTS), np.array(list(_ACTS.values()), float)
    for _ in range(count):
        fps = int(rng.choice(_FPS))
        at_s = np.arange(0, _SECONDS, 1 / fps)
        at_s += rng.uniform(0, _JITTER) * rng.uniform(-1, 1, len(at_s)) / fps
        act = acts[rng.choice(len(acts), p=shares / shares.sum())]
        motion = act(rng, at_s)
        if act is not _sway and rng.random() < _PLAIN:
            motion = _plain(motion)
        yield _as_measured(rng, at_s, motion, fps=fps)


def _plain(motion: _Motion) -> _Motion:
    """Returns what moves most, and nothing else."""
    still = np.zeros(len(motion.yaw))
    most = max((motion.yaw, motion.pitch, motion.roll), key=np.ptp)
    yaw, pitch, roll = (path if path is most else still for path in motion[:3])
    return _Motion(yaw, pitch, roll, still, motion.facts)


def _as_measured(rng: Generator, at_s: Floats, motion: _Motion, *, fps: int) -> Signal:
    """Returns the motion from frame to frame, half of the time without any error."""
    per_degree = rng.uniform(*_HEADS_PER_DEGREE)
    paths = np.stack([*(per_degree * path for path in motion[:3]), motion.travel])
    quality = np.ones(len(at_s))
    if rng.random() >= _WITHOUT_ERRORS:
        sizes = rng.uniform(*_ERRORS_ARE) * np.array(_ERRORS)[:, None]
        errors = rng.normal(0, sizes, paths.shape)
        paths += errors + _LASTING * errors.cumsum(axis=1)
        mean, spread = (0.97, 0.04) if rng.random() < 0.8 else (0.85, 0.12)
        quality = rng.normal(mean, spread, len(at_s)).clip(0.3, 1)
    quality[0] = 0.0
    yaw, pitch, roll, travel = np.diff(paths, axis=1, prepend=paths[:, :1])
    rows = np.stack([at_s, yaw, pitch, quality, roll, travel], axis=1)
    facts = {"label": "none", "kind": "written", "fps": fps, **motion.facts}
    return Signal(facts, [HeadMotion(*row) for row in rows.tolist()])


def _shake(rng: Generator, at_s: Floats) -> _Motion:
    """Two swings and more; sizes and speeds of `shakes.py`, and two swings plainly a "no"."""
    swings = int(rng.choice([2, 3, 4, 5, 6, 8], p=[0.2, 0.25, 0.25, 0.1, 0.1, 0.1]))
    hz, wide = float(np.exp(rng.uniform(np.log(0.9), np.log(3.4)))), rng.uniform(14, 64)
    if swings == 2:
        hz, wide = max(hz, 1.4), max(wide, 24.0)
    begins_s = rng.uniform(*_BEGINS_S)
    if rng.random() < 0.6:
        yaw = _swinging(at_s, begins_s, hz, swings, wide)
    else:
        sides = np.resize([0.5, -0.5], swings) * wide * rng.uniform(0.85, 1.15, swings)
        waits_s = np.array([0.0, 0.8, *[1.0] * (swings - 1), 0.8]) * 0.5 / hz
        yaw = _through(rng, at_s, begins_s + waits_s.cumsum(), [0, *sides, 0])
    yaw *= rng.choice([-1, 1])
    pitch, roll = rng.uniform(-0.15, 0.15) * yaw, rng.uniform(-0.5, 0.15) * yaw
    yaw += _turning_on(rng, at_s, _TURNS_ON_BY[0]) + _turned_before(rng, at_s, begins_s)
    gait = rng.uniform(0, 0.06) * np.sin(2 * np.pi * (rng.uniform(0.7, 1.2) * at_s + rng.random()))
    facts = {"label": "shake", "kind": "shake", "start_s": begins_s, "hz": hz, "swings": swings,
             "degrees": wide}  # fmt: skip
    return _Motion(yaw, pitch, roll, _walking(rng, at_s) + gait, facts)


def _glance(rng: Generator, at_s: Floats) -> _Motion:
    """To the side, and back after a while; at once it would be half of a "no"."""
    there_s, back_s = rng.uniform(0.12, 0.5, 2)
    held_s, wide, beyond = rng.uniform(0.3, 1.6), rng.uniform(15, 70), rng.uniform(-0.1, 0.1)
    waits_s = np.array([rng.uniform(*_BEGINS_S), there_s, held_s, back_s])
    return _looking(rng, at_s, waits_s.cumsum(), [0, wide, wide, beyond * wide])


def _look_around(rng: Generator, at_s: Floats) -> _Motion:
    """To one side and the other, with a rest at each: who wants to cross a street."""
    wide, moves_s, rests_s = rng.uniform(20, 55), rng.uniform(0.15, 0.5), rng.uniform(0.3, 0.9)
    waits_s = np.array([rng.uniform(*_BEGINS_S), *[moves_s, rests_s] * 4])
    sides = [wide * side for side in (1, 1, -1, -1, 1, 1, -1, -1)]
    return _looking(rng, at_s, waits_s.cumsum(), [0, *sides])


def _jump(rng: Generator, at_s: Floats) -> _Motion:
    """A turn from one frame to the next, and nearly back: a box that jumped."""
    begins_s = rng.uniform(*_BEGINS_S)
    ends_s, wide = begins_s + rng.uniform(0.3, 0.8), rng.uniform(-60, 60)
    left = rng.uniform(-0.2, 0.2)
    yaw = wide * ((at_s > begins_s) - (1 - left) * (at_s > ends_s))
    return _other(rng, at_s, yaw=yaw)


def _nod(rng: Generator, at_s: Floats) -> _Motion:
    """A nod that turns a little in step with it."""
    pitch = _some_swings(rng, at_s)
    return _other(rng, at_s, yaw=rng.uniform(-0.5, 0.5) * pitch, pitch=pitch)


def _tilt(rng: Generator, at_s: Floats) -> _Motion:
    """A head that tilts from side to side, and seems to turn with it."""
    roll = _some_swings(rng, at_s)
    return _other(rng, at_s, yaw=rng.uniform(0.2, 0.65) * roll, roll=roll)


def _sway(rng: Generator, at_s: Floats) -> _Motion:
    """Somebody who sways, and seems to turn with it."""
    phase = 2 * np.pi * rng.uniform(0.6, 1.8) * at_s
    yaw = rng.uniform(0, 12) * np.sin(phase + rng.uniform(-0.5, 0.5))
    return _other(rng, at_s, yaw=yaw, travel=rng.uniform(0.15, 0.4) * np.sin(phase))


def _tremble(rng: Generator, at_s: Floats) -> _Motion:
    """A head that is nearly still."""
    return _other(
        rng, at_s, yaw=rng.uniform(0, 2.5) * np.sin(2 * np.pi * rng.uniform(1, 3.5) * at_s)
    )


Act = Callable[[Generator, Floats], _Motion]
_ACTS: Final[dict[Act, int]] = {
    _shake: 6,
    _glance: 2,
    _look_around: 1,
    _jump: 1,
    _nod: 1,
    _tilt: 1,
    _sway: 1,
    _tremble: 2,
}


def _swinging(at_s: Floats, begins_s: float, hz: float, swings: int, wide: float) -> Floats:
    """Returns a sine of so many half waves, `wide` degrees from side to side."""
    phase = (at_s - begins_s) * hz
    during = (phase >= 0) & (phase <= swings / 2)
    return np.where(during, wide / 2 * np.sin(2 * np.pi * phase), 0.0)


def _some_swings(rng: Generator, at_s: Floats) -> Floats:
    begins_s, hz = rng.uniform(*_BEGINS_S), rng.uniform(0.9, 3)
    return _swinging(at_s, begins_s, hz, int(rng.integers(2, 8)), rng.uniform(12, 45))


def _through(rng: Generator, at_s: Floats, times_s: Floats, angles: Sequence[float]) -> Floats:
    """Returns a path that is at each of the angles at its time."""
    if rng.random() < _SHARP:
        return np.interp(at_s, times_s, angles)
    place = np.interp(at_s, times_s, np.arange(len(angles)))
    part = place % 1
    smooth = place - part + part**2 * (3 - 2 * part)
    return np.interp(smooth, np.arange(len(angles)), angles)


def _looking(rng: Generator, at_s: Floats, times_s: Floats, angles: Sequence[float]) -> _Motion:
    return _other(rng, at_s, yaw=_through(rng, at_s, times_s, angles) * rng.choice([-1, 1]))


def _other(
    rng: Generator,
    at_s: Floats,
    *,
    yaw: Floats | float = 0.0,
    pitch: Floats | float = 0.0,
    roll: Floats | float = 0.0,
    travel: Floats | float = 0.0,
) -> _Motion:
    """Returns what is no shake, of a head that may turn on and walk on."""
    still = np.zeros(len(at_s))
    yaw = yaw + _turning_on(rng, at_s, _TURNS_ON_BY[1])
    return _Motion(yaw, still + pitch, still + roll, _walking(rng, at_s) + travel, {})


def _turning_on(rng: Generator, at_s: Floats, most: float) -> Floats:
    return at_s * (rng.uniform(-most, most) if rng.random() < _TURNS_ON else 0.0)


def _turned_before(rng: Generator, at_s: Floats, begins_s: float) -> Floats:
    if rng.random() >= _TURNED_BEFORE:
        return np.zeros(len(at_s))
    ends_s = begins_s - rng.uniform(0.1, 0.5)
    times_s = [ends_s - rng.uniform(0.3, 0.7), ends_s]
    return np.interp(at_s, times_s, [rng.uniform(-_TURNED_BY, _TURNED_BY), 0.0])


def _walking(rng: Generator, at_s: Floats) -> Floats:
    return at_s * rng.uniform(-_WALKS_BY, _WALKS_BY)
