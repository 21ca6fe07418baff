"""Writes what the teacher sees in each frame of a clip, for `maskcam evaluate street`.

python -m training.teacher_boxes --clip street.mp4 --teacher ../shared/teacher --out boxes.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.cells import STRIDES
from training.teacher import FILE

WIDTH_PX = 1280
_LOWEST_SCORE, _SAME_FACE_IOU = 0.3, 0.4
# The teacher's boxes begin a little high: to the convention of `masks` (its README).
_LEFT, _TOP, _WIDER, _LOWER = 0.008, 0.155, 1.036, 0.875


class Teacher:
    """The teacher as it is, float, on one thread."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / FILE), options)

    def find(self, bgr: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Returns `bbox` [x, y, width, height] px and `score` of each face in a picture."""
        height, width = bgr.shape[:2]
        padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
        padded[:height, :width] = bgr
        outputs = self._session.run(None, {"input": padded.transpose(2, 0, 1)[None]})
        boxes, scores = [], []
        for level, stride in enumerate(STRIDES):
            kind, presence, code = (outputs[3 * part + level][0] for part in range(3))
            score = np.sqrt(kind * presence)[:, 0]
            kept = np.flatnonzero(score >= _LOWEST_SCORE)
            row, column = np.divmod(kept, padded.shape[1] // stride)
            centre = (code[kept, :2] + np.stack([column, row], 1)) * stride
            size = np.exp(code[kept, 2:]) * stride
            boxes.append(np.concatenate([centre - size / 2, size], 1))
            scores.append(score[kept])
        box, score = np.concatenate(boxes), np.concatenate(scores)
        best = cv2.dnn.NMSBoxes(box.tolist(), score.tolist(), _LOWEST_SCORE, _SAME_FACE_IOU)
        return [
            {
                "bbox": [
                    round(float(value), 1)
                    for value in (x + _LEFT * w, y + _TOP * h, _WIDER * w, _LOWER * h)
                ],
                "score": round(float(score[index]), 3),
            }
            for index in np.asarray(best, int).ravel()
            for x, y, w, h in [box[index]]
        ]


def read_clip(clip: Path) -> Iterator[NDArray[np.uint8]]:
    """Yields the frames (H, W, 3) BGR of a film, 1280 px wide."""
    film = cv2.VideoCapture(str(clip))
    while True:
        there, bgr = film.read()
        if not there:
            return
        if bgr.shape[1] != WIDTH_PX:
            size = (WIDTH_PX, round(bgr.shape[0] * WIDTH_PX / bgr.shape[1]))
            bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        yield np.asarray(bgr, np.uint8)


def write_boxes(clip: Path, teacher: Path, file: Path) -> None:
    """Writes the boxes of all frames of a clip to `file`; teacher: the folder of its ONNX file."""
    finder = Teacher(teacher)
    frames, height = [], 0
    for bgr in read_clip(clip):
        height = bgr.shape[0]
        frames.append(finder.find(bgr))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"size": [WIDTH_PX, height], "frames": frames}))


def main() -> int:
    """Writes the boxes of one clip; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.teacher_boxes", description=__doc__)
    parser.add_argument("--clip", type=Path, required=True, metavar="VIDEO")
    parser.add_argument("--teacher", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    chosen = parser.parse_args()
    write_boxes(chosen.clip, chosen.teacher, chosen.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
