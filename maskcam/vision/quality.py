"""Decides whether a frame is good enough for a head shake to be seen in it.

A shake is texture that moves: it needs light, contrast and focus. The measures are
taken of the whole frame, never of people, and from a sixteenth of its rows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.vision.stillness import StillnessMeter

ROW_STEP_PX: Final = 16  # of the rows looked at
CELL_PX: Final = 4  # pixels of a row averaged against noise
EDGE_CELLS: Final = 8  # an edge is looked for within 32 px, the smallest head
EDGE_CONTRAST: Final = 2.0  # an edge steps by so many times the contrast of the frame
_SPAN: Final = np.ones((1, EDGE_CELLS), np.uint8)

DARKEST: Final = 16.0
BRIGHTEST: Final = 242.0
LEAST_CONTRAST: Final = 6.0
LEAST_SHARPNESS: Final = 0.33  # a blur of about 4 px (standard deviation), see docs/head-shake.md


class FrameQuality(NamedTuple):
    """Light, contrast and focus of one frame.

    light: mean luma, 0..255.
    contrast: root mean square of the luma differences over 32 px.
    sharpness: how much of the step at the strongest edges happens within 4 px, 0..1;
        1/8 where there are no edges but slopes.
    changed: the street lives, see `StillnessMeter`.
    """

    light: float
    contrast: float
    sharpness: float
    changed: bool

    @property
    def clear(self) -> bool:
        """Whether the head-shake stage can work on such a frame."""
        return (
            DARKEST <= self.light <= BRIGHTEST
            and self.contrast >= LEAST_CONTRAST
            and self.sharpness >= LEAST_SHARPNESS
        )


class QualityMeter:
    """Measures the quality of each frame; remembers some rows of the last for `changed`."""

    def __init__(self) -> None:
        self._stillness = StillnessMeter()

    def measure(self, luma: NDArray[np.uint8], at_s: float = 0.0) -> FrameQuality:
        """Returns the quality of a frame.

        Args:
            luma: (H, W) uint8, at least 16 x 64 px.
            at_s: time of capture; without it, only a frame that repeats the one before is
                noticed as not `changed`.
        """
        rows = np.ascontiguousarray(luma[ROW_STEP_PX // 2 :: ROW_STEP_PX])
        changed = self._stillness.update(rows, at_s)

        wide = rows.shape[1] // CELL_PX
        cells = cv2.resize(rows, (wide, rows.shape[0]), interpolation=cv2.INTER_AREA)
        far = cv2.absdiff(cells[:, EDGE_CELLS:], cells[:, :-EDGE_CELLS])
        near = cv2.absdiff(cells[:, 1:], cells[:, :-1])
        steepest = cv2.dilate(near, _SPAN, anchor=(0, 0))[:, : far.shape[1]]
        contrast = cv2.norm(far) / far.size**0.5
        edges = far >= max(EDGE_CONTRAST * contrast, 1.0)
        total = float(far[edges].sum())
        sharpness = float(steepest[edges].sum()) / total if total else 0.0
        return FrameQuality(
            light=float(cells.mean()),
            contrast=contrast,
            sharpness=min(1.0, sharpness),
            changed=changed,
        )
