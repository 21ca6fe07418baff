"""Judges whether a face is in view, or a hand, another head or a thing before it.

A small network compares two patches of one head, an earlier one and the present one.
It learned from drawn pairs (training/head_pairs.py): photographed and painted heads that
turn, nod, tilt and travel, with and without something before them. It returns one number.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from maskcam.errors import ModelError
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import FaceInViewDescription
from maskcam.vision.patch import HEAD, SIZE, Patch

# The part of each patch in which the head is, whose light the network gets to know.
_HEAD: Final = (slice(None), *HEAD)
_NOISE: Final = 4.0  # luma levels; a face of little contrast is not stretched to noise
_MOST: Final = 4.0


class FaceInView:
    """The network. Its memory holds the last two patches until it is used again, or forgets.

    Args:
        description: names its file.

    Raises:
        ModelError: the file is missing, damaged or another model.
    """

    def __init__(self, description: FaceInViewDescription) -> None:
        # One thread: so small a network would wait for a second one longer than it works.
        self._interpreter = Interpreter(description.file, threads=1, sha256=description.sha256)
        inputs, outputs = self._interpreter.inputs, self._interpreter.outputs
        if [tensor.shape for tensor in inputs + outputs] != [(1, SIZE[1], SIZE[0], 2), (1, 1)]:
            raise ModelError(f"{description.file}: is another model; install maskcam again")

    def log_odds(self, earlier: Patch, now: Patch) -> float:
        """Returns how sure it is that nothing is before the face now, as log odds.

        earlier: the same head some time ago, best with nothing before it.
        """
        self._interpreter.set_input(normalised(earlier[None], now[None]))
        self._interpreter.invoke()
        return float(self._interpreter.read(self._interpreter.outputs[0])[0, 0])

    def forget(self) -> None:
        """Overwrites what the network's memory still holds of the last patches."""
        nothing = np.zeros((1, SIZE[1], SIZE[0], 2), np.float32)
        self._interpreter.set_input(nothing)
        self._interpreter.invoke()


def normalised(earlier: NDArray[Any], now: NDArray[Any]) -> NDArray[np.float32]:
    """Returns (n, 50, 36, 2): patches (n, 50, 36) in the contrast of the earlier head."""
    head = earlier[_HEAD].reshape(len(earlier), -1).astype(np.float32, copy=False)
    middle = head.mean(axis=1)
    spread = np.sqrt(np.maximum(np.square(head).mean(axis=1) - np.square(middle), 0))
    pairs = np.empty((*earlier.shape, 2), np.float32)
    pairs[..., 0], pairs[..., 1] = earlier, now
    pairs -= middle[:, None, None, None]
    pairs /= spread[:, None, None, None] + np.float32(_NOISE)
    return np.clip(pairs, -_MOST, _MOST, out=pairs)
