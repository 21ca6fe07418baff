"""Measures how the heads of clips move, and keeps it: the signals are small, clips are not.

A file of signals holds a line for each clip: its seed, its facts and its motions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from headclips.real import heads, read
from headclips.samples import Amounts, Job, Pictures, Sample, plan
from maskcam.evaluate.gestures import measure_clip
from maskcam.records import Box, HeadMotion
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.models import load_face_in_view

_RATES = {30: ((1, 30), (2, 15), (3, 10))}  # every k-th frame of a clip of 30 frames per second
_SLOWEST_FPS = 9.5


class Part(NamedTuple):
    """The first `clips` of a plan that begins at `seed`, with one half of the photographs.

    all_rates: clips of 30 frames per second are measured at 15 and 10, too.
    kind: only clips of this kind, as `Job.name` says it; empty: of all.
    """

    renderer: str
    seed: int
    clips: int
    amounts: Amounts
    half: int
    all_rates: bool = False
    kind: str = ""

    def jobs(self) -> list[Job]:
        """Returns the clips, not yet made."""
        jobs = plan(self.renderer, self.seed, self.amounts)
        return [job for job in jobs if self.kind in ("", job.name)][: self.clips]


class Signal(NamedTuple):
    """What is known of a clip, and how its head moved."""

    facts: dict[str, Any]
    motions: list[HeadMotion]


def measure_part(part: Part, data: Path, folder: Path) -> Iterator[Signal]:
    """Yields the signals of a part; renders and measures those that the folder lacks.

    Args:
        part: what to measure.
        data: photographs and logs.
        folder: where signals are kept.
    """
    kept = folder / f"{part.renderer}-{part.seed}.jsonl"
    known: dict[int, list[dict[str, Any]]] = {}
    if kept.exists():
        for line in map(json.loads, kept.read_text(encoding="utf-8").splitlines()):
            known.setdefault(line["seed"], []).append(line)
    pictures = Pictures.of(data, half=part.half)
    face_in_view = load_face_in_view()
    jobs = part.jobs()
    for number, job in enumerate(jobs, start=1):
        if job.seed not in known:
            lines = [
                {"seed": job.seed, "facts": facts, "motions": motions}
                for facts, motions in _measured(
                    job.make(pictures), face_in_view, all_rates=part.all_rates
                )
            ]
            with kept.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
            known[job.seed] = lines
            sys.stderr.write(f"\r{part.renderer} {part.seed}: {number} of {len(jobs)} ")
        for line in known[job.seed]:
            yield Signal(line["facts"], [HeadMotion(*motion) for motion in line["motions"]])


def measure_recordings(folder: Path) -> Iterator[Signal]:
    """Yields the signals of all heads of a folder of recordings; see `headclips.real`."""
    face_in_view = load_face_in_view()
    for recording in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["clips"]:
        frames, fps = read(folder / recording["file"])
        listed = json.loads((folder / recording["boxes"]).read_text(encoding="utf-8"))
        boxes = [[Box(*box) for box in frame] for frame in listed][: len(frames)]
        lumas = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8) for frame in frames]
        for head in heads(boxes):
            for every in (1, 2, 3):
                if fps / every < _SLOWEST_FPS:
                    continue
                at = range(min(head), max(head) + 1, every)
                facts = {"label": "none", "kind": "real", "fps": round(fps / every)}
                motions = measure_clip(
                    [lumas[i] for i in at],
                    np.array([head[i] for i in at]),
                    np.array(at) / fps,
                    face_in_view,
                )
                yield Signal(facts, motions)


def _measured(
    sample: Sample, face_in_view: FaceInView, *, all_rates: bool
) -> Iterator[tuple[dict[str, Any], list[HeadMotion]]]:
    lumas = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8) for frame in sample.frames]
    fps = sample.facts["fps"]
    for every, rate in _RATES.get(fps, ((1, fps),)) if all_rates else ((1, fps),):
        part = slice(None, None, every)
        found = measure_clip(lumas[part], sample.boxes[part], sample.timestamps[part], face_in_view)
        yield {**sample.facts, "fps": rate}, found
