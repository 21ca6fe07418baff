"""Measures how the heads of clips move, and keeps it: the signals are small, clips are not.

A file of signals holds a line for each clip: its seed, its facts and its motions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips.real import heads, read
from headclips.samples import Amounts, Job, Pictures, Sample, plan
from headclips.small import make_small
from headclips.streets import measure_street
from maskcam.evaluate.gestures import measure_clip
from maskcam.records import Box, HeadMotion
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.models import load_face_in_view, load_model
from maskcam.vision.motion import HEAD_HEIGHT

_RATES = {30: ((1, 30), (2, 15), (3, 10))}  # every k-th frame of a clip of 30 frames per second
_SLOWEST_FPS = 9.5
_SMALL_COPIES = 6  # of each head of a recording


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
    known = _read(kept)
    pictures = Pictures.of(data, half=part.half)
    face_in_view = load_face_in_view()
    jobs = part.jobs()
    for number, job in enumerate(jobs, start=1):
        if job.seed not in known:
            sample = job.make(pictures)
            known[job.seed] = list(_measured(sample, face_in_view, all_rates=part.all_rates))
            _keep(kept, job.seed, known[job.seed])
            sys.stderr.write(f"\r{part.renderer} {part.seed}: {number} of {len(jobs)} ")
        yield from known[job.seed]


def measure_streets(seeds: Sequence[int], folder: Path, *, large: bool = False) -> Iterator[Signal]:
    """Yields the signals of all tracks of streets, small or large ones, as `measure_part`."""
    kept = folder / ("large-streets.jsonl" if large else "streets.jsonl")
    known, loaded = _read(kept), load_model()
    for seed in seeds:
        if seed not in known:
            known[seed] = [Signal(*found) for found in measure_street(seed, loaded, large=large)]
            _keep(kept, seed, known[seed])
            sys.stderr.write(f"\rstreet {seed}: {len(known[seed])} tracks ")
        yield from known[seed]


def _read(kept: Path) -> dict[int, list[Signal]]:
    """Returns the signals that a file keeps, by seed."""
    known: dict[int, list[Signal]] = {}
    if kept.exists():
        for line in map(json.loads, kept.read_text(encoding="utf-8").splitlines()):
            motions = [HeadMotion(*motion) for motion in line["motions"]]
            known.setdefault(line["seed"], []).append(Signal(line["facts"], motions))
    return known


def _keep(kept: Path, seed: int, signals: Sequence[Signal]) -> None:
    with kept.open("a", encoding="utf-8") as file:
        for signal in signals:
            line = {"seed": seed, "facts": signal.facts, "motions": signal.motions}
            file.write(json.dumps(line) + "\n")


def measure_recordings(folder: Path) -> Iterator[Signal]:
    """Yields the signals of all heads of a folder of recordings; see `headclips.real`."""
    face_in_view = load_face_in_view()
    for recording in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["clips"]:
        frames, fps = read(folder / recording["file"])
        listed = json.loads((folder / recording["boxes"]).read_text(encoding="utf-8"))
        boxes = [[Box(*box) for box in frame] for frame in listed][: len(frames)]
        lumas = [_luma(frame) for frame in frames]
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
            yield from _small_recordings(lumas, head, fps, face_in_view)


def _small_recordings(
    lumas: Sequence[NDArray[np.uint8]], head: dict[int, Box], fps: float, face_in_view: FaceInView
) -> Iterator[Signal]:
    """Yields the signals of small copies of one head of a recording."""
    at = range(min(head), max(head) + 1)
    boxes = np.array([head[i] for i in at])
    head_px = HEAD_HEIGHT * float(np.median(boxes[:, 3] - boxes[:, 1]))
    for seed in range(_SMALL_COPIES):
        rng = np.random.default_rng(seed)
        small = make_small(np.stack([lumas[i] for i in at]), boxes, rng, head_px=head_px, fps=fps)
        times_s = np.array(at)[small.kept] / fps
        facts = {"label": "none", "kind": "real", "head_px": round(small.head_px, 1)}
        motions = measure_clip(list(small.lumas), small.boxes, times_s, face_in_view)
        yield Signal(facts, motions)


def _luma(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8)


def _measured(sample: Sample, face_in_view: FaceInView, *, all_rates: bool) -> Iterator[Signal]:
    lumas = [_luma(frame) for frame in sample.frames]
    fps = sample.facts["fps"]
    for every, rate in _RATES.get(fps, ((1, fps),)) if all_rates else ((1, fps),):
        part = slice(None, None, every)
        found = measure_clip(lumas[part], sample.boxes[part], sample.timestamps[part], face_in_view)
        yield Signal({**sample.facts, "fps": rate}, found)
