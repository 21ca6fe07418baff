"""One prediction a cell: which cell answers for which face, and how a box is coded.

A cell of stride s predicts four numbers t in 0..6 (the range of ReLU6, so that int8 loses
little) and TFLite_Detection_PostProcess decodes them:

    centre_y = t_y / Y_SCALE * anchor_h + anchor_y      height = exp(t_h / H_SCALE) * anchor_h

with the anchor's corner-shifted centre chosen so that t = 3 means the middle of the cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32)
ANCHOR = 0.625  # smallest face of a level, in strides
REACH = 1.5  # how far a centre may lie from its cell's, in strides
SIZE_RATIO = 24.0  # largest over smallest face of a level
XY_SCALE = 6 * ANCHOR / (2 * REACH)
WH_SCALE = 6 / float(np.log(SIZE_RATIO))
# Faces of these sides (square root of the area, px of the input) belong to a level.
_LEVEL_SIDES = ((0.0, 44.0), (28.0, 112.0), (68.0, 1e9))
_NEIGHBOURS = 2.0  # of so many times these sides a level may be right, too


def anchors(height: int, width: int) -> NDArray[np.float32]:
    """Returns (N, 4) y, x, h, w in units of the input picture, as the operator wants them."""
    levels = []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        y = (rows.ravel() + 0.5 - REACH) * stride / height
        x = (columns.ravel() + 0.5 - REACH) * stride / width
        side = np.full(len(y), ANCHOR * stride)
        levels.append(np.stack([y, x, side / height, side / width], 1))
    return np.concatenate(levels).astype(np.float32)


def assign(
    boxes: NDArray[np.float32],
    classes: NDArray[np.int32],
    box_weight: NDArray[np.float32],
    *,
    height: int,
    width: int,
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.float32]]:
    """Gives each cell its face.

    Around each face, and at the neighbouring levels, cells are left alone: the teacher, from
    which the network starts, may answer there as well.

    Returns per cell: the box (N, 4) x0 y0 x1 y1 px; the class (N,): 0..2, -1 nothing here,
    -2 do not care; and the box weight (N,).
    """
    target, kinds, weights = [], [], []
    side = np.sqrt(np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 0))
    order = np.argsort(-side)  # small faces last: they win a cell
    for stride, (smallest, largest) in zip(STRIDES, _LEVEL_SIDES, strict=True):
        rows, columns = height // stride, width // stride
        box_of = np.zeros((rows, columns, 4), np.float32)
        kind_of = np.full((rows, columns), -1, np.int8)
        weight_of = np.zeros((rows, columns), np.float32)
        for k in order:
            half = (boxes[k, 2:] - boxes[k, :2]) / 2
            if classes[k] < 0:
                kind_of[_cells(boxes[k], half + 2, stride, rows, columns)] = -2
            elif smallest / _NEIGHBOURS <= side[k] < largest * _NEIGHBOURS:
                kind_of[_cells(boxes[k], half + stride / 2, stride, rows, columns)] = -2
        for k in order:
            if classes[k] >= 0 and smallest <= side[k] < largest:
                reach = np.clip(0.3 * (boxes[k, 2:] - boxes[k, :2]), 0.72 * stride, 1.3 * stride)
                place = _cells(boxes[k], reach, stride, rows, columns)
                kind_of[place], box_of[place], weight_of[place] = (
                    classes[k],
                    boxes[k],
                    box_weight[k],
                )
        target.append(box_of.reshape(-1, 4))
        kinds.append(kind_of.ravel())
        weights.append(weight_of.ravel())
    return np.concatenate(target), np.concatenate(kinds), np.concatenate(weights)


def _cells(
    box: NDArray[np.float32], reach: NDArray[np.floating], stride: int, rows: int, columns: int
) -> tuple[slice, slice]:
    """Returns the rows and columns of the cells whose centres lie within `reach` of the box's."""
    centre = (box[:2] + box[2:]) / 2
    first = np.ceil((centre - reach) / stride - 0.5).astype(int)
    last = np.floor((centre + reach) / stride - 0.5).astype(int)
    return (
        slice(max(0, first[1]), max(0, min(rows, last[1] + 1))),
        slice(max(0, first[0]), max(0, min(columns, last[0] + 1))),
    )


def decode(codes: NDArray[np.float32], *, height: int, width: int) -> NDArray[np.float32]:
    """Returns boxes (..., N, 4) x0 y0 x1 y1 px from codes (..., N, 4) t_y, t_x, t_h, t_w."""
    anchor = anchors(height, width) * np.array([height, width, height, width], np.float32)
    centre = codes[..., :2] / XY_SCALE * anchor[:, 2:] + anchor[:, :2]
    half = np.exp(codes[..., 2:] / WH_SCALE) * anchor[:, 2:] / 2
    low, high = centre - half, centre + half
    return np.stack([low[..., 1], low[..., 0], high[..., 1], high[..., 0]], -1)
