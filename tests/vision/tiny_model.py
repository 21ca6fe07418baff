"""Makes small, real TFLite detectors, so that no test depends on a trained model.

The network looks at a grid of cells: a cell's mean red, green and blue (0..1) are
its scores for the classes 0, 1 and 2, and the box is the cell. The standard
post-process op does the rest, so a patch of pure red is a detection of class 0.

The flatbuffer is written field by field after the published TFLite schema
(version 3), because the two runtimes do not both bring a Python schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

OUTPUT_NAMES = (
    "TFLite_Detection_PostProcess",
    "TFLite_Detection_PostProcess:1",
    "TFLite_Detection_PostProcess:2",
    "TFLite_Detection_PostProcess:3",
)
_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int8": 9}
_AVERAGE_POOL_2D, _DEQUANTIZE, _RESHAPE, _CUSTOM = 1, 6, 22, 32
_POOL_OPTIONS, _RESHAPE_OPTIONS = 5, 17


@dataclass(frozen=True)
class TinyModel:
    """What the model looks like; `build` gives its bytes."""

    input_shape: tuple[int, ...] = (1, 32, 32, 3)
    input_dtype: str = "uint8"
    grid: tuple[int, int] = (4, 4)
    max_detections: int = 10
    regular_nms: bool = False
    output_order: tuple[int, ...] = (0, 1, 2, 3)
    output_names: tuple[str, ...] = OUTPUT_NAMES
    cell_size: float = 1.0
    tensors: list[dict[int, Any]] = field(default_factory=list)

    def build(self) -> bytes:
        """Returns the .tflite file's bytes."""
        _, height, width, channels = self.input_shape
        rows, columns = self.grid
        cells = rows * columns
        file = _File()
        scale, zero = {"uint8": (1 / 255, 0), "int8": (1 / 255, -128)}.get(
            self.input_dtype, (None, None)
        )
        kind = self.input_dtype
        image = file.tensor("image", self.input_shape, kind, scale, zero)
        means = file.tensor("means", (1, rows, columns, channels), kind, scale, zero)
        flat = file.tensor("flat", (1, cells, channels), kind, scale, zero)
        file.operator(
            _AVERAGE_POOL_2D,
            [image],
            [means],
            options_type=_POOL_OPTIONS,
            options={
                0: ("int8", 1),
                1: ("int32", width // columns),
                2: ("int32", height // rows),
                3: ("int32", width // columns),
                4: ("int32", height // rows),
            },
        )
        file.operator(
            _RESHAPE,
            [means, file.constant("shape", np.array([1, cells, channels], np.int32))],
            [flat],
            options_type=_RESHAPE_OPTIONS,
            options={0: ("int32s", [1, cells, channels])},
        )
        scores = flat
        if kind != "float32":
            scores = file.tensor("scores", (1, cells, channels), "float32")
            file.operator(_DEQUANTIZE, [flat], [scores])
        count = self.max_detections
        shapes = [(1, count, 4), (1, count), (1, count), (1,)]
        results = [
            file.tensor(name, shape, "float32")
            for name, shape in zip(self.output_names, shapes, strict=True)
        ]
        file.operator(
            _CUSTOM,
            [
                file.constant("encodings", np.zeros((1, cells, 4), np.float32)),
                scores,
                file.constant("anchors", self._anchors()),
            ],
            results,
            custom="TFLite_Detection_PostProcess",
            custom_options=self._post_process_options(channels),
        )
        return file.bytes(inputs=[image], outputs=[results[i] for i in self.output_order])

    def _anchors(self) -> np.ndarray:
        rows, columns = self.grid
        y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        centres = np.stack([(y + 0.5) / rows, (x + 0.5) / columns], axis=-1).reshape(-1, 2)
        sizes = np.broadcast_to(np.array([1 / rows, 1 / columns]) * self.cell_size, centres.shape)
        return np.concatenate([centres, sizes], axis=1).astype(np.float32)

    def _post_process_options(self, classes: int) -> bytes:
        builder = flexbuffers.Builder()
        with builder.Map():
            builder.Int("max_detections", self.max_detections)
            builder.Int("max_classes_per_detection", 1)
            builder.Int("detections_per_class", self.max_detections)
            builder.Bool("use_regular_nms", self.regular_nms)
            builder.Float("nms_score_threshold", 0.1)
            builder.Float("nms_iou_threshold", 0.5)
            builder.Int("num_classes", classes)
            for name in ("y_scale", "x_scale", "h_scale", "w_scale"):
                builder.Float(name, 1.0)
        return bytes(builder.Finish())


def identity_model(shape: tuple[int, ...] = (1, 8, 8, 3)) -> bytes:
    """Returns a model that runs, but is no detector: it only reshapes its input."""
    file = _File()
    image = file.tensor("image", shape, "float32")
    flat = file.tensor("flat", (1, int(np.prod(shape))), "float32")
    target = file.constant("shape", np.array([1, int(np.prod(shape))], np.int32))
    file.operator(
        _RESHAPE,
        [image, target],
        [flat],
        options_type=_RESHAPE_OPTIONS,
        options={0: ("int32s", [1, int(np.prod(shape))])},
    )
    return file.bytes(inputs=[image], outputs=[flat])


def mean_model(size: int) -> bytes:
    """Returns a uint8 model whose three outputs are the means of its picture's three channels."""
    file = _File()
    scale = 1 / 255, 0
    image = file.tensor("image", (1, size, size, 3), "uint8", *scale)
    means = file.tensor("means", (1, 1, 1, 3), "uint8", *scale)
    flat = file.tensor("flat", (1, 3), "uint8", *scale)
    file.operator(
        _AVERAGE_POOL_2D,
        [image],
        [means],
        options_type=_POOL_OPTIONS,
        options={0: ("int8", 1), **dict.fromkeys((1, 2, 3, 4), ("int32", size))},
    )
    file.operator(
        _RESHAPE,
        [means, file.constant("shape", np.array([1, 3], np.int32))],
        [flat],
        options_type=_RESHAPE_OPTIONS,
        options={0: ("int32s", [1, 3])},
    )
    return file.bytes(inputs=[image], outputs=[flat])


class _File:
    """Collects tensors and operators. A table is a dict: field number to (kind, value)."""

    def __init__(self) -> None:
        self._tensors: list[dict[int, Any]] = []
        self._operators: list[dict[int, Any]] = []
        self._codes: list[dict[int, Any]] = []
        self._buffers: list[dict[int, Any]] = [{}]  # buffer 0 is the empty one

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        kind: str,
        scale: float | None = None,
        zero: int | None = None,
        buffer: int = 0,
    ) -> int:
        fields: dict[int, Any] = {
            0: ("int32s", list(shape)),
            1: ("int8", _TYPES[kind]),
            2: ("uint32", buffer),
            3: ("string", name),
        }
        if scale is not None:
            fields[4] = ("table", {2: ("float32s", [scale]), 3: ("int64s", [zero])})
        self._tensors.append(fields)
        return len(self._tensors) - 1

    def constant(self, name: str, value: np.ndarray) -> int:
        self._buffers.append({0: ("bytes", value.tobytes())})
        return self.tensor(name, value.shape, str(value.dtype), buffer=len(self._buffers) - 1)

    def operator(
        self,
        code: int,
        inputs: list[int],
        outputs: list[int],
        *,
        options_type: int = 0,
        options: dict[int, Any] | None = None,
        custom: str = "",
        custom_options: bytes = b"",
    ) -> None:
        entry: dict[int, Any] = {
            0: ("int8", code),
            2: ("int32", 2 if code == _DEQUANTIZE else 1),
            3: ("int32", code),
        }
        fields: dict[int, Any] = {
            0: ("uint32", len(self._codes)),
            1: ("int32s", inputs),
            2: ("int32s", outputs),
        }
        if options is not None:
            fields |= {3: ("uint8", options_type), 4: ("table", options)}
        if custom:
            entry[1] = ("string", custom)
            fields[5] = ("bytes", custom_options)
        self._codes.append(entry)
        self._operators.append(fields)

    def bytes(self, *, inputs: list[int], outputs: list[int]) -> bytes:
        graph = {
            0: ("tables", self._tensors),
            1: ("int32s", inputs),
            2: ("int32s", outputs),
            3: ("tables", self._operators),
        }
        model = {
            0: ("uint32", 3),
            1: ("tables", self._codes),
            2: ("tables", [graph]),
            3: ("string", "tiny test model"),
            4: ("tables", self._buffers),
        }
        builder = flatbuffers.Builder(4096)
        builder.Finish(_write(builder, model), file_identifier=b"TFL3")
        return bytes(builder.Output())


_NUMBERS = {"int8": 1, "uint8": 1, "int32": 4, "uint32": 4, "float32": 4, "int64": 8}


def _write(builder: flatbuffers.Builder, fields: dict[int, tuple[str, Any]]) -> int:
    """Writes a table, its children first, and returns its offset."""
    written = {slot: _child(builder, kind, value) for slot, (kind, value) in fields.items()}
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, (kind, value) in fields.items():
        if kind in _NUMBERS:
            getattr(builder, f"Prepend{kind.capitalize()}Slot")(slot, value, None)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, written[slot], 0)
    return builder.EndObject()


def _child(builder: flatbuffers.Builder, kind: str, value: Any) -> int:
    if kind == "table":
        return _write(builder, value)
    if kind == "string":
        return builder.CreateString(value)
    if kind == "tables":
        offsets = [_write(builder, fields) for fields in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    if kind == "bytes":
        # TFLite wants the data of a buffer on a boundary of 16 bytes.
        builder.StartVector(1, len(value), 16)
        builder.head -= len(value)
        builder.Bytes[builder.head : builder.head + len(value)] = value
        return builder.EndVector()
    if kind.endswith("s") and kind[:-1] in _NUMBERS:
        size = _NUMBERS[kind[:-1]]
        builder.StartVector(size, len(value), size)
        for number in reversed(value):
            getattr(builder, f"Prepend{kind[:-1].capitalize()}")(number)
        return builder.EndVector()
    return 0
