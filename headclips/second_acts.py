"""What people of the second renderer do; plain sines, triangles and turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from headclips.waveform import Measures, draw_measures

Signal = Callable[[float], float]
KINDS = (
    "gait", "left-right look", "look around", "turn held", "nod", "fast nod", "talk", "tilt",
    "hand in front", "adjust mask", "sway", "heads cross", "box jitter", "camera shake",
    "rolling light",
)  # fmt: skip


class Moves(NamedTuple):
    """Angles in degrees and lengths in head heights at one moment."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    pan: float = 0.0  # of the camera
    light: float = 1.0
    mouth: float = 0.0
    hand: tuple[float, float] | None = None
    other: float | None = None
    box: float = 0.0


def _row(
    rng: np.random.Generator, *, hz: float, wide: float, number: int, start_s: float
) -> Signal:
    """Returns swings of `wide` from end to end: a sine or a triangle, perhaps fading in."""
    side, triangle, soft = rng.choice([-1, 1]), rng.random() < 0.3, rng.random() < 0.3

    def signal(t: float) -> float:
        phase = (t - start_s) * 2 * hz  # in swings
        if not 0 < phase < number:
            return 0.0
        wave = np.sin(np.pi * phase)
        if triangle:
            wave = 2 / np.pi * np.arcsin(wave)
        return float(
            side * wide / 2 * wave * (min(1, 2 * phase, 2 * (number - phase)) if soft else 1)
        )

    return signal


def _uneven_row(rng: np.random.Generator, m: Measures, start_s: float) -> tuple[Signal, float]:
    """Returns half cosines from extreme to extreme, whose sizes change evenly, and their end."""
    sizes = np.linspace(1, m.last_to_first, m.swings + 1)[1:] if m.swings > 2 else np.ones(2)
    sizes = m.degrees * sizes / np.median(sizes) * rng.uniform(0.88, 1.14, m.swings)
    signs = rng.choice([-1, 1]) * (-1.0) ** np.arange(m.swings)
    values = np.array([0, *(signs * sizes / 2 + rng.normal(0, 0.06) * m.degrees), 0])
    lasts_s = 0.5 / m.hz * rng.uniform(0.88, 1.14, m.swings + 1)
    lasts_s[[0, -1]] *= 0.8
    times = start_s + np.array([0, *np.cumsum(lasts_s)])

    def signal(t: float) -> float:
        place = int(np.searchsorted(times, t)) - 1
        if not 0 <= place < len(times) - 1:
            return 0.0
        part = (t - times[place]) / (times[place + 1] - times[place])
        share = 0.5 - 0.5 * np.cos(np.pi * part)
        return float(values[place] + (values[place + 1] - values[place]) * share)

    return signal, float(times[-1])


def _hold(points: list[tuple[float, float]], speed_s: float) -> Signal:
    """Returns a signal that goes to each (start, value) within `speed_s`."""

    def signal(t: float) -> float:
        value = 0.0
        for start, goal in points:
            part = min(1.0, max(0.0, (t - start) / speed_s))
            value += (goal - value) * part * part * (3 - 2 * part)
        return value

    return signal


