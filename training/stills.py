"""Renders stills of the street with their faces, as one more set of training pictures."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import cv2

from maskcam.camera.scene.training import render_training_sample
from maskcam.records import MaskState

_log = logging.getLogger(__name__)
_CATEGORY = {MaskState.WITH_MASK: 1, MaskState.WITHOUT_MASK: 2, MaskState.INCORRECT: 3}
_SIZE = (768, 432)
_REPORT = 100
HELD_BACK_SEED = 9_000_000  # seeds from here on are for tests only


def render(folder: Path, *, count: int, first_seed: int = 0) -> None:
    """Writes `count` JPEG stills and stills.json (COCO form) to `folder`; goes on where it stopped.

    stills.json is complete after every hundred, so training may start early.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "stills.json"
    coco: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [
            {"id": 1, "name": "with_mask"},
            {"id": 2, "name": "without_mask"},
            {"id": 3, "name": "mask_worn_incorrectly"},
        ],
    }
    if file.is_file():
        coco = json.loads(file.read_text())
    _log.info("renders stills of the street: %d of %d are there", len(coco["images"]), count)
    for number in range(len(coco["images"]), count):
        seed = first_seed + number
        rgb, faces, ignored = render_training_sample(seed, size=_SIZE)
        name = f"{seed:07d}.jpg"
        cv2.imwrite(str(folder / name), rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        coco["images"].append(
            {
                "id": number,
                "file_name": name,
                "width": rgb.shape[1],
                "height": rgb.shape[0],
                "source": "rendered",
                "ignore": [[b.x0, b.y0, b.width, b.height] for b in ignored],
            }
        )
        for box, state in faces:
            coco["annotations"].append(
                {
                    "id": len(coco["annotations"]) + 1,
                    "image_id": number,
                    "category_id": _CATEGORY[state],
                    "bbox": [round(v, 2) for v in (box.x0, box.y0, box.width, box.height)],
                    "area": round(box.width * box.height, 1),
                    "iscrowd": 0,
                }
            )
        if (number + 1) % _REPORT == 0 or number + 1 == count:
            part = file.with_suffix(".part")
            part.write_text(json.dumps(coco))
            part.replace(file)
            _log.info("%d of %d stills", number + 1, count)
