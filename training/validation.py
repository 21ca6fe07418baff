"""Average precision of the float network on a validation split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box, Detection, MaskState
from training import cells

_GREY = 128
_LOWEST_SCORE = 0.02
_SAME_FACE_IOU = 0.5
_MOST = 100
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


def detect(predict: Predict, rgb: NDArray[np.uint8], *, height: int, width: int) -> list[Detection]:
    """Returns the faces that the float network finds, of any score, as the unit would.

    It does not know states: all are returned as without mask.
    """
    whole, scale, corner = letterbox(rgb, height, width)
    codes, scores = predict(whole[None])
    best = scores[0, :, 0]
    kept = np.flatnonzero(best >= _LOWEST_SCORE)
    boxes = cells.decode(codes[0], height=height, width=width)[kept]
    sizes = [[float(x0), float(y0), float(x1 - x0), float(y1 - y0)] for x0, y0, x1, y1 in boxes]
    order: Sequence[int] = ()
    if len(kept):
        order = cv2.dnn.NMSBoxes(sizes, best[kept].tolist(), _LOWEST_SCORE, _SAME_FACE_IOU)
    faces = []
    for i in np.asarray(order, int)[:_MOST]:
        box = (boxes[i] - np.array([*corner, *corner])) / scale
        box = np.clip(box, 0, (rgb.shape[1], rgb.shape[0]) * 2)
        place = Box(*(float(v) for v in box))
        faces.append(Detection(place, MaskState.WITHOUT_MASK, float(best[kept[i]])))
    return faces
