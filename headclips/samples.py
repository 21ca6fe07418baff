"""Labelled samples of both renderers: what is drawn follows from renderer and seed alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from headclips import second
from headclips.confusers import NEGATIVES, hand_held, logged_nod, nuisances
from headclips.picture import Photographs, render
from headclips.script import Script
from headclips.second_acts import KINDS
from headclips.shakes import even_shake, faint_shake, shake
from headclips.waveform import Logs

RENDERERS = ("first", "second")
_SEEDS = 1000  # of each kind
_SMALLEST_FACE_PX = 56  # of a photograph
_LOGGED = (shake, faint_shake, logged_nod)  # may take their waveforms from logs
Kind = Callable[..., Script] | str


class Amounts(NamedTuple):
    """How many clips of each sort."""

    shakes: int = 0  # as measured on real heads
    even: int = 0  # of the old ranges
    faint: int = 0  # small or slow ones
    held: int = 0  # a hand before the face for two seconds
    each: int = 0  # of each confuser


@dataclass(frozen=True)
class Pictures:
    """Photographs for both renderers, or none.

    first: faces with boxes, and streets. crops: photographs that a face fills, by whether it
    wears a mask. streets: photographs of streets. logs: of real head motion.
    """

    first: Photographs
    crops: Mapping[bool, Sequence[Path]]
    streets: Sequence[Path]
    logs: Logs

    @classmethod
    def of(cls, data: Path | None, *, half: int) -> Self:
        """Returns one half of the photographs in a folder; without one, none."""
        if data is None:
            return cls(Photographs(), {True: (), False: ()}, (), Logs())
        streets = sorted((data / "faces" / "images").glob("*.jpg"))[half::2]
        crops = {
            masked: sorted((data / "mask_crops" / name).glob("*.jpg"))[half::2]
            for masked, name in ((True, "with_mask"), (False, "without_mask"))
        }
        faces = _frontal(data / "masks" / "train.json", data / "masks" / "images")[half::2]
        logs = Logs.of(data / "head_motion", half=half)
        return cls(Photographs(tuple(faces), tuple(streets)), crops, streets, logs)


class Sample(NamedTuple):
    """A clip: frames (T, H, W, 3) uint8 RGB, boxes (T, 4) px, timestamps (T,) s, and its label."""

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    timestamps: NDArray[np.float64]
    facts: dict[str, Any]


class Job(NamedTuple):
    """A sample not yet made."""

    seed: int
    kind: Kind

    @property
    def name(self) -> str:
        """Its kind in words; both renderers have the same ones for the same motion."""
        name = self.kind if isinstance(self.kind, str) else self.kind.__name__
        return name.replace("_", " ").replace("-", " ")

    def make(self, pictures: Pictures) -> Sample:
        """Draws the sample; half of the heads wear photographs, where there are some."""
        rng = np.random.default_rng(self.seed)
        if isinstance(self.kind, str):
            return _of_second(self.kind, rng, pictures)
        return _of_first(self.kind, rng, pictures)


def plan(renderer: str, seed: int, amounts: Amounts) -> list[Job]:
    """Returns samples in a shuffled order, so that any beginning is a fair choice.

    Args:
        renderer: one of `RENDERERS`.
        seed: the first of the seeds; each kind has a thousand of them.
        amounts: how many of each sort.
    """
    shakes: tuple[tuple[Kind, int], ...] = (
        ("shake", amounts.shakes), ("even shake", amounts.even),
        ("shake 10-20 deg", (amounts.faint + 1) // 2), ("shake 0.7-1 Hz", amounts.faint // 2),
        ("hand held", amounts.held),
    )  # fmt: skip
    confusers: Sequence[Kind] = KINDS
    if renderer == "first":
        shakes = (
            (shake, amounts.shakes), (even_shake, amounts.even),
            (faint_shake, amounts.faint), (hand_held, amounts.held),
        )  # fmt: skip
        confusers = NEGATIVES
    kinds = [*shakes, *((kind, amounts.each) for kind in confusers)]
    jobs = [
        Job(seed + _SEEDS * place + i, kind)
        for place, (kind, count) in enumerate(kinds)
        for i in range(count)
    ]
    order = np.random.default_rng(0).permutation(len(jobs))
    return [jobs[i] for i in order]


def _of_first(kind: Callable[..., Script], rng: np.random.Generator, pictures: Pictures) -> Sample:
    script = kind(rng, pictures.logs) if kind in _LOGGED else kind(rng)
    nuisances(script, rng)
    head_px = float(np.exp(rng.uniform(np.log(32), np.log(130))))
    if script.label == "shake" and not script.required:
        head_px = float(np.exp(rng.uniform(np.log(48), np.log(130))))
    elif script.label not in ("shake", "hand held") and rng.random() < 0.12:
        head_px = float(rng.uniform(24, 32))
    fps = int(rng.choice([10, 15, 30]))
    clip = render(script, rng, head_px=head_px, fps=fps, photographs=pictures.first)
    facts = {
        "label": script.label,
        "kind": script.kind,
        "required": script.required,
        "fps": fps,
        "head_px": round(head_px, 1),
        **clip.facts,
    }
    if script.start_s is not None:
        facts["start_s"] = round(script.start_s, 3)
    frames = np.repeat(clip.lumas[..., None], 3, axis=3)
    return Sample(frames, clip.boxes, clip.timestamps, facts)


def _of_second(kind: str, rng: np.random.Generator, pictures: Pictures) -> Sample:
    drawn = second.make(kind, rng, faces=pictures.crops, streets=pictures.streets)
    shaken = kind.startswith(("shake", "even shake"))
    facts = {
        "label": "shake" if shaken else kind,
        "kind": kind,
        "required": kind not in ("shake 10-20 deg", "shake 0.7-1 Hz"),
        **drawn.facts,
    }
    return Sample(drawn.frames, drawn.boxes, drawn.timestamps, facts)


def _frontal(
    coco: Path, images: Path
) -> list[tuple[Path, tuple[float, float, float, float], bool]]:
    """Returns photographs of faces with their box and whether they wear a mask."""
    content = json.loads(coco.read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in content["images"]}
    found = []
    for annotation in content["annotations"]:
        x, y, width, height = annotation["bbox"]
        if (
            height >= _SMALLEST_FACE_PX
            and 0.6 < width / height < 1
            and annotation["category_id"] != 3
        ):
            path = images / names[annotation["image_id"]]
            found.append((path, (x, y, width, height), annotation["category_id"] == 1))
    return found
