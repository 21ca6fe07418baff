"""The signals of one clip, and how people stand, walk and swing.

Signals go over time on a grid of 200 per second. Angles in degrees; lengths in head
heights; what is not written is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
RATE = 200
SIGNALS = (
    "yaw", "pitch", "roll", "mouth",  # of the head
    "head_x", "head_y",  # of the head against the body
    "body_x", "body_y", "lean",  # of the person
    "camera_x", "camera_y",
    "hand_x", "hand_y", "hand_turn", "hand_on",
    "other_x", "other_y", "other_on",  # a second head
    "light", "shadow_x", "shadow_on",
    "box_x", "box_y",  # an error of the detector that is not white
)  # fmt: skip


@dataclass
class Script:
    """One clip's signals, and what its manifest says of it."""

    kind: str
    label: str
    seconds: float
    required: bool = True
    start_s: float | None = None
    facts: dict[str, float] = field(default_factory=dict)
    growth: float = 1.0  # how many times larger the head is at the end
    signals: dict[str, Signal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.t = np.arange(int((self.seconds + 0.5) * RATE)) / RATE
        for name in SIGNALS:
            self.signals[name] = np.zeros_like(self.t)

    def __getitem__(self, name: str) -> Signal:
        return self.signals[name]

    def add(self, name: str, values: Signal) -> None:
        """Adds to a signal."""
        self.signals[name] = self.signals[name] + values

    def at(self, name: str, time_s: float) -> float:
        """Returns a signal's value at a time."""
        return float(np.interp(time_s, self.t, self.signals[name]))


def drift(rng: np.random.Generator, t: Signal, size: float, slowest_hz: float = 0.6) -> Signal:
    """Returns slow restlessness with a root mean square of `size`."""
    wave = np.zeros_like(t)
    for _ in range(4):
        wave += np.sin(2 * np.pi * rng.uniform(0.1, slowest_hz) * t + rng.uniform(0, 6.28))
    return wave * size / 1.42


def step(t: Signal, at_s: float, lasts_s: float) -> Signal:
    """Returns 0 to 1 along the smoothest path (minimum jerk: Flash and Hogan 1985)."""
    p = np.clip((t - at_s) / lasts_s, 0, 1)
    return p**3 * (10 - 15 * p + 6 * p * p)


def through(t: Signal, points: list[tuple[float, float, float]]) -> Signal:
    """Returns a signal that goes to each (start, duration, value) in turn."""
    out, now = np.zeros_like(t), 0.0
    for start, lasts, value in points:
        out += (value - now) * step(t, start, lasts)
        now = value
    return out


def stand(s: Script, rng: np.random.Generator) -> None:
    """Adds the restlessness of one who stands."""
    s.add("yaw", rng.uniform(-15, 15) + drift(rng, s.t, rng.uniform(0.5, 2.5)))
    s.add("pitch", rng.uniform(-8, 18) + drift(rng, s.t, rng.uniform(0.3, 2)))
    s.add("roll", rng.uniform(-5, 5) + drift(rng, s.t, 1))
    s.add("body_x", drift(rng, s.t, 0.03, 0.4))


def walk(s: Script, rng: np.random.Generator, *, across: bool | None = None) -> None:
    """Adds gait: bob at the rhythm of steps, sway and yaw at half of it."""
    steps = float(rng.uniform(1.6, 2.3))
    phase = float(rng.uniform(0, 6.28))
    beat = 2 * np.pi * steps * s.t + phase
    half = beat / 2 + rng.uniform(-0.6, 0.6)
    s.add("yaw", rng.uniform(-15, 15) + drift(rng, s.t, 2))
    s.add("yaw", rng.uniform(0.5, 4) * np.sin(half + rng.uniform(0, 6.28)))
    s.add("pitch", rng.uniform(-5, 18) + rng.uniform(0.5, 3) * np.sin(beat + rng.uniform(0, 6.28)))
    s.add("roll", rng.uniform(0.5, 3) * np.sin(half + rng.uniform(0, 6.28)))
    s.add("body_y", rng.uniform(0.05, 0.12) * np.sin(beat))
    s.add("body_x", rng.uniform(0.04, 0.12) * np.sin(half))
    s.add("head_x", rng.uniform(0, 0.025) * np.sin(half + rng.uniform(0, 6.28)))
    s.add("head_y", rng.uniform(0, 0.015) * np.sin(beat + rng.uniform(0, 6.28)))
    s.add("lean", rng.uniform(0, 2) * np.sin(half))
    if across if across is not None else rng.random() < 0.4:
        speed = rng.choice([-1, 1]) * rng.uniform(0.3, 1.0)
        s.add("body_x", speed * (s.t - s.seconds / 2))
        s.add("yaw", np.full_like(s.t, speed * rng.uniform(0, 35)))
    else:
        s.growth = float(rng.uniform(1.05, 1.6))
        s.add("body_y", rng.uniform(-0.2, 0.2) * (s.t - s.seconds / 2))


def stand_or_walk(s: Script, rng: np.random.Generator) -> None:
    """Adds one of the two by lot."""
    walk(s, rng) if rng.random() < 0.5 else stand(s, rng)


def swings(
    t: Signal, rng: np.random.Generator, *, start_s: float, hz: float, wide: float, number: int
) -> tuple[Signal, float]:
    """Returns alternating swings of `wide` degrees peak to peak, and when they end."""
    side = float(rng.choice([-1, 1]))
    uneven = rng.uniform(0, 0.12)
    half_s = 0.5 / hz
    if rng.random() < 0.5:  # like a sine: begins and ends with half a swing
        end_s = start_s + number * half_s
        inside = (t >= start_s) & (t <= end_s)
        phase = np.interp(
            t,
            start_s + np.cumsum([0, *(half_s * (1 + rng.uniform(-uneven, uneven, number)))]),
            np.arange(number + 1),
        )
        return inside * side * wide / 2 * np.sin(np.pi * phase), end_s
    points, at = [(start_s, half_s * 0.8, side * wide / 2)], start_s + half_s * 0.8
    for _ in range(number - 1):
        side = -side
        lasts = half_s * (1 + rng.uniform(-uneven, uneven))
        points.append((at, lasts, side * wide / 2 * (1 + rng.uniform(-uneven, uneven))))
        at += lasts
    points.append((at, half_s, 0.0))
    return through(t, points), at + half_s
