"""Is a .tflite file fit for the Edge TPU? Looks at the file only, runs nothing.

The rules are those of the Edge TPU compiler 16.0 as its documentation gives them
(coral.ai, "TensorFlow models on the Edge TPU"): everything is an integer of 8 bits, every
shape is fixed, and each operator is one that the compiler maps, in no newer version.
"""

from __future__ import annotations

import importlib
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskcam.errors import ModelError
from maskcam.vision.flatbuffer import read_model
from maskcam.vision.model_files import describe

LARGEST_BYTES = 4_000_000  # of the 8 MB on the chip, that weights and activations share
_POST_PROCESS = "TFLite_Detection_PostProcess"
_COMPILED = "edgetpu-custom-op"

# Operators that the compiler maps to the Edge TPU, and the highest version of each.
_HIGHEST_VERSION = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "LOGISTIC": 2,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "MUL": 2,
    "PAD": 2,
    "QUANTIZE": 1,
    "RESHAPE": 1,
    "RESIZE_BILINEAR": 3,
    "RESIZE_NEAREST_NEIGHBOR": 2,
    "SOFTMAX": 2,
    "SUB": 2,
}
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
}
_NO_ACTIVATION = {"AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D"}
_SCHEMAS = ("ai_edge_litert.schema_py_generated", "tflite")
_MOST_DEQUANTIZE = 2


@dataclass(frozen=True, slots=True)
class TensorReport:
    """An input or output of the model."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What `maskcam model inspect` reports.

    compiled: it went through the Edge TPU compiler already. faults: what keeps it from the
    Edge TPU. labels: from the .json beside the file, None if there is none.
    """

    bytes: int
    inputs: tuple[TensorReport, ...]
    outputs: tuple[TensorReport, ...]
    operators: dict[str, int]
    labels: tuple[str, ...] | None
    compiled: bool
    faults: tuple[str, ...]

    @property
    def fit(self) -> bool:
        """Whether all but the tail runs on the Edge TPU, or is expected to."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Returns what `maskcam model inspect --json` prints."""
        return {"fit": self.fit, **asdict(self)}

    def as_text(self) -> str:
        """Returns the report for people."""
        lines = [f"{self.bytes / 1e6:.2f} MB"]
        for word, tensors in (("input", self.inputs), ("output", self.outputs)):
            lines += [f"{word}: {one.name} {list(one.shape)} {one.dtype}" for one in tensors]
        lines.append("labels: " + (", ".join(self.labels) if self.labels else "none"))
        lines += [f"{count:4d} x {name}" for name, count in self.operators.items()]
        if self.compiled:
            lines.append("compiled for the Edge TPU already")
        elif self.fit:
            lines.append("fit for the Edge TPU compiler")
        lines += [f"unfit: {fault}" for fault in self.faults]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Step:
    """One operator; `number` counts from the start of the model."""

    number: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    native: Any

    def __str__(self) -> str:
        return f"operator {self.number} ({self.name})"


