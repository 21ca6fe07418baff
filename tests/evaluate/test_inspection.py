import os
import random
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import flatbuffers
import pytest

from maskcam.errors import ModelError
from maskcam.evaluate.inspection import inspect
from maskcam.vision.model_files import default_model, describe
from tests.vision.tiny_model import TinyModel

ROOT = Path(__file__).resolve().parents[2]

try:  # the inspection reads with the package `tflite` as well, but that one cannot write
    from ai_edge_litert import schema_py_generated as schema
except ImportError:
    schema = None


def operator(model: Any, kind: int) -> Any:
    graph = model.subgraphs[0]
    codes = [
        number
        for number, code in enumerate(model.operatorCodes)
        if code.builtinCode == kind or code.deprecatedBuiltinCode == kind
    ]
    return next(one for one in graph.operators if one.opcodeIndex in codes)


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[Callable[[Any], None]], Path]:
    """Writes the model with one thing changed."""
    if schema is None:
        pytest.skip(
            "needs the schema of ai-edge-litert, to write a changed model; not with tflite-runtime"
        )

    def write(change: Callable[[Any], None]) -> Path:
        native = schema.Model.GetRootAs(default_model().read_bytes(), 0)
        model = schema.ModelT.InitFromObj(native)
        change(model)
        builder = flatbuffers.Builder(1_000_000)
        builder.Finish(model.Pack(builder), b"TFL3")
        file = tmp_path / "changed.tflite"
        file.write_bytes(bytes(builder.Output()))
        return file

    return write


def test_our_model_is_fit_for_the_edge_tpu() -> None:
    report = inspect(default_model())

    assert report.faults == ()
    assert report.fit
    assert not report.compiled
    assert report.bytes < 4_000_000
    assert [one.dtype for one in report.inputs] == ["uint8"]
    assert [len(one.shape) for one in report.outputs] == [3, 2, 2, 1]
    assert report.operators["TFLite_Detection_PostProcess"] == 1
    assert report.operators["DEQUANTIZE"] == 2
    assert report.labels == ("face",)
    assert report.as_dict()["fit"] is True
    assert "fit for the Edge TPU compiler" in report.as_text()


def test_the_second_look_is_fit_too() -> None:
    again = describe().second_look
    assert again is not None
    report = inspect(again.file)
    assert report.fit
    assert report.bytes < 1_000_000
    assert [(one.shape, one.dtype) for one in report.outputs] == [((1, 4), "uint8")]


def test_what_is_written_beside_our_model_is_true() -> None:
    described = describe()

    assert described.file == default_model()
    assert described.input == inspect(default_model()).inputs[0].shape[1:3]
    assert 0.05 <= described.score_threshold <= 0.95


def newer_conv(model: Any) -> None:
    index = operator(model, schema.BuiltinOperator.CONV_2D).opcodeIndex
    model.operatorCodes[index].version = 5


def unequal_dilation(model: Any) -> None:
    operator(model, schema.BuiltinOperator.CONV_2D).builtinOptions.dilationHFactor = 2


def half_pixels(model: Any) -> None:
    found = operator(model, schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR)
    found.builtinOptions.halfPixelCenters = True


def activated_concatenation(model: Any) -> None:
    found = operator(model, schema.BuiltinOperator.CONCATENATION)
    found.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU


def float_input(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].type = schema.TensorType.FLOAT32


def open_shape(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = [1, -1, -1, 3]


def larger_batch(model: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = [4, 320, 448, 3]


def no_scale(model: Any) -> None:
    found = operator(model, schema.BuiltinOperator.ADD)
    model.subgraphs[0].tensors[found.outputs[0]].quantization = None


def unknown_operator(model: Any) -> None:
    index = operator(model, schema.BuiltinOperator.ADD).opcodeIndex
    kind = schema.BuiltinOperator.GATHER_ND
    model.operatorCodes[index].builtinCode = model.operatorCodes[index].deprecatedBuiltinCode = kind


def two_subgraphs(model: Any) -> None:
    model.subgraphs.append(schema.SubGraphT())
    for name in ("tensors", "operators", "inputs", "outputs"):
        setattr(model.subgraphs[1], name, [])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (newer_conv, "version 5; the compiler knows up to 3"),
        (unequal_dilation, "dilated by (2, 1)"),
        (half_pixels, "half-pixel"),
        (activated_concatenation, "fused activation"),
        (float_input, "is float32"),
        (open_shape, "no fixed shape"),
        (larger_batch, "batch 1"),
        (no_scale, "has no scale"),
        (unknown_operator, "(GATHER_ND) is not supported"),
        (two_subgraphs, "2 subgraphs"),
    ],
)
def test_each_fault_is_reported(
    changed: Callable[[Callable[[Any], None]], Path], change: Callable[[Any], None], word: str
) -> None:
    report = inspect(changed(change))

    assert not report.fit
    assert any(word in fault for fault in report.faults), report.faults
    assert word in report.as_text()


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "empty.tflite"
    file.touch()
    with pytest.raises(ModelError, match="empty"):
        inspect(file)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "cannot be read"),
        ("{", "needs labels"),
        ('{"labels": ["face"]}', "score_threshold"),
        ('{"labels": [], "score_threshold": 0.5}', "empty"),
        ('{"labels": ["face"], "score_threshold": 7}', "between 0 and 1"),
    ],
)
def test_a_wrong_description_is_an_error(tmp_path: Path, content: str | None, word: str) -> None:
    if content is not None:
        (tmp_path / "m.json").write_text(content)
    with pytest.raises(ModelError, match=word):
        describe(tmp_path / "m.tflite")


def compile_with(table: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Runs scripts/compile-edgetpu with a compiler that prints `table`.

    The form of the table is that of edgetpu_compiler 14 to 16.
    """
    tool = tmp_path / "edgetpu_compiler"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\nOperator\tCount\tStatus\n{table}END\n")
    tool.chmod(0o755)
    return subprocess.run(
        [ROOT / "scripts/compile-edgetpu", default_model(), tmp_path],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=20,
    )


TAIL = (
    "DEQUANTIZE\t2\tOperation is working on an unsupported data type\n"
    "CUSTOM\t1\tOperation is working on an unsupported data type\n"
)


def test_compiling_accepts_that_the_tail_stays_on_the_cpu(tmp_path: Path) -> None:
    done = compile_with("CONV_2D\t28\tMapped to Edge TPU\n" + TAIL, tmp_path)

    assert done.returncode == 0, done.stderr


def test_compiling_refuses_that_the_network_stays_on_the_cpu(tmp_path: Path) -> None:
    table = "CONV_2D\t27\tMapped to Edge TPU\nADD\t1\tMore than one subgraph is not supported\n"
    done = compile_with(table + TAIL, tmp_path)

    assert done.returncode == 1
    assert "ADD" in done.stderr.splitlines()[-1]


def test_flipped_bits_are_an_error_at_most(tmp_path: Path) -> None:
    chance = random.Random(1)
    whole = TinyModel().build()
    file = tmp_path / "x.tflite"
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
        with suppress(ModelError):
            inspect(file)
