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
from headclips.motion import NEGATIVES, faint_shake, nuisances, shake
from headclips.picture import Photographs, render
from headclips.script import Script
from headclips.second_acts import KINDS, SHAKES

RENDERERS = ("first", "second")
_SMALLEST_FACE_PX = 56  # of a photograph
Kind = Callable[[np.random.Generator], Script] | str


@dataclass(frozen=True)
class Pictures:
    """Photographs for both renderers, or none.

    first: faces with boxes, and streets. crops: pictures that a face fills, by whether it
    wears a mask. streets: pictures of streets.
    """

    first: Photographs
    crops: Mapping[bool, Sequence[Path]]
    streets: Sequence[Path]

    @classmethod
    def of(cls, data: Path | None, *, half: int) -> Self:
        """Returns one half of the photographs in a folder; without one, none."""
        if data is None:
            return cls(Photographs(), {True: (), False: ()}, ())
        streets = sorted((data / "faces" / "images").glob("*.jpg"))[half::2]
        crops = {
            masked: sorted((data / "mask_crops" / name).glob("*.jpg"))[half::2]
            for masked, name in ((True, "with_mask"), (False, "without_mask"))
        }
        faces = _frontal(data / "masks" / "train.json", data / "masks" / "images")[half::2]
        return cls(Photographs(tuple(faces), tuple(streets)), crops, streets)


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

    def make(self, pictures: Pictures) -> Sample:
        """Draws the sample; half of the heads wear photographs, where there are some."""
        rng = np.random.default_rng(self.seed)
        if isinstance(self.kind, str):
            return _of_second(self.kind, rng, pictures)
        return _of_first(self.kind, rng, pictures.first)


def plan(renderer: str, seed: int, *, shakes: int, faint: int, each: int) -> list[Job]:
    """Returns samples in a shuffled order, so that any beginning is a fair choice.

    Args:
        renderer: one of `RENDERERS`.
        seed: the first of the seeds.
        shakes: how many that must be recognised.
        faint: how many small, short or slow ones.
        each: how many of each confuser.
    """
    kinds: tuple[Kind, Sequence[Kind], Sequence[Kind]] = ("shake", SHAKES[1:], KINDS)
    if renderer == "first":
        kinds = (shake, [faint_shake], NEGATIVES)
    first, faints, confusers = kinds
    step = 10_000 if renderer == "first" else 1000
    past = 2 * step if renderer == "first" else 5 * step
    jobs = [Job(seed + i, first) for i in range(shakes)]
    for number, kind in enumerate(faints, start=1):
        jobs += [Job(seed + step * number + i, kind) for i in range(faint)]
    for number, kind in enumerate(confusers):
        jobs += [Job(seed + past + 1000 * number + i, kind) for i in range(each)]
    order = np.random.default_rng(0).permutation(len(jobs))
    return [jobs[i] for i in order]


def _of_first(
    kind: Callable[[np.random.Generator], Script], rng: np.random.Generator, photos: Photographs
) -> Sample:
    script = kind(rng)
    nuisances(script, rng)
    head_px = float(np.exp(rng.uniform(np.log(32), np.log(130))))
    faint = script.label == "shake" and not script.required
    if (script.label != "shake" and rng.random() < 0.12) or (faint and rng.random() < 0.2):
        head_px = float(rng.uniform(24, 32))
    fps = int(rng.choice([10, 15, 30]))
    clip = render(script, rng, head_px=head_px, fps=fps, photographs=photos)
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
    shaken = kind in SHAKES
    facts = {
        "label": "shake" if shaken else kind,
        "kind": kind,
        "required": not shaken or kind == "shake",
        **drawn.facts,
    }
    return Sample(drawn.frames, drawn.boxes, drawn.timestamps, facts)


def _frontal(
    coco: Path, images: Path
) -> list[tuple[Path, tuple[float, float, float, float], bool]]:
    """Returns pictures of faces with their box and whether they wear a mask."""
    told = json.loads(coco.read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in told["images"]}
    found = []
    for annotation in told["annotations"]:
        x, y, width, height = annotation["bbox"]
        if (
            height >= _SMALLEST_FACE_PX
            and 0.6 < width / height < 1
            and annotation["category_id"] != 3
        ):
            path = images / names[annotation["image_id"]]
            found.append((path, (x, y, width, height), annotation["category_id"] == 1))
    return found
