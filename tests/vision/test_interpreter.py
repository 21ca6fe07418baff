import os
import subprocess
import sys

import numpy as np
import pytest

from maskcam.errors import AcceleratorError, ModelError
from maskcam.vision.interpreter import Interpreter, load_delegate, runtime_name
from tests.vision.tiny_model import TinyModel, identity_model


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(TinyModel().build())
    return path


def test_runs_a_model(path):
    interpreter = Interpreter(path, threads=2)
    (image,) = interpreter.inputs
    assert (image.shape, image.dtype, image.zero_point) == ((1, 32, 32, 3), np.uint8, 0)
    assert image.scale == pytest.approx(1 / 255)
    picture = np.zeros(image.shape, np.uint8)
    picture[0, :8, 8:16, 1] = 255
    interpreter.set_input(picture)
    interpreter.invoke()
    boxes, classes, scores, count = (interpreter.read(tensor) for tensor in interpreter.outputs)
    assert count[0] == 1
    assert (classes[0, 0], scores[0, 0]) == (1, pytest.approx(1))
    assert boxes[0, 0] == pytest.approx([0, 0.25, 0.25, 0.5])


def test_it_lists_the_steps_of_the_model(path):
    interpreter = Interpreter(path)
    steps = [s for s in interpreter.operators() if s.name == "TFLite_Detection_PostProcess"]
    assert [step.outputs for step in steps] == [tuple(t.index for t in interpreter.outputs)]
    assert interpreter.shape_of(steps[0].inputs[1]) == (1, 16, 3)


def test_is_not_accelerated_without_a_delegate(path):
    assert not Interpreter(path).accelerated


def test_it_takes_no_more_threads_than_there_are_cores(path):
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert Interpreter(path, threads=3).threads == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_names_the_runtime():
    name, version = runtime_name().split()
    assert name in {"ai-edge-litert", "tflite-runtime", "tensorflow"}
    assert version[0].isdigit()


def test_an_input_of_another_shape_or_type_is_an_error(path):
    interpreter = Interpreter(path)
    for wrong in (np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 32, 32, 3), np.float32)):
        with pytest.raises(ModelError, match=r"wants an input of \(1, 32, 32, 3\) uint8"):
            interpreter.set_input(wrong)


def test_a_missing_model(tmp_path):
    with pytest.raises(ModelError, match=r"no such model file; check the path"):
        Interpreter(tmp_path / "none.tflite")


def test_a_directory_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="cannot read the model"):
        Interpreter(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"hello, this is text", "is not a TFLite model"),
        (b"\x1c\0\0\0TFL3", "is cut short or damaged"),
        (b"\x1c\0\0\0TFL3" + bytes(100), "refuses the model"),
        (b"\xff\xff\xff\xffTFL3" + bytes(100), "is cut short or damaged"),
    ],
)
def test_a_file_that_is_no_model(tmp_path, content, message):
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        Interpreter(path)


def test_a_model_that_is_cut_anywhere_is_an_error_and_no_crash(path):
    """tflite-runtime 2.14 does not check, and dies of a segmentation fault."""
    whole = path.read_bytes()
    for length in range(8, len(whole) - 4, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="cut short or damaged"):
            Interpreter(path)


def test_a_checksum_that_does_not_match(path):
    with pytest.raises(ModelError, match=r"checksum does not match .* copy the model again"):
        Interpreter(path, sha256="0" * 64)


def test_a_checksum_that_matches(path):
    import hashlib

    Interpreter(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest().upper())


def test_a_model_with_an_unknown_step(tmp_path):
    path = tmp_path / "edgetpu.tflite"
    name, other = b"TFLite_Detection_PostProcess", b"edgetpu-custom-op"
    # The same length in the file: the string's own length comes before it.
    model = TinyModel(output_names=("a", "b", "c", "d")).build()
    at = model.index(name)
    changed = bytearray(model)
    changed[at - 4 : at + len(name)] = len(other).to_bytes(4, "little") + other.ljust(
        len(name), b"\0"
    )
    path.write_bytes(changed)
    with pytest.raises(ModelError, match="compiled for the Edge TPU and needs one"):
        Interpreter(path)


def test_a_missing_delegate_library():
    with pytest.raises(AcceleratorError, match=r"libnothere.so.1: cannot be loaded .* install it"):
        load_delegate("libnothere.so.1")


def test_every_message_is_one_line(tmp_path):
    for content in (b"", b"text", b"\x1c\0\0\0TFL3" + bytes(100), identity_model()[:200]):
        path = tmp_path / "bad.tflite"
        path.write_bytes(content)
        with pytest.raises(ModelError) as caught:
            Interpreter(path)
        assert "\n" not in str(caught.value)


def test_nothing_is_written_on_the_standard_streams(path):
    program = (
        "import sys, pathlib; from maskcam.vision.interpreter import Interpreter;"
        "Interpreter(pathlib.Path(sys.argv[1])).invoke()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
