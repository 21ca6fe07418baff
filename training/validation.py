"""Average precision of the float network on a validation split."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from training import cells
from training.pictures import Picture

_GREY = 128
Predict = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]]


def letterbox(
    rgb: NDArray[np.uint8], height: int, width: int
) -> tuple[NDArray[np.uint8], float, tuple[int, int]]:
    """Returns the picture in the middle of a grey (height, width), its scale, and its left, top."""
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    whole = np.full((height, width, 3), _GREY, np.uint8)
    whole[top : top + size[1], left : left + size[0]] = cv2.resize(rgb, size, interpolation=how)
    return whole, scale, (left, top)


def detect(
    predict: Predict, rgb: NDArray[np.uint8], *, height: int, width: int, threshold: float
) -> list[tuple[int, float, NDArray[np.float32]]]:
    """Returns class, score and box (x0 y0 x1 y1, px of `rgb`) of each face."""
    whole, scale, corner = letterbox(rgb, height, width)
    codes, scores = predict(whole[None])
    best = scores[0].max(1)
    kept = np.flatnonzero(best >= threshold)
    boxes = cells.decode(codes[0], height=height, width=width)[kept]
    sizes = [[float(x0), float(y0), float(x1 - x0), float(y1 - y0)] for x0, y0, x1, y1 in boxes]
    order = cv2.dnn.NMSBoxes(sizes, best[kept].tolist(), threshold, 0.5) if len(kept) else []
    shift = np.array([*corner, *corner], np.float32)
    return [
        (int(scores[0, kept[i]].argmax()), float(best[kept[i]]), (boxes[i] - shift) / scale)
        for i in np.asarray(order, int)[:100]
    ]


def ap50(
    predict: Predict, file: Path, pictures: list[Picture], *, height: int, width: int
) -> dict[str, float]:
    """Returns AP at IoU 0.5 of with_mask, without_mask, incorrect, and of any face.

    `pictures` are those of the COCO `file`, in its order.
    """
    truth = json.loads(file.read_text())
    found: list[dict[str, Any]] = []
    for image, picture in zip(truth["images"], pictures, strict=True):
        for kind, score, box in detect(
            predict, picture.rgb, height=height, width=width, threshold=0.02
        ):
            x0, y0, x1, y1 = (float(v) for v in box)
            found.append(
                {
                    "image_id": image["id"],
                    "category_id": kind + 1,
                    "score": score,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        result = {}
        for name, category in (
            ("with_mask", 1),
            ("without_mask", 2),
            ("incorrect", 3),
            ("face", 0),
        ):
            evaluation = COCOeval(coco, coco.loadRes(found) if found else COCO(), "bbox")
            evaluation.params.iouThrs = np.array([0.5])
            evaluation.params.useCats = int(category > 0)
            evaluation.params.catIds = [category] if category else [1, 2, 3]
            if found:
                evaluation.evaluate()
                evaluation.accumulate()
                precision = evaluation.eval["precision"][0, :, :, 0, 2]
                result[name] = (
                    float(precision[precision > -1].mean()) if (precision > -1).any() else 0.0
                )
            else:
                result[name] = 0.0
    return result
