"""Runs inside the image: what each stage costs, in instructions.

The board's clock advances by a nanosecond with each instruction (QEMU's -icount shift=0), and
it has one processor: what a clock measures are the instructions between two looks at it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sized
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


def meter(owner: type, *names: str) -> list[tuple[float, int]]:
    """Lets a method note how long each call takes, and how many things it returns."""
    name = next(name for name in names if hasattr(owner, name))
    plain: Callable[..., Sized] = getattr(owner, name)
    calls: list[tuple[float, int]] = []

    def measured(self: Any, *arguments: Any, **options: Any) -> Sized:
        began_s = time.perf_counter()
        result = plain(self, *arguments, **options)
        calls.append((time.perf_counter() - began_s, len(result)))
        return result

    setattr(owner, name, measured)
    return calls


def each(calls: list[tuple[float, int]]) -> float:
    """Returns the cost of one head or face, in millions of instructions."""
    late = [(cost, number) for cost, number in calls[len(calls) // 3 :] if number]
    number = sum(number for _, number in late)
    return sum(cost for cost, _ in late) * 1e3 / number if number else 0.0


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
    motions = meter(HeadMotionMeter, "measure")
    looks = meter(SecondLook, "classify", "look")
    found: dict[str, Any] = {}
    for people in (0, 1, 10):
        data = np.load(HERE / f"frames-{people}.npz")
        frames = [
            Frame(number / 30, luma, rgb)
            for number, (luma, rgb) in enumerate(zip(data["luma"], data["rgb"], strict=True))
        ]
        motions.clear()
        looks.clear()
        figures = bench.drive(loaded, frames, seconds=SECONDS)
        found[str(people)] = {
            "detector": figures["invoke_ms"],
            "chain": figures["chain_ms"],
            "motion_per_head": each(motions),
            "second_look_per_face": each(looks),
            "motion_per_frame": sum(cost for cost, _ in motions) * 1e3 / max(1, len(motions)),
            "second_look_per_frame": sum(cost for cost, _ in looks) * 1e3 / max(1, len(looks)),
        }
    found["alone"] = {path.name: invoke_alone(path) for path in sorted(HERE.glob("*.tflite"))}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