def acts_of(kind: str, rng: np.random.Generator, facts: dict[str, Any]) -> Callable[[float], Moves]:
    """Returns what somebody does over time."""
    u = rng.uniform
    walks = rng.random() < 0.5 or kind == "gait"
    step, phase, gaze = u(0.8, 1.15), u(0, 6.28), u(-15, 15)
    bob, lateral, swing = u(0.03, 0.1), u(0.02, 0.1), u(0, 4)
    slow = [(u(0.1, 0.4), u(0, 6.28)) for _ in range(3)]
    side = float(rng.choice([-1, 1]))
    start = facts.get("start_s", u(0.2, 1))

    def base(t: float) -> Moves:
        rest = [np.sin(6.28 * hz * t + at) for hz, at in slow]
        if not walks:
            return Moves(gaze + 2 * rest[0], 5 + 2 * rest[1], rest[2], 0.02 * rest[2])
        w = 6.28 * step * t + phase
        return Moves(
            gaze + swing * np.sin(w) + 2 * rest[0], 5 + 2 * np.sin(2 * w), 1.5 * np.sin(w + 1),
            lateral * np.sin(w), bob * np.sin(2 * w),
        )  # fmt: skip

    hz, wide, number = u(1, 3), u(20, 60), int(rng.integers(3, 8))
    if kind == "even shake":
        facts.update(hz=round(hz, 2), degrees=round(wide, 1), swings=number)
        facts["seconds"] = start + number / hz / 2 + u(0.8, 1.2)
        extra = {"yaw": _row(rng, hz=hz, wide=wide, number=number, start_s=start)}
    elif kind.startswith("shake"):
        measures = draw_measures(rng)
        if kind == "shake 10-20 deg":
            measures = measures._replace(degrees=u(10, 20), swings=number)
        elif kind == "shake 0.7-1 Hz":
            degrees = max(20.0, measures.degrees)
            measures = measures._replace(hz=u(0.7, 1), degrees=degrees, swings=number)
        else:
            measures = measures._replace(degrees=max(14.0, measures.degrees))
        row, end_s = _uneven_row(rng, measures, start)
        facts.update(
            hz=round(measures.hz, 2), degrees=round(measures.degrees, 1), swings=measures.swings,
            last_to_first=round(measures.last_to_first, 2), seconds=end_s + u(0.5, 1.2),
        )  # fmt: skip
        extra = {
            "yaw": row,
            "pitch": lambda t: measures.pitch * row(t - 0.04),
            "roll": lambda t: measures.roll * row(t + 0.03),
        }
    elif kind == "hand held":
        held_s = u(2.1, 2.8)
        facts["seconds"] = start + held_s + 1.6
        extra = {}
    elif kind == "left-right look":
        gap = u(0.7, 1.2)
        looks = [(start + i * gap, side * (-1) ** i * u(30, 70)) for i in range(int(u(2, 4)))]
        extra = {"yaw": _hold([*looks, (looks[-1][0] + gap, 0)], u(0.3, 0.6))}
    elif kind == "look around":
        at = np.cumsum(rng.uniform(0.6, 1.4, 6))
        extra = {
            "yaw": _hold([(t, u(-50, 50)) for t in at], 0.4),
            "pitch": _hold([(t, u(-15, 15)) for t in at], 0.4),
        }
    elif kind == "turn held":
        extra = {"yaw": _hold([(start, side * u(20, 70)), (start + u(0.5, 2), 0)], u(0.2, 0.5))}
    elif kind == "nod":
        nod = _row(rng, hz=u(0.8, 2.6), wide=u(12, 40), number=int(u(3, 9)), start_s=start)
        extra = {"pitch": nod}
    elif kind == "fast nod":
        extra = {"pitch": _row(rng, hz=u(2.6, 6), wide=u(5, 16), number=12, start_s=start)}
    elif kind == "talk":
        pace, much = u(2, 5), u(1, 4)
        extra = {
            "mouth": lambda t: max(0.0, np.sin(6.28 * pace * t)),
            "pitch": lambda t: much * np.sin(4 * t + 2 * np.sin(3 * t)),
            "yaw": lambda t: much * np.sin(3 * t + 3 * np.sin(2 * t)),
        }
    elif kind == "tilt":
        extra = {"roll": _row(rng, hz=u(0.4, 2), wide=u(15, 45), number=6, start_s=start)}
    elif kind == "sway":
        beat, much = u(0.3, 1.5), u(0.1, 0.35)
        extra = {
            "x": lambda t: much * np.sin(6.28 * beat * t),
            "roll": lambda t: 8 * much * np.sin(6.28 * beat * t),
        }
    elif kind == "box jitter":
        beat, much = u(0.8, 3), u(0.03, 0.12)
        extra = {"box": lambda t: much * np.sin(6.28 * beat * t)}
    elif kind == "camera shake":
        beat, much = u(0.8, 4), u(0.03, 0.2)
        extra = {"pan": lambda t: much * np.sin(6.28 * beat * t) * (0.7 + 0.3 * np.sin(t))}
    elif kind == "rolling light":
        beat, much = u(0.5, 3), u(0.1, 0.4)
        extra = {"light": lambda t: much * np.sin(6.28 * beat * t)}
    else:
        extra = {}
    wave, reach, speed = u(0.8, 3), u(0.05, 0.4), u(0.6, 2.5)
    grip = rng.random() < 0.5

    def acts(t: float) -> Moves:
        m = base(t)
        m = m._replace(**{name: getattr(m, name) + signal(t) for name, signal in extra.items()})
        if kind == "hand in front":
            high = 1.6 - 1.6 * min(1, max(0, (t - start) * 3)) * (t < start + 2)
            m = m._replace(hand=(0.0 if grip else reach * np.sin(6.28 * wave * t), high))
        if kind == "hand held":
            on = min(1.0, max(0.0, (t - start + 0.3) * 3)) * (t < start + held_s)
            at = (0.02 * np.sin(5 * t) + 0.05 * side, 0.08 + 1.6 * (1 - on))
            m = m._replace(hand=at)
        if kind == "adjust mask":
            near = start < t < start + 1.8
            m = m._replace(
                hand=(side * 0.25 + 0.02 * np.sin(9 * t), 0.25 if near else 1.5),
                pitch=m.pitch + near * 3 * np.sin(7 * t),
                yaw=m.yaw + near * 2 * np.sin(8 * t),
            )
        if kind == "heads cross":
            m = m._replace(other=side * speed * (t - 2))
        return m

    return acts
