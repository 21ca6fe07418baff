"""Looks at each found face once more, in the full resolution of the luma frame.

In the detector's small image a face across the street has some ten pixels, and a mask on
the chin one of them. Here it is cut out as the camera saw it; the colours, which matter less,
come from the small image, as in a video's own encoding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.errors import ModelError
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.labels import mask_states

# The log odds that a place is a face grow with those of either network, and so much with each:
# fitted to photographs that neither learned from. The offset leaves the detector's threshold as
# it is, so that a score means the same with and without a second look.
_FOUND: Final = 1.5
_JUDGED: Final = 0.64
_OFFSET: Final = -1.5
_SUREST: Final = 1 / 510  # half a step of a share of 8 bits: nothing is surer
MOST_LOOKS: Final = 6  # per frame; more faces take turns, for a Raspberry Pi 4 has no time for all
_SAME_FACE: Final = 0.5  # overlap of the boxes of one face in two frames
_KEPT_S: Final = 0.5  # what an earlier look said
REACH = 1.75  # side of the cut in longer sides of the face: hair, ears and chin with their edges


class _Verdict(NamedTuple):
    """What the last look at a place said: how the mask is worn, and the share of a face."""

    box: Box
    state: MaskState
    share: float
    age: int = 0  # frames since the look


class SecondLook:
    """Judges the faces that a detector found: whether each is one, and how it wears its mask.

    Where there are more than `MOST_LOOKS`, those whose look is oldest have one, and of the others
    the verdict of the frame before is taken. Only boxes and verdicts of the last frame are kept,
    and in the network's memory a cut of it, until the next frame.

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
        self._verdicts: list[_Verdict] = []
        self._at_s = -math.inf
        self._holds_face = False  # the network's memory

    def look(self, frame: Frame, detections: Sequence[Detection]) -> list[Detection]:
        """Returns the detections as both models together see them.

        The score joins that of the detector and the share of a face; the state is that of the crop.

        Raises:
            ModelError: the model failed.
        """
        known = self._known(frame.captured_at_s, detections)
        waits = [math.inf if verdict is None else verdict.age for verdict in known]
        turns = sorted(range(len(waits)), key=waits.__getitem__, reverse=True)
        looked_at = set(turns[: max(MOST_LOOKS, waits.count(math.inf))])
        self._verdicts = [
            self._classify(frame, detection.box)
            if verdict is None or number in looked_at
            else verdict._replace(box=detection.box, age=verdict.age + 1)
            for number, (detection, verdict) in enumerate(zip(detections, known, strict=True))
        ]
        self._at_s = frame.captured_at_s
        if not detections:
            self.forget()
        return [
            Detection(detection.box, verdict.state, join_scores(detection.score, verdict.share))
            for detection, verdict in zip(detections, self._verdicts, strict=True)
        ]

    def forget(self) -> None:
        """Overwrites what the network's memory still holds of the last face, and its verdicts.

        Raises:
            ModelError: the model failed.
        """
        self._verdicts = []
        if self._holds_face:
            self._interpreter.set_input(np.zeros((1, self._size, self._size, 3), np.uint8))
            self._interpreter.invoke()
        self._holds_face = False

    def _known(self, at_s: float, detections: Sequence[Detection]) -> list[_Verdict | None]:
        """Returns what is known of each face, where there are too many to look at all."""
        known: list[_Verdict | None] = [None] * len(detections)
        if len(detections) <= MOST_LOOKS or not 0 < at_s - self._at_s <= _KEPT_S:
            return known
        overlaps = (
            (verdict.box.iou(detection.box), number, before)
            for number, detection in enumerate(detections)
            for before, verdict in enumerate(self._verdicts)
        )
        taken = set()
        for overlap, number, before in sorted(overlaps, reverse=True):
            if overlap >= _SAME_FACE and known[number] is None and before not in taken:
                known[number] = self._verdicts[before]
                taken.add(before)
        return known

    def _classify(self, frame: Frame, box: Box) -> _Verdict:
        self._holds_face = True
        self._interpreter.set_input(crop_face(frame, box, self._size)[None])
        self._interpreter.invoke()
        shares = self._interpreter.read(self._interpreter.outputs[0])[0] / 255
        states = {
            state: float(share)
            for state, share in zip(self._states, shares, strict=True)
            if state is not None
        }
        state = max(states, key=states.__getitem__)
        return _Verdict(box, state, min(sum(states.values()), 1.0))


def join_scores(found: float, share: float) -> float:
    """Returns one score, 0..1, of the detector's and of the share of a face."""
    log_odds = _FOUND * _log_odds(found) + _JUDGED * _log_odds(share) + _OFFSET
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(share: float) -> float:
    kept = min(max(share, _SUREST), 1 - _SUREST)
    return math.log(kept / (1 - kept))


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
