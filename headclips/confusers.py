"""How people move their heads without saying "no": all that is easily taken for it.

Every kind is a function of a random generator that writes the signals of a clip.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headclips.script import (
    RATE,
    Script,
    Signal,
    drift,
    stand,
    stand_or_walk,
    step,
    swings,
    through,
    walk,
)
from headclips.waveform import Logs, take_nods


def _negative(kind: str, rng: np.random.Generator) -> Script:
    return Script(kind, kind, seconds=float(rng.uniform(3, 6)))


def gait(rng: np.random.Generator) -> Script:
    """An ordinary walk."""
    s = _negative("gait", rng)
    walk(s, rng)
    return s


def strong_gait(rng: np.random.Generator) -> Script:
    """A swaggering walk or a jog: everything larger."""
    s = _negative("strong gait", rng)
    walk(s, rng)
    steps = 2 * np.pi * rng.uniform(1.8, 2.8) * s.t
    s.add("body_y", rng.uniform(0.08, 0.2) * np.sin(steps))
    s.add("body_x", rng.uniform(0.05, 0.15) * np.sin(steps / 2))
    s.add("yaw", rng.uniform(0.5, 3) * np.sin(steps / 2 + rng.uniform(0, 6.28)))
    s.add("roll", rng.uniform(0, 5) * np.sin(steps / 2 + rng.uniform(0, 6.28)))
    return s


def left_right_look(rng: np.random.Generator) -> Script:
    """Looks left, right and perhaps left again before crossing."""
    s = _negative("left-right look", rng)
    stand_or_walk(s, rng)
    at, side, points = float(rng.uniform(0.2, 1)), float(rng.choice([-1, 1])), []
    for _ in range(int(rng.integers(2, 4))):
        lasts = float(rng.uniform(0.35, 0.8))
        points.append((at, lasts, side * float(rng.uniform(30, 75))))
        at += lasts + float(rng.uniform(0.15, 0.8))
        side = -side
    points.append((at, float(rng.uniform(0.4, 0.8)), 0.0))
    s.add("yaw", through(s.t, points))
    s.add("pitch", drift(rng, s.t, 2))
    return s


def look_around(rng: np.random.Generator) -> Script:
    """Looks at this and that, at random."""
    s = _negative("look around", rng)
    stand_or_walk(s, rng)
    at = float(rng.uniform(0, 0.8))
    yaws, pitches = [], []
    while at < s.seconds:
        lasts = float(rng.uniform(0.25, 0.7))
        yaws.append((at, lasts, float(rng.uniform(-50, 50))))
        pitches.append((at, lasts, float(rng.uniform(-15, 20))))
        at += lasts + float(rng.exponential(0.6)) + 0.1
    s.add("yaw", through(s.t, yaws))
    s.add("pitch", through(s.t, pitches))
    return s


def turn_and_back(rng: np.random.Generator) -> Script:
    """One turn, held and returned, quick or slow; perhaps a small overshoot."""
    s = _negative("turn and back", rng)
    stand_or_walk(s, rng)
    wide = float(rng.choice([-1, 1]) * rng.uniform(20, 75))
    at, lasts = float(rng.uniform(0.3, 1)), float(rng.uniform(0.2, 0.6))
    back = at + lasts + float(rng.uniform(0.0, 1.5))
    lasts_back = float(rng.uniform(0.2, 0.6))
    over = -wide * float(rng.uniform(0, 0.12))
    s.add(
        "yaw",
        through(
            s.t,
            [(at, lasts, wide), (back, lasts_back, over), (back + lasts_back, 0.3, 0.0)],
        ),
    )
    return s


def _nod(s: Script, rng: np.random.Generator, *, hz: float, wide: float) -> None:
    stand_or_walk(s, rng)
    start = float(rng.uniform(0.2, 1))
    number = int(min(float(rng.integers(3, 14)), (s.seconds - start) * hz * 2))
    pitch, _ = swings(s.t, rng, start_s=start, hz=hz, wide=wide, number=number)
    s.add("pitch", pitch)
    s.add("yaw", pitch * rng.normal(0, 0.12))
    s.add("roll", pitch * rng.normal(0, 0.08))
    s.add("head_y", pitch * rng.uniform(0, 0.002))


def slow_nod(rng: np.random.Generator) -> Script:
    """A "yes", 0.8 to 2.6 Hz."""
    s = _negative("slow nod", rng)
    _nod(s, rng, hz=float(rng.uniform(0.8, 2.6)), wide=float(rng.uniform(12, 45)))
    return s


def fast_nod(rng: np.random.Generator) -> Script:
    """A quick "yes", 2.6 to 6.5 Hz."""
    s = _negative("fast nod", rng)
    hz = float(rng.uniform(2.6, 6.5))
    _nod(s, rng, hz=hz, wide=float(rng.uniform(6, 60 / hz)))
    return s


def talk(rng: np.random.Generator) -> Script:
    """Talks, with the mouth and the small head movements of speech."""
    s = _negative("talk", rng)
    stand_or_walk(s, rng)
    pace = 2 * np.pi * np.cumsum(rng.uniform(2.5, 5.5) * (1 + drift(rng, s.t, 0.3))) / RATE
    speaking = (drift(rng, s.t, 1, 0.8) > -0.6).astype(float)
    s.add("mouth", speaking * np.clip(np.sin(pace) * 0.7 + 0.3, 0, 1))
    s.add("pitch", speaking * rng.uniform(0.5, 3) * np.sin(pace / 2) + drift(rng, s.t, 3, 1.5))
    s.add("yaw", drift(rng, s.t, rng.uniform(1, 4), 1.2))
    s.add("roll", drift(rng, s.t, rng.uniform(1, 4), 1.2))
    return s


def tilt(rng: np.random.Generator) -> Script:
    """Tilts the head from shoulder to shoulder."""
    s = _negative("tilt", rng)
    stand_or_walk(s, rng)
    roll, _ = swings(
        s.t,
        rng,
        start_s=float(rng.uniform(0.2, 1)),
        hz=float(rng.uniform(0.4, 2.0)),
        wide=float(rng.uniform(15, 45)),
        number=int(rng.integers(2, 8)),
    )
    s.add("roll", roll)
    s.add("head_x", roll * 0.0087)  # the neck's joint lies half a head below the centre
    s.add("yaw", roll * rng.normal(0, 0.1))
    return s


def _hand(s: Script, rng: np.random.Generator, *, x: float, y: float) -> Signal:
    start = float(rng.uniform(0.2, 1.5))
    end = start + float(rng.uniform(0.8, 3))
    on = step(s.t, start, rng.uniform(0.25, 0.6)) - step(s.t, end, rng.uniform(0.25, 0.6))
    s["hand_on"][:] = on > 0.001
    s["hand_x"][:] = x + (1 - on) * rng.uniform(-0.6, 0.6)
    s["hand_y"][:] = y + (1 - on) * 2.2
    return np.asarray(on)


def hand_in_front(rng: np.random.Generator) -> Script:
    """A hand passes or waves in front of the face."""
    s = _negative("hand in front", rng)
    stand_or_walk(s, rng)
    on = _hand(s, rng, x=float(rng.uniform(-0.3, 0.3)), y=float(rng.uniform(-0.2, 0.3)))
    if rng.random() < 0.6:  # waves
        beat = np.sin(2 * np.pi * rng.uniform(1, 3.5) * s.t)
        s.add("hand_x", on * rng.uniform(0.05, 0.35) * beat)
        s.add("hand_turn", on * rng.uniform(5, 30) * beat)
    s.add("hand_turn", np.full_like(s.t, rng.uniform(-30, 30)))
    return s


def hand_held(rng: np.random.Generator) -> Script:
    """Holds a hand before the face for two seconds and longer: the other way to object."""
    s = Script("hand held", "hand held", seconds=float(rng.uniform(4.5, 6)))
    stand_or_walk(s, rng)
    start_s, lasts_s = float(rng.uniform(0.6, 1.5)), float(rng.uniform(2.1, 2.8))
    up_s, down_s = rng.uniform(0.25, 0.6, 2)
    on = step(s.t, start_s, up_s) - step(s.t, start_s + up_s + lasts_s, down_s)
    s.start_s = start_s + float(up_s)
    s["hand_on"][:] = on > 0.001
    s["hand_x"][:] = rng.uniform(-0.08, 0.08) + (1 - on) * rng.uniform(-0.6, 0.6)
    s["hand_y"][:] = rng.uniform(0.05, 0.2) + (1 - on) * 2.2
    s.add("hand_x", on * drift(rng, s.t, rng.uniform(0, 0.015), 2.0))
    s.add("hand_turn", rng.uniform(-25, 25) + on * drift(rng, s.t, rng.uniform(0, 3), 2.0))
    return s


def logged_nod(rng: np.random.Generator, logs: Logs) -> Script:
    """A piece of a real log of somebody who nods and looks about; painted where there is none."""
    if not logs.nods:
        return slow_nod(rng)
    s = _negative("logged nod", rng)
    stand_or_walk(s, rng)
    wave = take_nods(rng, logs, s.t[-1] + 1 / RATE)
    for name, signal in (("yaw", wave.yaw), ("pitch", wave.pitch), ("roll", wave.roll)):
        s.add(name, np.resize(signal, s.t.shape))
    return s


def adjust_mask(rng: np.random.Generator) -> Script:
    """Tugs at the mask with a hand."""
    s = _negative("adjust mask", rng)
    stand_or_walk(s, rng)
    on = _hand(s, rng, x=float(rng.choice([-1, 1]) * rng.uniform(0, 0.3)), y=0.22)
    tug = on * drift(rng, s.t, 1, 2.5)
    s.add("hand_x", tug * 0.03)
    s.add("hand_y", np.roll(tug, 20) * 0.04)
    s.add("mouth", np.clip(np.abs(tug) * rng.uniform(0.3, 1), 0, 1))
    s.add("pitch", on * rng.uniform(-5, 12) + tug * rng.uniform(0, 2))
    s.add("yaw", on * rng.uniform(-10, 10) + np.roll(tug, 30) * rng.uniform(0, 2))
    return s


def sway(rng: np.random.Generator) -> Script:
    """Sways or dances with the whole body, or shifts the head without turning it."""
    s = _negative("sway", rng)
    stand(s, rng)
    hz = float(rng.uniform(0.3, 1.6))
    beat = np.sin(2 * np.pi * hz * s.t + rng.uniform(0, 6.28))
    wide = float(rng.uniform(0.08, 0.4)) / max(1.0, hz)
    s.add("body_x", wide * beat)
    s.add("lean", rng.uniform(0, 0.7) * wide * 20 * beat)
    s.add("roll", rng.uniform(-12, 12) * wide * beat)
    s.add("yaw", rng.uniform(0, 10) * wide * beat)
    s.add("body_y", 0.1 * wide * np.sin(4 * np.pi * hz * s.t))
    return s


def heads_cross(rng: np.random.Generator) -> Script:
    """Another head passes in front or behind, once or back again."""
    s = _negative("heads cross", rng)
    stand_or_walk(s, rng)
    side = float(rng.choice([-1, 1]))
    speed = float(rng.uniform(0.6, 2.5))
    middle = float(rng.uniform(0.3, 0.7)) * s.seconds
    s["other_x"][:] = side * speed * (s.t - middle)
    if rng.random() < 0.3:
        s["other_x"][:] = side * 1.6 * np.cos(np.pi * s.t / s.seconds * rng.uniform(1, 2.5))
    s["other_y"][:] = rng.uniform(-0.4, 0.5) + 0.08 * np.sin(2 * np.pi * 1.9 * s.t)
    s["other_on"][:] = rng.choice([-1.0, 1.0])  # behind or in front
    return s


def box_jitter(rng: np.random.Generator) -> Script:
    """A detector whose boxes wander as if somebody shook the head."""
    s = _negative("box jitter", rng)
    stand_or_walk(s, rng)
    beat = 2 * np.pi * rng.uniform(0.8, 3) * s.t
    s.add("box_x", rng.uniform(0.03, 0.12) * np.sin(beat))
    s.add("box_y", rng.uniform(0, 0.08) * np.sin(beat + rng.uniform(0, 6.28)))
    return s


def camera_shake(rng: np.random.Generator) -> Script:
    """The pole sways in the wind, or the camera is knocked."""
    s = _negative("camera shake", rng)
    stand_or_walk(s, rng)
    _pole(s, rng, wide=float(rng.uniform(0.05, 0.3)))
    return s


def _pole(s: Script, rng: np.random.Generator, *, wide: float) -> None:
    hz = float(rng.uniform(0.6, 4))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * s.t)
    wide /= max(1.0, hz / 1.5)
    s.add("camera_x", wide * swell * np.sin(2 * np.pi * hz * s.t))
    s.add("camera_y", rng.uniform(0, 0.5) * wide * swell * np.sin(2 * np.pi * hz * 1.3 * s.t + 1))


def rolling_light(rng: np.random.Generator) -> Script:
    """Shadows of leaves or a passing bus roll over the face; the exposure pumps."""
    s = _negative("rolling light", rng)
    stand_or_walk(s, rng)
    s.add("light", rng.uniform(0, 0.25) * np.sin(2 * np.pi * rng.uniform(0.3, 3) * s.t))
    s["shadow_on"][:] = rng.uniform(0.1, 0.5)
    if rng.random() < 0.5:
        s.add(
            "shadow_x", 0.7 * np.sin(2 * np.pi * rng.uniform(0.4, 2.2) * s.t) * rng.uniform(0.1, 1)
        )
    else:
        s.add("shadow_x", rng.uniform(0.3, 3) * s.t)
    return s


def still(rng: np.random.Generator) -> Script:
    """Stands and looks."""
    s = _negative("still", rng)
    stand(s, rng)
    return s


def nuisances(s: Script, rng: np.random.Generator) -> None:
    """Adds to any clip a little of what disturbs."""
    if rng.random() < 0.2:
        _pole(s, rng, wide=float(rng.uniform(0.01, 0.08)))
    if rng.random() < 0.2:
        s["shadow_on"][:] = np.maximum(s["shadow_on"], rng.uniform(0.05, 0.25))
        s.add("shadow_x", drift(rng, s.t, 0.5))
    if rng.random() < 0.2 and s.kind not in ("talk",):
        s.add("mouth", np.clip(np.sin(2 * np.pi * rng.uniform(1.5, 3) * s.t), 0, 1))
    s.add("box_x", drift(rng, s.t, rng.uniform(0, 0.03), 1.5))
    s.add("box_y", drift(rng, s.t, rng.uniform(0, 0.03), 1.5))


NEGATIVES: tuple[Callable[..., Script], ...] = (
    gait, strong_gait, left_right_look, look_around, turn_and_back, slow_nod, fast_nod, talk, tilt,
    hand_in_front, adjust_mask, sway, heads_cross, box_jitter, camera_shake, rolling_light, still,
    logged_nod,
)  # fmt: skip
