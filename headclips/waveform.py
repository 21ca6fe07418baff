"""How real heads say "no": measured distributions, and the waveforms of real logs.

The distributions are those of 203 shakes recorded with a head-mounted tracker at 75 Hz.
Logs are those of a gyroscope on a headphone (STMicroelectronics), read where a folder
`head_motion` is at hand and never stored in the project.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headclips.script import RATE, Signal, step

# Values at these shares of all shakes; the ends are ours.
_SHARES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
_DEGREES = (10, 14, 21, 28, 41, 63, 75)
_HZ = (1.0, 1.3, 1.9, 2.2, 2.7, 3.4, 3.9)
_LAST_TO_FIRST = (0.15, 0.23, 0.6, 0.9, 1.3, 2.5, 3.0)
_ROLL_TO_YAW = (0, 0.02, 0.09, 0.19, 0.28, 0.42, 0.5)
_PITCH_TO_YAW = (0, 0.01, 0.05, 0.11, 0.19, 0.33, 0.4)
# Wide shakes are slower: by this correlation peak speeds are 130 to 437 degrees/s (p5 to p95).
_SIZE_AND_HZ = -0.6
# Of the shakes with two swings and more.
_SWINGS = {2: 0.28, 3: 0.24, 4: 0.15, 5: 0.14, 6: 0.09, 7: 0.06, 8: 0.04}

_LOG_HZ = 30.0
_LEAST_SWING = 6.0  # degrees; less is no swing of a logged shake
_LONGEST_SWING_S = 0.6
_MOST_SWINGS = 8
_LOG_FILES = (  # by the half of the photographs; shake2 is mostly a nod
    (("shake.txt",), ("nod.txt", "shake2.txt")),
    (("shake1.txt", "shake3.txt"), ("nod1.txt", "nod2.txt")),
)


class Measures(NamedTuple):
    """What is drawn of one shake: extremes, median size in degrees, rhythm, and the rest."""

    swings: int
    degrees: float
    hz: float
    last_to_first: float
    roll: float  # of the yaw, with its sign
    pitch: float


class Waveform(NamedTuple):
    """Angles in degrees, `RATE` a second, that begin and end at 0."""

    yaw: Signal
    pitch: Signal
    roll: Signal
    measures: Measures


@dataclass(frozen=True)
class Logs:
    """Angular rates (n, 3) of yaw, pitch and roll in degrees/s, at 30 Hz."""

    shakes: tuple[NDArray[np.float64], ...] = ()
    nods: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def of(cls, folder: Path, *, half: int) -> Logs:
        """Reads one half of the logs of a folder; without the folder there are none."""
        if not folder.is_dir():
            return cls()
        shakes, nods = (tuple(_read(folder / name) for name in names) for names in _LOG_FILES[half])
        return cls(shakes, nods)


def draw_measures(rng: np.random.Generator) -> Measures:
    """Draws the measures of a real shake of two swings or more."""

    def drawn(values: Sequence[float], normal: float) -> float:
        share = NormalDist().cdf(normal)
        return float(np.interp(share, _SHARES, values))

    size, rhythm, *others = rng.normal(size=5)
    rhythm = _SIZE_AND_HZ * size + math.sqrt(1 - _SIZE_AND_HZ**2) * rhythm
    return Measures(
        int(rng.choice(list(_SWINGS), p=list(_SWINGS.values()))),
        drawn(_DEGREES, size),
        drawn(_HZ, rhythm),
        drawn(_LAST_TO_FIRST, others[0]),
        drawn(_ROLL_TO_YAW, others[1]) * float(rng.choice([-1, 1])),
        drawn(_PITCH_TO_YAW, others[2]) * float(rng.choice([-1, 1])),
    )


def draw_waveform(rng: np.random.Generator, measures: Measures) -> Waveform:
    """Returns a shake with these measures: uneven, off the middle, now and then with a rest."""
    m = measures
    sizes = np.geomspace(1, m.last_to_first, max(2, m.swings - 1))[: m.swings - 1]
    sizes = sizes * np.exp(rng.normal(0, 0.12, m.swings - 1))
    sizes *= m.degrees / np.median(sizes)
    middle = float(np.clip(rng.normal(0.5, 0.12), 0.25, 0.75))
    side = float(rng.choice([-1, 1]))
    extremes = [side * sizes[0] * middle]
    for size in sizes:
        side = -side
        extremes.append(extremes[-1] + side * size)
    half_s = 0.5 / m.hz
    points, at_s = [], 0.0
    for place, extreme in enumerate([*extremes, 0.0]):
        partial = place in (0, len(extremes))
        lasts_s = half_s * float(np.exp(rng.normal(0, 0.08)))
        lasts_s *= float(rng.uniform(0.65, 1.0)) if partial else 1.0
        points.append((at_s, lasts_s, extreme))
        at_s += lasts_s
        if not partial and rng.random() < 0.05:
            at_s += float(rng.uniform(0.05, 0.2))
    t = np.arange(int((at_s + 0.05) * RATE)) / RATE
    yaw, now = np.zeros_like(t), 0.0
    harmonic = rng.random() < 0.5
    for start_s, lasts_s, value in points:
        p = np.clip((t - start_s) / lasts_s, 0, 1)
        rise = 0.5 - 0.5 * np.cos(np.pi * p) if harmonic else step(t, start_s, lasts_s)
        yaw += (value - now) * rise
        now = value
    return Waveform(yaw, _coupled(rng, yaw, m.pitch, m.hz), _coupled(rng, yaw, m.roll, m.hz), m)


def _coupled(rng: np.random.Generator, yaw: Signal, share: float, hz: float) -> Signal:
    """Returns what goes with the yaw, partly late by a quarter of a period."""
    late = int(RATE * 0.25 / hz)
    shifted = np.concatenate([np.zeros(late), yaw])[: len(yaw)]
    shifted *= np.clip((len(yaw) - np.arange(len(yaw))) / (0.1 * RATE), 0, 1)
    angle = float(rng.normal(0, 0.5))
    return np.asarray(share * (np.cos(angle) * yaw + np.sin(angle) * shifted))


def take_waveform(rng: np.random.Generator, logs: Logs, measures: Measures) -> Waveform:
    """Returns a logged shake, brought to the size and the rhythm of `measures`."""
    log = logs.shakes[int(rng.integers(len(logs.shakes)))]
    bouts = _bouts(log)
    turns = bouts[int(rng.integers(len(bouts)))]
    moves = int(rng.integers(2, min(_MOST_SWINGS, len(turns) - 1) + 1))
    first = int(rng.integers(0, len(turns) - moves))
    turns = turns[first : first + moves + 1]
    angles = np.cumsum(log, axis=0) / _LOG_HZ
    part = angles[turns[0] : turns[-1] + 1]
    sizes = np.abs(np.diff(angles[turns, 0]))
    # The pose in which it began is unknown: between the first two extremes.
    rest = part[0] + (part[1 + turns[1] - turns[0] - 1] - part[0]) * rng.uniform(0.25, 0.75)
    lead_s, end_s = (float(rng.uniform(0.15, 0.3)) for _ in range(2))
    logged_hz = 0.5 * moves * _LOG_HZ / (turns[-1] - turns[0])
    stretch = float(np.clip(logged_hz / measures.hz, 0.6, 1.8))
    scale = measures.degrees / float(np.median(sizes))
    lasts_s = stretch * (len(part) - 1) / _LOG_HZ
    t = np.arange(int((lead_s + lasts_s + end_s) * RATE) + 2) / RATE
    inner = lead_s + stretch * np.arange(len(part)) / _LOG_HZ
    whole = [np.interp(t, inner, (part[:, axis] - rest[axis]) * scale) for axis in range(3)]
    fade = step(t, 0, lead_s) * (1 - step(t, lead_s + lasts_s, end_s))
    yaw, pitch, roll = (_smooth(signal) * fade for signal in whole)
    ends = np.abs(np.diff(np.interp(inner[np.array(turns) - turns[0]], t, yaw)))
    return Waveform(
        yaw, pitch, roll,
        measures._replace(
            swings=moves + 1,
            hz=logged_hz / stretch,
            last_to_first=float(ends[-1] / ends[0]),
            roll=float(np.std(roll) / np.std(yaw)),
            pitch=float(np.std(pitch) / np.std(yaw)),
        ),
    )  # fmt: skip


def take_nods(rng: np.random.Generator, logs: Logs, seconds: float) -> Waveform:
    """Returns a piece of a log of somebody who nods, rests and looks about."""
    log = logs.nods[int(rng.integers(len(logs.nods)))]
    count = min(len(log), int(seconds * _LOG_HZ) + 2)
    first = int(rng.integers(0, len(log) - count + 1))
    angles = np.cumsum(log[first : first + count], axis=0) / _LOG_HZ
    angles -= np.median(angles, axis=0)
    t = np.arange(int(seconds * RATE)) / RATE
    yaw, pitch, roll = (
        _smooth(np.interp(t, np.arange(count) / _LOG_HZ, angles[:, axis])) for axis in range(3)
    )
    return Waveform(yaw, pitch, roll, Measures(0, 0.0, 0.0, 0.0, 0.0, 0.0))


def _smooth(signal: Signal) -> Signal:
    """Rounds the corners of a signal that was sampled at 30 Hz."""
    width = int(RATE / _LOG_HZ)
    padded = np.pad(signal, width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, "same")[width // 2 :][: len(signal)]


def _read(path: Path) -> NDArray[np.float64]:
    rows = path.read_text(encoding="utf-8").splitlines()[1:]
    values = [[float(cell) for cell in row.split("\t")[:6]] for row in rows if row.strip()]
    _, _, _, roll, yaw, pitch = np.array([row for row in values if len(row) == 6]).T
    return np.stack([yaw, pitch, roll], axis=1)


def _bouts(log: NDArray[np.float64]) -> list[list[int]]:
    """Returns the turning points of the yaw of each row of three swings and more."""
    path = np.cumsum(log[:, 0]) / _LOG_HZ
    turns, low, high, rising = [], 0, 0, None
    for index, value in enumerate(path):
        high = index if value > path[high] else high
        low = index if value < path[low] else low
        if rising is not True and value - path[low] >= _LEAST_SWING:
            turns.append(low)
            rising, high = True, index
        elif rising is not False and path[high] - value >= _LEAST_SWING:
            turns.append(high)
            rising, low = False, index
    rows: list[list[int]] = [[]]
    for a, b in pairwise(turns):
        if (b - a) / _LOG_HZ > _LONGEST_SWING_S:
            rows.append([])
        else:
            rows[-1] += [b] if rows[-1] else [a, b]
    return [row for row in rows if len(row) >= 4]
