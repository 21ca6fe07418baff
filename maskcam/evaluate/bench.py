"""How fast the unit is on this machine, as ratios taken in one run.

From the frame as the camera module hands it over, already scaled by the ISP, to
the booked passage. Frames are rendered before anything is timed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from maskcam.people.windows import WindowRules
from maskcam.records import Frame
from maskcam.street import Scene, SceneCamera, SceneConfig
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.vision.models import LoadedModel, load_model

_FPS = 30.0
_MEMORY_CODE = """
import json, resource
from maskcam.evaluate.bench import drive, frames_of
from maskcam.vision.models import load_model
loaded = load_model(threads=1)
drive(loaded, frames_of(loaded, people=2, number=3), seconds=10)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
_IMPORT_CODE = """
import time
began_s = time.perf_counter()
import maskcam.unit.run
print(time.perf_counter() - began_s)
"""


def frames_of(loaded: LoadedModel, *, people: int, number: int) -> list[Frame]:
    """Returns rendered frames of a street in which so many people stand, 30 per second."""
    config = SceneConfig(seed=5, duration_s=number / _FPS, fps=_FPS, standing=people)
    frames = []
    with SceneCamera(Scene(config), rgb_size=loaded.input_size, fast=True) as camera:
        while (frame := camera.read(timeout_s=10)) is not None:
            frames.append(frame.copy())
    return frames


def drive(loaded: LoadedModel, frames: Sequence[Frame], *, seconds: float) -> dict[str, float]:
    """Sends frames, to and fro, through the whole chain; returns medians in ms per frame.

    invoke: the interpreter alone, on the same input. chain: all stages, inference
    included. rest: all stages without inference, the mean, since its cost varies
    with who is in view.
    """
    frame = frames[0]
    size = (frame.luma.shape[1], frame.luma.shape[0])
    detector = loaded.detector()
    pipeline = Pipeline(
        frame_size=size,
        counts=recording_counts(WindowRules(), started_at_s=0.0),
        started_at_s=0.0,
        high_score=loaded.high_score,
        face_in_view=loaded.face_in_view,
        recording=True,
    )
    order = [*frames, *frames[-2:0:-1]] if len(frames) > 2 else list(frames)
    invokes, chains, views = [], [], []
    for number in range(round(seconds * _FPS)):
        at_s = number / _FPS
        picked = order[number % len(order)]
        now = Frame(at_s, picked.luma, picked.rgb)
        began_s = time.perf_counter()
        loaded.interpreter.invoke()
        invoked_s = time.perf_counter()
        pipeline.update_detections(detector.detect(now), at_s)
        pipeline.process_frame(now)
        pipeline.take_counts(at_s)
        chains.append(time.perf_counter() - invoked_s)
        invokes.append(invoked_s - began_s)
        views.append(pipeline.in_view)
    warm = len(chains) // 5
    invoke, chain = statistics.median(invokes[warm:]), statistics.median(chains[warm:])
    rest = statistics.fmean(chains[warm:]) - statistics.fmean(invokes[warm:])
    return {
        "in_view": statistics.median(views[warm:]),
        "invoke_ms": 1e3 * invoke,
        "chain_ms": 1e3 * chain,
        "ratio": chain / invoke,
        "rest_ms": 1e3 * rest,
        "cores_for_the_rest": rest * _FPS,
        "frames_per_s": 1 / chain,
    }


def bench(*, seconds: float = 20.0) -> dict[str, Any]:
    """Returns all figures; takes about a minute."""
    loaded = load_model(threads=1)
    return {
        "empty_street": drive(loaded, frames_of(loaded, people=0, number=8), seconds=seconds),
        "ten_people": drive(loaded, frames_of(loaded, people=10, number=60), seconds=seconds),
        "memory_mb": _child(_MEMORY_CODE),
        "import_s": min(_child(_IMPORT_CODE) for _ in range(3)),
    }


def as_text(figures: dict[str, Any]) -> str:
    """Returns the figures as a table, each beside what it must reach."""
    empty, ten = figures["empty_street"], figures["ten_people"]
    rows = [
        ("empty street: chain / bare invoke()", f"{empty['ratio']:.2f}", "at most 1.3"),
        ("  bare invoke(), ms", f"{empty['invoke_ms']:.2f}", ""),
        ("  chain, ms", f"{empty['chain_ms']:.2f}", ""),
        ("ten people: in view", f"{ten['in_view']:.0f}", "10"),
        ("  frames/s, detector on every frame", f"{ten['frames_per_s']:.0f}", "at least 30"),
        ("  cores for all but inference, at 30/s", f"{ten['cores_for_the_rest']:.2f}", "under 1"),
        ("resident memory, MB", f"{figures['memory_mb']:.0f}", "under 250"),
        ("import of the unit, s", f"{figures['import_s']:.2f}", "under 1.5"),
    ]
    return "\n".join(f"{name:42s} {value:>8s}   {wanted}" for name, value, wanted in rows)


def _child(code: str) -> float:
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    return float(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    found = bench()
    sys.stderr.write(as_text(found) + "\n")
    sys.stdout.write(json.dumps(found) + "\n")
