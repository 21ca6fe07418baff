"""One head with the chest below it, cut from a frame at one small size."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Patch = NDArray[np.float32]  # (50, 36) luma 0..255

# A face box is 20 px high in it.
FACE_PX: Final = 20
CENTRE: Final = (18, 18)  # of the face box
SIZE: Final = (36, 50)  # width, height
HEAD: Final = (slice(4, 32), slice(6, 30))  # rows and columns of the head in a patch

_COARSEST: Final = 1.5  # px of the frame per px cut; more would alias


def cut_patch(halves: list[Luma], centre: tuple[float, float], scale: float) -> Patch:
    """Cuts the patch around a face centre, from the smallest frame with enough detail.

    halves: the frame, and the frames of half its size each that were needed so far.
    scale: frame px per patch px.
    """
    scale, level = scale / 2, 0  # cut at twice the size, then smoothed
    while scale > _COARSEST:
        level += 1
        scale /= 2
        if len(halves) == level:
            half = (halves[-1].shape[1] // 2, halves[-1].shape[0] // 2)
            smaller = cv2.resize(halves[-1], half, interpolation=cv2.INTER_AREA)
            halves.append(smaller.astype(np.uint8, copy=False))
    shrink = 0.5**level
    to_frame = np.array(
        [
            [scale, 0, (centre[0] + 0.5) * shrink - 0.5 - 2 * CENTRE[0] * scale],
            [0, scale, (centre[1] + 0.5) * shrink - 0.5 - 2 * CENTRE[1] * scale],
        ]
    )
    twice = cv2.warpAffine(
        halves[level],
        to_frame,
        (2 * SIZE[0], 2 * SIZE[1]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.pyrDown(twice).astype(np.float32)
