"""Runs inside the image: what each stage costs, in instructions.

The board's clock advances by a nanosecond with each instruction (QEMU's -icount shift=0), and
it has one processor: what a clock measures are the instructions between two looks at it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from maskcam.evaluate import bench
from maskcam.records import Frame
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.models import load_model
from maskcam.vision.motion import HeadMotionMeter
from maskcam.vision.second_look import SecondLook

HERE = Path(__file__).parent
SECONDS = 0.8


def meter(owner: type, name: str) -> list[float]:
    """Lets a method note how long each call takes."""
    plain: Callable[..., Any] = getattr(owner, name)
    calls: list[float] = []

    def measured(self: Any, *arguments: Any, **options: Any) -> Any:
        began_s = time.perf_counter()
        result = plain(self, *arguments, **options)
        calls.append(time.perf_counter() - began_s)
        return result

    setattr(owner, name, measured)
    return calls


def mean(calls: list[float]) -> float:
    """Returns the cost of one call, in millions of instructions; the first ones fill caches."""
    late = calls[len(calls) // 3 :]
    return 1e3 * sum(late) / len(late) if late else 0.0


def invoke_alone(model: Path) -> float:
    """Returns what one inference of a model costs, in millions of instructions."""
    interpreter = Interpreter(model, threads=1)
    chance = np.random.default_rng(0)
    for number, tensor in enumerate(interpreter.inputs):
        value = chance.integers(0, 256, tensor.shape).astype(tensor.dtype)
        interpreter.set_input(value, number=number)
    costs_s = []
    for _ in range(4):
        began_s = time.perf_counter()
        interpreter.invoke()
        costs_s.append(time.perf_counter() - began_s)
    return min(costs_s) * 1e3


def main() -> None:
    loaded = load_model(model=HERE / "models/maskcam.tflite", threads=1)
    calls = {
        "motion_per_frame": meter(HeadMotionMeter, "measure"),
        "motion_per_head": meter(HeadMotionMeter, "_follow"),
        "second_look_per_frame": meter(SecondLook, "look"),
        "second_look_per_face": meter(SecondLook, "_classify"),
    }
    found: dict[str, Any] = {}
    for people in (0, 1, 10):
        data = np.load(HERE / f"frames-{people}.npz")
        frames = [
            Frame(number / 30, luma, rgb)
            for number, (luma, rgb) in enumerate(zip(data["luma"], data["rgb"], strict=True))
        ]
        for known in calls.values():
            known.clear()
        figures = bench.drive(loaded, frames, seconds=SECONDS)
        costs = {what: mean(known) for what, known in calls.items()}
        found[str(people)] = {
            "detector": figures["invoke_ms"],
            "chain": figures["chain_ms"],
            "heads": len(calls["motion_per_head"]) / max(1, len(calls["motion_per_frame"])),
            **costs,
        }
    found["alone"] = {path.name: invoke_alone(path) for path in sorted(HERE.glob("*.tflite"))}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
