"""Looks at each found face once more, in the full resolution of the luma frame.

In the detector's small image a face across the street has some ten pixels, and a mask on
the chin one of them. Here it is cut out as the camera saw it; the colours, which matter less,
come from the small image, as in a video's own encoding.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.errors import ModelError
from maskcam.records import Box, Detection, Frame
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.labels import mask_states

_FACE_POWER = 0.35  # of the share of a face in the score: it doubts a place rather than rejects it
REACH = 1.75  # side of the cut in longer sides of the face: hair, ears and chin with their edges


class SecondLook:
    """Judges the faces that a detector found: whether each is one, and how it wears its mask.

    Args:
        interpreter: a model of one uint8 cut (1, n, n, 3) as `crop_face` makes it, which gives
            a share for each label (1, labels) uint8.
        labels: the name of each share: one of each mask state, and "no_face".

    Raises:
        ModelError: the model has another kind of input or output, or the labels do not fit it.
    """

    def __init__(self, interpreter: Interpreter, *, labels: Sequence[str]) -> None:
        self._interpreter = interpreter
        self._states = mask_states(labels)
        inputs, outputs = interpreter.inputs, interpreter.outputs
        if (
            len(inputs) != 1
            or len(outputs) != 1
            or len(inputs[0].shape) != 4
            or inputs[0].shape[1:] != (inputs[0].shape[1], inputs[0].shape[1], 3)
            or outputs[0].shape != (1, len(labels))
            or any(tensor.dtype != np.uint8 for tensor in inputs + outputs)
        ):
            raise ModelError(
                f"{interpreter.path}: is no second look; it takes one square image of uint8 "
                f"and gives a uint8 share for each of {', '.join(labels)}"
            )
        self._size = inputs[0].shape[1]

    def look(self, frame: Frame, detections: Sequence[Detection]) -> list[Detection]:
        """Returns the detections as both models together see them.

        The score is multiplied by a power of the share of a face; the state is that of the crop.

        Raises:
            ModelError: the model failed.
        """
        return [
            self._classify(crop_face(frame, detection.box, self._size), detection)
            for detection in detections
        ]

    def _classify(self, crop: NDArray[np.uint8], detection: Detection) -> Detection:
        self._interpreter.set_input(crop[None])
        self._interpreter.invoke()
        shares = self._interpreter.read(self._interpreter.outputs[0])[0] / 255
        states = {
            state: float(share)
            for state, share in zip(self._states, shares, strict=True)
            if state is not None
        }
        state = max(states, key=states.__getitem__)
        face = min(sum(states.values()), 1.0) ** _FACE_POWER
        return Detection(detection.box, state, detection.score * face)


def crop_face(frame: Frame, box: Box, size: int) -> NDArray[np.uint8]:
    """Returns (size, size, 3) YCrCb uint8: a face and a margin, from both images of a frame.

    The middle of the box lies in the frame.
    """
    luma, rgb = frame.luma, frame.rgb
    x, y = box.centre
    side = REACH * _longer_side(box)
    across, down = rgb.shape[1] / luma.shape[1], rgb.shape[0] / luma.shape[0]
    brightness = _square(luma, x, y, side, side, size)
    colour = _square(rgb, x * across, y * down, side * across, side * down, size)
    cut: NDArray[np.uint8] = cv2.cvtColor(colour, cv2.COLOR_RGB2YCrCb).astype(np.uint8, copy=False)
    cut[:, :, 0] = brightness
    return cut


def _longer_side(box: Box) -> float:
    return max(box.width, box.height)


def _square(
    image: NDArray[np.uint8], x: float, y: float, width: float, height: float, size: int
) -> NDArray[np.uint8]:
    """Returns a part of an image scaled to (size, size); outside of it, its edge goes on."""
    left, top = round(x - width / 2), round(y - height / 2)
    right, bottom = max(round(x + width / 2), left + 2), max(round(y + height / 2), top + 2)
    high, wide = image.shape[:2]
    spare = max(-top, 0), max(bottom - high, 0), max(-left, 0), max(right - wide, 0)
    part = image[max(top, 0) : bottom, max(left, 0) : right]
    if any(spare):
        part = cv2.copyMakeBorder(part, *spare, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
    how = cv2.INTER_AREA if bottom - top > size else cv2.INTER_LINEAR
    return cv2.resize(part, (size, size), interpolation=how).astype(np.uint8, copy=False)
