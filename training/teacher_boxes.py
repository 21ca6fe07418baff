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
_POINTS_PX, _ASIDE = 64.0, 0.35  # longer side at which points are sought; how far a face may lie


class Teacher:
    """The teacher as it is, float, on one thread."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / FILE), options)

    def find(self, bgr: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Returns `bbox` [x, y, width, height] px and `score` of each face in a picture."""
        box, score, _ = self._candidates(bgr)
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

    def find_points(
        self, rgb: NDArray[np.uint8], face: NDArray[np.floating]
    ) -> NDArray[np.float32] | None:
        """Returns eyes, nose and corners of the mouth (5, 2) px of the face in x0 y0 x1 y1.

        None where the teacher sees no face there.
        """
        zoom = _POINTS_PX / float(max(face[2:] - face[:2]))
        bgr = cv2.resize(rgb[:, :, ::-1], None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
        box, score, points = self._candidates(np.asarray(bgr, np.uint8))
        if not len(score):
            return None
        best = int(np.argmax(score))
        middle = box[best, :2] + box[best, 2:] * (0.5, _TOP + _LOWER / 2)
        aside = np.abs(middle / zoom - (face[:2] + face[2:]) / 2) / (face[2:] - face[:2])
        if aside.max() > _ASIDE or not 0.6 < box[best, 2:].max() / _POINTS_PX < 1.8:
            return None
        return np.asarray(points[best] / zoom, np.float32)

    def _candidates(
        self, bgr: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Returns the teacher's own boxes x y width height (N, 4), scores, points (N, 5, 2)."""
        height, width = bgr.shape[:2]
        padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
        padded[:height, :width] = bgr
        outputs = self._session.run(None, {"input": padded.transpose(2, 0, 1)[None]})
        boxes, scores, points = [], [], []
        for level, stride in enumerate(STRIDES):
            kind, presence, code, places = (outputs[3 * part + level][0] for part in range(4))
            score = np.sqrt(kind * presence)[:, 0]
            kept = np.flatnonzero(score >= _LOWEST_SCORE)
            row, column = np.divmod(kept, padded.shape[1] // stride)
            cell = np.stack([column, row], 1)
            centre = (code[kept, :2] + cell) * stride
            size = np.exp(code[kept, 2:]) * stride
            boxes.append(np.concatenate([centre - size / 2, size], 1))
            scores.append(score[kept])
            points.append((places[kept].reshape(-1, 5, 2) + cell[:, None]) * stride)
        return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)


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
