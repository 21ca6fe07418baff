"""Turns frames as a film's display matrix says."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def upright(bgr: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Returns a frame turned and mirrored as a display matrix says, to the nearest right angle."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        bgr = cv2.transpose(bgr).astype(np.uint8, copy=False)
        a, d = c, b
    if a < 0:
        bgr = cv2.flip(bgr, 1).astype(np.uint8, copy=False)
    if d < 0:
        bgr = cv2.flip(bgr, 0).astype(np.uint8, copy=False)
    return bgr
