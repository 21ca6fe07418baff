"""Which faces the network finds badly before it is trained: bowed, in profile, small, covered."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from maskcam.records import Box
from training.pictures import Picture
from training.validation import Predict, detect

_log = logging.getLogger(__name__)
_SAME_FACE_IOU = 0.35
_EASY, _HARD = 1.0, 3.0  # how often a face is taken that was found surely, and one that was not


def measure(
    predict: Predict, pictures: list[Picture], file: Path, *, height: int, width: int
) -> None:
    """Writes the best score of a box on each face of each picture to `file`, 0 if there is none."""
    scores = []
    for picture in pictures:
        found = detect(predict, picture.rgb, height=height, width=width)
        of_picture = np.zeros(len(picture.boxes))
        for face in picture.faces:
            box = Box(*map(float, picture.boxes[face]))
            hits = [one.score for one in found if box.iou(one.box) >= _SAME_FACE_IOU]
            of_picture[face] = max(hits, default=0.0)
        scores.append(of_picture.round(3).tolist())
    file.write_text(json.dumps(scores))
    known = np.concatenate([np.array(s)[p.faces] for s, p in zip(scores, pictures, strict=True)])
    _log.info(
        "%d faces, %.1f %% of them with a score under 0.5", len(known), 100 * np.mean(known < 0.5)
    )


def weigh(pictures: list[Picture], file: Path) -> list[Picture]:
    """Returns the pictures with what `measure` wrote as `sought`."""
    scores = json.loads(file.read_text())
    return [
        replace(one, sought=(_HARD - (_HARD - _EASY) * np.array(s)).astype(np.float32))
        for one, s in zip(pictures, scores, strict=True)
    ]
