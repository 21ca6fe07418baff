"""Finds faces and how they wear their mask.

Any model will do that ends in the standard post-process op of SSD detectors,
`TFLite_Detection_PostProcess`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.errors import ModelError
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.vision.interpreter import Interpreter, Tensor
from maskcam.vision.labels import mask_states
from maskcam.vision.second_look import SecondLook

_POST_PROCESS = "TFLite_Detection_PostProcess"
_SPARED_IOU = 0.2
_GREY = 128  # of the bars around a frame that has another shape than the input


class _Outputs(NamedTuple):
    boxes: Tensor
    classes: Tensor
    scores: Tensor
    number: Tensor


class _Letterbox(NamedTuple):
    """Where a frame lies in the model's input: scaled size and left/top edge, px."""

    width: int
    height: int
    left: int
    top: int


class Detector:
    """Finds the faces in a frame.

    Args:
        interpreter: the loaded model.
        labels: the name of each class of the model, class 0 first.
        score_threshold: faces with a lower score are dropped; lower finds more
            faces and more that are none.
        same_face_share: boxes of which one lies in the other with more than this share
            are taken for one face, whatever their classes; the better score stays.
        second_look: judges each face again, in full resolution; None: the detector's
            own word stands.
        look_threshold: faces with a lower score of the detector get no second look, and are
            dropped.

    Raises:
        ModelError: the model has another kind of input or output, or the labels
            do not fit it.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        *,
        labels: Sequence[str],
        score_threshold: float,
        same_face_share: float = 0.6,
        second_look: SecondLook | None = None,
        look_threshold: float = 0.0,
    ) -> None:
        self._interpreter = interpreter
        self._look_threshold = look_threshold
        self._score_threshold = score_threshold
        self._same_face_share = same_face_share
        self._second_look = second_look
        self._input = image_input(interpreter)
        self._outputs = _post_process_outputs(interpreter)
        self._states = mask_states(labels)
        _check_label_count(interpreter, len(labels))
        _, height, width, _ = self._input.shape
        self._picture = np.full((1, height, width, 3), _GREY, np.uint8)
        self._quantized = np.empty(self._input.shape, self._input.dtype)
        self._placed: _Letterbox | None = None

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input in px."""
        return self._input.shape[2], self._input.shape[1]

    def detect(self, frame: Frame, *, objecting: Sequence[Box] = ()) -> list[Detection]:
        """Returns the faces in a frame, the best score first; boxes in px of its luma.

        Args:
            frame: its RGB image may have any size, but no scaling is needed, and none
                done, when it just fits into `input_size` with its aspect kept.
            objecting: where faces are that get no second look, for they are not counted.

        Raises:
            ModelError: the model failed or gave a class that has no label.
            InferenceStalledError: the accelerator failed.
        """
        placed = self._place(frame.rgb)
        self._interpreter.set_input(self._as_input())
        self._interpreter.invoke()
        faces = self._faces(placed, (frame.luma.shape[1], frame.luma.shape[0]))
        if self._second_look is None:
            return faces
        spared = {
            face for face in faces if any(face.box.iou(box) > _SPARED_IOU for box in objecting)
        }
        others = [
            face for face in faces if face not in spared and face.score >= self._look_threshold
        ]
        judged = self._second_look.look(frame, others)
        kept = [*spared, *(face for face in judged if face.score >= self._score_threshold)]
        return sorted(kept, key=lambda face: -face.score)

    def forget(self) -> None:
        """Overwrites what is still held of the last frame, in the models' memory as well.

        Raises:
            ModelError: the model failed.
            InferenceStalledError: the accelerator failed.
        """
        self._picture.fill(_GREY)
        self._interpreter.set_input(self._as_input())
        self._interpreter.invoke()
        if self._second_look is not None:
            self._second_look.forget()

    def _place(self, rgb: NDArray[np.uint8]) -> _Letterbox:
        width, height = self.input_size
        scale = min(width / rgb.shape[1], height / rgb.shape[0])
        scaled = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
        placed = _Letterbox(*scaled, (width - scaled[0]) // 2, (height - scaled[1]) // 2)
        if placed != self._placed:
            self._picture.fill(_GREY)
            self._placed = placed
        if scaled != (rgb.shape[1], rgb.shape[0]):
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            rgb = cv2.resize(rgb, scaled, interpolation=how).astype(np.uint8, copy=False)
        bottom, right = placed.top + placed.height, placed.left + placed.width
        self._picture[0, placed.top : bottom, placed.left : right] = rgb
        return placed

    def _as_input(self) -> NDArray[Any]:
        """Returns the frame as the model's input wants it.

        Inputs of 8 bits span the whole range of a pixel, whatever the scale says.
        Float inputs are -1..1, as the SSD models of TensorFlow have it.
        """
        if self._input.dtype == np.uint8:
            return self._picture
        if self._input.dtype == np.int8:
            # p - 128 in 8 bits is p with its highest bit flipped.
            np.bitwise_xor(self._picture, 0x80, out=self._quantized.view(np.uint8))
        else:
            np.subtract(self._picture, 127.5, out=self._quantized, dtype=np.float32)
            np.multiply(self._quantized, 1 / 127.5, out=self._quantized)
        return self._quantized

    def _faces(self, placed: _Letterbox, frame_size: tuple[int, int]) -> list[Detection]:
        # What lies behind `count` is not cleared by the op: it may be anything.
        count = int(self._interpreter.read(self._outputs.number).flat[0])
        scores = self._interpreter.read(self._outputs.scores)[0, : max(count, 0)]
        kept = np.flatnonzero(scores >= self._score_threshold)
        if not kept.size:
            return []
        classes = self._interpreter.read(self._outputs.classes)[0]
        corners = self._interpreter.read(self._outputs.boxes)[0]
        faces = []
        for i in kept[np.argsort(-scores[kept], kind="stable")]:
            state = self._state(int(classes[i]))
            box = self._in_frame(corners[i], placed, frame_size)
            if state is not None and box.width > 0 and box.height > 0:
                faces.append(Detection(box, state, min(float(scores[i]), 1.0)))
        return _one_per_face(faces, self._same_face_share)

    def _state(self, number: int) -> MaskState | None:
        if not 0 <= number < len(self._states):
            raise ModelError(
                f"{self._interpreter.path}: gives class {number}, but there are "
                f"{len(self._states)} labels; give the labels of this model"
            )
        return self._states[number]

    def _in_frame(
        self, corner: NDArray[np.float32], placed: _Letterbox, frame_size: tuple[int, int]
    ) -> Box:
        """Turns y0, x0, y1, x1 (0..1 of the input) into px of the frame, cut at its edges."""
        width, height = self.input_size
        y0, x0, y1, x1 = (float(value) for value in corner)
        across, down = frame_size[0] / placed.width, frame_size[1] / placed.height
        return Box(
            min(max((x0 * width - placed.left) * across, 0.0), frame_size[0]),
            min(max((y0 * height - placed.top) * down, 0.0), frame_size[1]),
            min(max((x1 * width - placed.left) * across, 0.0), frame_size[0]),
            min(max((y1 * height - placed.top) * down, 0.0), frame_size[1]),
        )


def _one_per_face(faces: list[Detection], same_face_share: float) -> list[Detection]:
    """Keeps the best of the boxes of one face; `faces` come best first."""
    kept: list[Detection] = []
    for face in faces:
        if all(face.box.overlap(other.box) <= same_face_share for other in kept):
            kept.append(face)
    return kept


def image_input(interpreter: Interpreter) -> Tensor:
    """Returns the one input of a detector: a picture (1, height, width, 3).

    Raises:
        ModelError: the model has another kind of input.
    """
    inputs = interpreter.inputs
    found = inputs[0] if len(inputs) == 1 else None
    if (
        found is None
        or len(found.shape) != 4
        or found.shape[0] != 1
        or found.shape[3] != 3
        or found.dtype not in (np.uint8, np.int8, np.float32)
    ):
        shown = ", ".join(f"{tensor.shape} {tensor.dtype}" for tensor in inputs)
        raise ModelError(
            f"{interpreter.path}: wants ({shown}); a detector takes one image "
            "(1, height, width, 3) of uint8, int8 or float32"
        )
    return found


def _post_process_outputs(interpreter: Interpreter) -> _Outputs:
    """Identifies the four outputs, in any order.

    The order in the file is the converter's choice (TensorFlow 2 exports scores
    first, pycoral wants boxes, classes, scores, count). But the op itself always
    writes in that last order, so the op's own list decides; where the runtime
    does not list it, shapes and names decide.
    """
    by_index = {tensor.index: tensor for tensor in interpreter.outputs}
    for operator in interpreter.operators():
        if operator.name == _POST_PROCESS and all(i in by_index for i in operator.outputs):
            return _checked(interpreter, _Outputs(*(by_index[i] for i in operator.outputs)))
    boxes = [tensor for tensor in interpreter.outputs if len(tensor.shape) == 3]
    counts = [tensor for tensor in interpreter.outputs if tensor.shape == (1,)]
    rest = [tensor for tensor in interpreter.outputs if len(tensor.shape) == 2]
    scores = [tensor for tensor in rest if _is_named(tensor, "score", ":2")]
    classes = [tensor for tensor in rest if _is_named(tensor, "class", ":1")]
    groups = (boxes, classes, scores, counts)
    if any(len(group) != 1 for group in groups):
        raise _unfit(interpreter)
    return _checked(interpreter, _Outputs(*(group[0] for group in groups)))


def _is_named(tensor: Tensor, word: str, number: str) -> bool:
    if tensor.name.startswith(_POST_PROCESS):
        return tensor.name.endswith(number)
    return word in tensor.name.lower()


def _checked(interpreter: Interpreter, found: _Outputs) -> _Outputs:
    many = found.scores.shape[-1] if found.scores.shape else 0
    shapes = ((1, many, 4), (1, many), (1, many), (1,))
    if tuple(tensor.shape for tensor in found) != shapes or any(
        tensor.dtype != np.float32 for tensor in found
    ):
        raise _unfit(interpreter)
    return found


def _unfit(interpreter: Interpreter) -> ModelError:
    shown = ", ".join(f"{tensor.shape} {tensor.dtype}" for tensor in interpreter.outputs)
    return ModelError(
        f"{interpreter.path}: gives ({shown}); a detector gives boxes (1, N, 4), classes "
        f"(1, N), scores (1, N) and count (1) from the op {_POST_PROCESS}"
    )


def _check_label_count(interpreter: Interpreter, labels: int) -> None:
    for operator in interpreter.operators():
        if operator.name == _POST_PROCESS:
            # The scores may have one more column, for the background.
            columns = interpreter.shape_of(operator.inputs[1])[-1]
            if labels not in (columns, columns - 1):
                raise ModelError(
                    f"{interpreter.path}: has {columns} classes, but there are {labels} labels; "
                    "give the labels of this model"
                )
