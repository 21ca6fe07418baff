"""Renders stills of the street with their faces, as one more set of training pictures."""

from __future__ import annotations

import json
import logging
import multiprocessing
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from maskcam.records import Box, MaskState
from training.street_samples import render_scene_sample, render_training_sample

_log = logging.getLogger(__name__)
_CATEGORY = {MaskState.WITH_MASK: 1, MaskState.WITHOUT_MASK: 2, MaskState.INCORRECT: 3}
SIZE, FULL_SIZE = (768, 432), (1280, 720)
_PART = 60  # stills a process renders in turn: neighbours share street and cast
HELD_BACK_SEED = 9_000_000  # seeds from here on are for tests only


class _Still(NamedTuple):
    """A picture that was written, its faces, and the places to leave out of the loss."""

    name: str
    faces: list[tuple[Box, MaskState]]
    ignored: list[Box]


def render(folder: Path, *, count: int, first_seed: int = 0, size: tuple[int, int] = SIZE) -> None:
    """Writes `count` JPEG stills and stills.json (COCO form) to `folder`, with all cores.

    Half of them are staged to be as varied as can be, half are frames of scenes as the unit
    sees them. Does nothing where so many are there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "stills.json"
    if file.is_file() and len(json.loads(file.read_text())["images"]) == count:
        _log.info("%d stills of the street are there", count)
        return
    stills: list[_Still] = []
    parts = [
        (folder, first_seed + first, min(_PART, count - first), size)
        for first in range(0, count, _PART)
    ]
    with multiprocessing.get_context("spawn").Pool() as pool:
        for part in pool.imap(_render_part, parts):
            stills += part
            _log.info("%d of %d stills of the street", len(stills), count)
    part_written = file.with_suffix(".part")
    part_written.write_text(json.dumps(_coco(stills, size)))
    part_written.replace(file)


def _render_part(part: tuple[Path, int, int, tuple[int, int]]) -> list[_Still]:
    folder, first, count, size = part
    cv2.setNumThreads(1)
    staged = first // _PART % 2 == 0
    rendered = []
    for seed in range(first, first + count):
        rgb, faces, ignored = (render_training_sample if staged else render_scene_sample)(
            seed, size=size
        )
        name = f"{seed:07d}.jpg"
        cv2.imwrite(str(folder / name), rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        rendered.append(_Still(name, faces, ignored))
    return rendered


def _coco(stills: list[_Still], size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    names = {1: "with_mask", 2: "without_mask", 3: "mask_worn_incorrectly"}
    annotations: list[dict[str, Any]] = []
    for number, still in enumerate(stills):
        for box, state in still.faces:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": _CATEGORY[state],
                    "bbox": [round(v, 2) for v in (box.x0, box.y0, box.width, box.height)],
                    "area": round(box.width * box.height, 1),
                    "iscrowd": 0,
                }
            )
    return {
        "images": [
            {
                "id": number,
                "file_name": still.name,
                "width": width,
                "height": height,
                "source": "rendered",
                "ignore": [[b.x0, b.y0, b.width, b.height] for b in still.ignored],
            }
            for number, still in enumerate(stills)
        ],
        "annotations": annotations,
        "categories": [{"id": key, "name": name} for key, name in names.items()],
    }
