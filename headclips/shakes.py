"""How people say "no" in clips: as measured on real heads, in the old ranges, and faintly.

Every kind is a function of a random generator that writes the signals of a clip.
"""

from __future__ import annotations

import numpy as np

from headclips.script import Script, Signal, stand_or_walk, swings
from headclips.waveform import Logs, Measures, Waveform, draw_measures, draw_waveform, take_waveform

LEAST_DEGREES = 14.0  # of a shake that must be recognised
_NONE = Logs()


def shake(rng: np.random.Generator, logs: Logs = _NONE) -> Script:
    """A "no" drawn from what was measured; half of them have a logged waveform, if there is one."""
    measures = draw_measures(rng)
    wave = _wave(rng, logs, measures._replace(degrees=max(LEAST_DEGREES, measures.degrees)))
    return _clip(rng, wave, kind="shake", required=True)


def faint_shake(rng: np.random.Generator, logs: Logs = _NONE) -> Script:
    """A "no" that is reported, not required: small or slow."""
    measures = draw_measures(rng)._replace(swings=int(rng.integers(3, 7)))
    kind = str(rng.choice(["shake 10-20 deg", "shake 0.7-1 Hz"]))
    if kind == "shake 10-20 deg":
        measures = measures._replace(degrees=float(rng.uniform(10, 20)))
    else:
        degrees = max(20.0, measures.degrees)
        measures = measures._replace(hz=float(rng.uniform(0.7, 1)), degrees=degrees)
        logs = _NONE  # none was as slow
    return _clip(rng, _wave(rng, logs, measures), kind=kind, required=False)


def even_shake(rng: np.random.Generator) -> Script:
    """A "no" of the old ranges: even, 1 to 3 Hz, 20 to 60 degrees, 3 to 7 half periods."""
    hz = float(rng.uniform(1, 3))
    wide = float(rng.uniform(20, 60))
    number = int(rng.integers(3, 8))
    s = _script(rng, kind="even shake", lasts_s=number / hz / 2, required=True)
    yaw, end_s = swings(s.t, rng, start_s=s.start_s or 0.0, hz=hz, wide=wide, number=number)
    s.seconds = max(s.seconds, min(end_s + 0.3, s.t[-1]))
    _turn(s, rng, yaw, yaw * rng.normal(0, 0.08), yaw * rng.normal(0, 0.08))
    s.facts = {"hz": round(hz, 2), "degrees": round(wide, 1), "swings": number}
    return s


def _wave(rng: np.random.Generator, logs: Logs, measures: Measures) -> Waveform:
    if logs.shakes and rng.random() < 0.5:
        return take_waveform(rng, logs, measures)
    return draw_waveform(rng, measures)


def _clip(rng: np.random.Generator, wave: Waveform, *, kind: str, required: bool) -> Script:
    s = _script(rng, kind=kind, lasts_s=len(wave.yaw) / 200, required=required)
    at = int((s.start_s or 0.0) * 200)
    signals = []
    for signal in (wave.yaw, wave.pitch, wave.roll):
        whole = np.zeros_like(s.t)
        whole[at : at + len(signal)] = signal[: len(whole) - at]
        signals.append(whole)
    _turn(s, rng, *signals)
    m = wave.measures
    s.facts = {
        "hz": round(m.hz, 2), "degrees": round(m.degrees, 1), "swings": m.swings,
        "last_to_first": round(m.last_to_first, 2),
    }  # fmt: skip
    return s


def _script(rng: np.random.Generator, *, kind: str, lasts_s: float, required: bool) -> Script:
    start_s = float(rng.uniform(0.4, 1.5))
    s = Script(kind, "shake", seconds=start_s + lasts_s + float(rng.uniform(0.5, 1.2)))
    s.required, s.start_s = required, start_s
    stand_or_walk(s, rng)
    return s


def _turn(s: Script, rng: np.random.Generator, yaw: Signal, pitch: Signal, roll: Signal) -> None:
    s.add("yaw", yaw)
    s.add("pitch", pitch)
    s.add("roll", roll)
    s.add("head_x", yaw * rng.uniform(-0.001, 0.001))
