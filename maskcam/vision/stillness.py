"""Sees whether the frames live, or are frozen under a running clock or the noise of a codec.

A frozen frame may still change: a clock runs in a corner of it, or a converter adds noise.
A street that lives differs in one of three ways. Its light wanders: from one second to the
next, means of small cells change in many places, in an empty street too. Somebody moves in
it, who is taller than a line of text. Or a sensor is at work, whose noise changes nearly
every pixel of every frame.

Calibrated on 16 real clips, rendered empty streets and frozen frames, see
docs/head-shake.md.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK_S: Final = 1.0  # means are taken over so long: noise and the rhythm of a codec average out
CELL_PX: Final = 32  # of a row
LEAST_CHANGE: Final = 0.25  # grey levels of a cell's mean; noise of 1 level gives 0.07
TILES: Final = 4  # the frame is divided into 4 x 4
LEAST_CELLS: Final = 0.05  # of a tile
LEAST_TILES: Final = 3  # that change outside of the square of 2 x 2 tiles that changes most
TALL: Final = 0.12  # of the height: a person is taller, a line of text is not
TALL_ROWS: Final = 4
STILL_PIXELS: Final = 0.25  # a larger part of the pixels repeats where no sensor is at work
_CLIPPED: Final = (2, 253)  # black and white pixels have no noise


class StillnessMeter:
    """Watches rows of each frame; keeps one frame's rows and two means of cells."""

    def __init__(self) -> None:
        self._rows: NDArray[np.uint8] | None = None
        self._sum: NDArray[np.float64] | None = None
        self._count = 0
        self._block_at_s = 0.0
        self._before: NDArray[np.float64] | None = None
        self._wanders = True

    def update(self, rows: NDArray[np.uint8], at_s: float) -> bool:
        """Returns whether the frames live; True until 2 s of it have been seen.

        Args:
            rows: (N, W) some rows of the luma, the same ones of each frame.
            at_s: time of capture.
        """
        before, self._rows = self._rows, rows
        if before is None or before.shape != rows.shape:
            self._begin(at_s)
            return True
        changed = before != rows
        self._add(rows, at_s)
        return bool(changed.any()) and (self._wanders or _has_noise(rows, changed))

    def _begin(self, at_s: float) -> None:
        self._sum, self._count, self._block_at_s = None, 0, at_s

    def _add(self, rows: NDArray[np.uint8], at_s: float) -> None:
        """Adds a frame to the mean of this second, and compares full seconds."""
        if not 0 <= at_s - self._block_at_s < 2 * BLOCK_S:  # a pause
            self._before = None
            self._begin(at_s)
        width = rows.shape[1] // CELL_PX * CELL_PX
        cells = rows[:, :width].reshape(len(rows), -1, CELL_PX).mean(2)
        self._sum = cells if self._sum is None else self._sum + cells
        self._count += 1
        if at_s - self._block_at_s >= BLOCK_S:
            mean = self._sum / self._count
            if self._before is not None and self._before.shape == mean.shape:
                cells = np.abs(mean - self._before) > LEAST_CHANGE
                self._wanders = _changes_widely(cells) or _changes_tall(cells)
            self._before = mean
            self._begin(at_s)


def _has_noise(rows: NDArray[np.uint8], changed: NDArray[np.bool_]) -> bool:
    grey = (rows >= _CLIPPED[0]) & (rows <= _CLIPPED[1])
    return float((changed & grey).sum()) >= (1 - STILL_PIXELS) * max(float(grey.sum()), 1.0)


def _changes_widely(cells: NDArray[np.bool_]) -> bool:
    """Returns whether cells change outside of one small region."""
    tiles = np.array(
        [
            [part.size > 0 and part.mean() >= LEAST_CELLS for part in np.array_split(row, TILES, 1)]
            for row in np.array_split(cells, TILES, 0)
        ],
        int,
    )
    squares = tiles[:-1, :-1] + tiles[1:, :-1] + tiles[:-1, 1:] + tiles[1:, 1:]
    return int(tiles.sum() - squares.max()) >= LEAST_TILES


def _changes_tall(cells: NDArray[np.bool_]) -> bool:
    """Returns whether cells change that hang together over more than the height of a text."""
    stats = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)[2]
    return bool((stats[1:, cv2.CC_STAT_HEIGHT] >= max(TALL_ROWS, TALL * len(cells))).any())
