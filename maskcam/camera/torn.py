"""Finds frames torn along a codec's blocks: damage that the decoder does not notice.

Arithmetic coding gives any bytes a meaning: H.264, H.265, VP8, VP9 and AV1 decode damaged
bytes to wrong blocks, often without an error, and go on with them up to the next key frame.
What shows is straight steps where blocks of 8 px meet. A street has such steps as often
elsewhere, and a coarse film has them all the time: what counts is how many more there are than at
other columns and rows, and than in the better frames of the same film.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

CODECS: Final = {"h264", "hevc", "vp8", "vp9", "av1", "libdav1d"}
_BLOCK: Final = 8  # px; the larger blocks begin at multiples of it, too
_STEP: Final = 10  # grey levels
_STEEPER: Final = 3  # times as steep as beside it
_STRAIGHT: Final = _BLOCK - 1  # px of a block's side with the same step
_MOST_PIXELS: Final = 400_000  # that one look reads; of larger frames every so many rows of blocks
_BETTER: Final = 0.25  # part of the frames that stand for the film without damage
_TORN: Final = 0.002  # of all sides of blocks; whole films vary by up to 0.0018
_FEW: Final = 5  # sides, by which small frames vary


class TornFrames:
    """Judges a film by looks at frames at even distances."""

    def __init__(self) -> None:
        self._shares: list[float] = []
        self._limit = _TORN

    def look(self, grey: NDArray[np.uint8]) -> None:
        """Measures a frame, (H, W) as it was coded."""
        share, sides = _share_of_steps(grey)
        self._shares.append(share)
        self._limit = _TORN + _FEW / max(sides, 1)

    @property
    def share(self) -> float:
        """The share of the looks that saw a torn frame; one look alone may err."""
        if not self._shares:
            return 0.0
        shares = np.array(self._shares)
        is_torn = np.pad(shares - np.quantile(shares, _BETTER) > self._limit, 1)
        return float((is_torn[1:-1] & (is_torn[:-2] | is_torn[2:])).mean())


def _share_of_steps(grey: NDArray[np.uint8]) -> tuple[float, int]:
    """Returns the part of the blocks' sides with a step, above chance, and how many they are."""
    found, sides = np.zeros(_BLOCK), 0
    for image in (grey, grey.T):
        steps, number = _steps(image)
        found += steps
        sides += number
    elsewhere = float(found[1:].mean())
    return float(found[0] - elsewhere - 2 * elsewhere**0.5) / max(sides, 1), sides


def _steps(image: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
    """Returns how many straight vertical steps lie at each column modulo 8, and of how many."""
    height, width = (length - length % _BLOCK for length in image.shape)
    rows = image[:height, :width].reshape(height // _BLOCK, _BLOCK, width)
    rows = rows[:: max(1, height * width // _MOST_PIXELS)]
    slope = np.diff(rows.astype(np.int16), axis=2)
    steep = np.abs(slope)
    beside = np.maximum(steep[:, :, :-2], steep[:, :, 2:])
    is_step = (steep[:, :, 1:-1] >= _STEP) & (steep[:, :, 1:-1] >= _STEEPER * beside)
    up_or_down = np.where(is_step, np.sign(slope[:, :, 1:-1]), 0).sum(axis=1)
    number = (np.abs(up_or_down) >= _STRAIGHT).sum(axis=0)
    column = (np.arange(number.size) + 2) % _BLOCK
    steps = np.array([number[column == place].sum() for place in range(_BLOCK)], np.int64)
    return steps, rows.shape[0] * (width // _BLOCK)