def inspect(file: Path) -> ModelReport:
    """Returns what is in a .tflite file and what keeps it from running on the Edge TPU.

    Raises:
        ModelError: the file is missing, damaged, or no reader for it is installed.
    """
    content = read_model(file)
    schema = _schema()
    try:
        model = schema.Model.GetRootAs(content, 0)
        return _Inspection(schema, model, len(content)).report(_labels(file))
    except (LookupError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(f"{file}: cannot be taken apart ({error}); export it again") from error


class _Inspection:
    def __init__(self, schema: Any, model: Any, size: int) -> None:
        self._schema = schema
        self._model = model
        self._size = size
        self._graph = model.Subgraphs(0)
        self._types = _names(schema.TensorType)
        self._steps = tuple(self._read_steps())

    def report(self, labels: tuple[str, ...] | None) -> ModelReport:
        graph = self._graph
        compiled = any(step.name == _COMPILED for step in self._steps)
        faults = (
            []
            if compiled
            else [*self._whole_faults(), *self._operator_faults(), *self._tensor_faults()]
        )
        return ModelReport(
            bytes=self._size,
            inputs=tuple(self._tensor(graph.Inputs(i)) for i in range(graph.InputsLength())),
            outputs=tuple(self._tensor(graph.Outputs(i)) for i in range(graph.OutputsLength())),
            operators=dict(Counter(step.name for step in self._steps)),
            labels=labels,
            compiled=compiled,
            faults=tuple(faults),
        )

    def _read_steps(self) -> Iterator[_Step]:
        builtin = _names(self._schema.BuiltinOperator)
        for number in range(self._graph.OperatorsLength()):
            native = self._graph.Operators(number)
            code = self._model.OperatorCodes(native.OpcodeIndex())
            # Files of before 2020 have the code in the old field only.
            kind = builtin[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            name = (code.CustomCode() or b"?").decode() if kind == "CUSTOM" else kind
            yield _Step(
                number,
                name,
                code.Version(),
                tuple(native.Inputs(i) for i in range(native.InputsLength())),
                tuple(native.Outputs(i) for i in range(native.OutputsLength())),
                native,
            )

    def _tensor(self, index: int) -> TensorReport:
        tensor = self._graph.Tensors(index)
        return TensorReport(
            (tensor.Name() or b"").decode(errors="replace"),
            tuple(tensor.Shape(i) for i in range(tensor.ShapeLength())),
            self._types[tensor.Type()].lower(),
        )

    def _in_tail(self, step: _Step) -> bool:
        return step.name in ("DEQUANTIZE", _POST_PROCESS)

    def _whole_faults(self) -> Iterator[str]:
        if self._model.SubgraphsLength() != 1:
            yield f"has {self._model.SubgraphsLength()} subgraphs; the compiler takes one"
        if self._size > LARGEST_BYTES:
            yield (
                f"is {self._size / 1e6:.1f} MB; keep it under {LARGEST_BYTES / 1e6:.0f} MB, "
                "so that weights and activations fit on the chip"
            )
        for i in range(self._graph.InputsLength()):
            found = self._tensor(self._graph.Inputs(i))
            if found.dtype not in ("uint8", "int8"):
                yield f'input "{found.name}" is {found.dtype}; quantize it to uint8 or int8'
            if not found.shape or found.shape[0] != 1:
                yield f'input "{found.name}" has the shape {found.shape}; export with batch 1'

    def _operator_faults(self) -> Iterator[str]:
        tail = [step for step in self._steps if self._in_tail(step)]
        if sum(step.name == "DEQUANTIZE" for step in tail) > _MOST_DEQUANTIZE:
            yield "has more than two DEQUANTIZE; only boxes and scores may become floats"
        made_by_tail = {index for step in tail for index in step.outputs}
        for step in self._steps:
            if self._in_tail(step):
                continue
            if made_by_tail.intersection(step.inputs):
                yield f"{step} follows a DEQUANTIZE or the post-process; nothing may"
            if step.name not in _HIGHEST_VERSION:
                yield f"{step} is not supported by the Edge TPU"
                continue
            if step.version > _HIGHEST_VERSION[step.name]:
                yield (
                    f"{step} has version {step.version}; the compiler knows up to "
                    f"{_HIGHEST_VERSION[step.name]}, export with an older TensorFlow"
                )
            yield from self._option_faults(step)

    def _option_faults(self, step: _Step) -> Iterator[str]:
        table = step.native.BuiltinOptions()
        if step.name not in _OPTIONS or table is None:
            return
        options = getattr(self._schema, _OPTIONS[step.name])()
        options.Init(table.Bytes, table.Pos)
        if step.name in _NO_ACTIVATION and options.FusedActivationFunction():
            yield f"{step} has a fused activation; the Edge TPU takes none there"
        if step.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            dilation = options.DilationHFactor(), options.DilationWFactor()
            if dilation[0] != dilation[1]:
                yield f"{step} is dilated by {dilation}; both must be equal"
        if step.name == "RESIZE_NEAREST_NEIGHBOR" and options.HalfPixelCenters():
            yield f"{step} has half-pixel centres; export it without"

    def _tensor_faults(self) -> Iterator[str]:
        floats = {i for step in self._steps if self._in_tail(step) for i in step.outputs}
        floats |= {i for step in self._steps if step.name == _POST_PROCESS for i in step.inputs}
        for index in range(self._graph.TensorsLength()):
            tensor = self._graph.Tensors(index)
            found = self._tensor(index)
            if index in floats:
                continue
            sizes = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
            if any(size < 0 for size in sizes) or any(size < 1 for size in found.shape):
                yield f'tensor "{found.name}" has no fixed shape; export with a fixed input'
            constant = self._model.Buffers(tensor.Buffer()).DataLength() > 0
            quantization = tensor.Quantization()
            scaled = quantization is not None and quantization.ScaleLength() > 0
            if found.dtype == "int32" and constant:
                continue
            if found.dtype not in ("int8", "uint8"):
                yield f'tensor "{found.name}" is {found.dtype}; quantize the whole model'
            elif not scaled:
                yield f'tensor "{found.name}" has no scale; quantize the whole model'


def _schema() -> Any:
    """Returns the generated reader of TFLite files, from whichever package has it."""
    for name in _SCHEMAS:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ModelError("no reader of TFLite files is installed; pip install ai-edge-litert or tflite")


def _names(enum: type) -> dict[int, str]:
    return {number: name for name, number in vars(enum).items() if not name.startswith("_")}


def _labels(file: Path) -> tuple[str, ...] | None:
    try:
        return describe(file).labels
    except ModelError:
        return None
