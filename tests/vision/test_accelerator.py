"""Tests with real delegates: shared libraries that are compiled here.

They have the interface of TFLite's external delegates, as libedgetpu has.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from maskcam.errors import AcceleratorError, ModelError
from maskcam.vision.accelerator import EdgeTpu, list_edge_tpus, prepare, probe
from maskcam.vision.interpreter import Interpreter, load_delegate
from maskcam.vision.model_files import describe
from tests.vision.tiny_model import TinyModel

# The first fields of TfLiteDelegate have been the same since TensorFlow 2.0.
DELEGATE = r"""
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct delegate {
  void *data;
  int (*prepare)(void *context, struct delegate *self);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *opaque;
  char room[256];
};

static int prepare(void *context, struct delegate *self) {
#ifdef REFUSES
  return 1;
#endif
#ifdef SEGFAULTS
  raise(SIGSEGV);
#endif
  return 0; /* claims no node: the CPU goes on with all of them */
}

static int used;

void *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                    void (*report)(const char *)) {
#ifdef ONE_USER
  if (used) {
    report("the device is in use");
    return NULL;
  }
  used = 1;
#endif
#ifdef NO_DEVICE
  report("no device here");
  return NULL;
#endif
#ifdef ABORTS
  abort();
#endif
#ifdef HANGS
  sleep(60);
#endif
#ifdef EXITS
  _exit(3);
#endif
  struct delegate *made = calloc(1, sizeof *made);
  made->prepare = prepare;
  return made;
}

#ifndef NO_DESTROY
void tflite_plugin_destroy_delegate(void *made) {
  used = 0;
  free(made);
}
#endif
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Compiles a delegate with a fault, or without."""
    if shutil.which("gcc") is None or not Path("/usr/include/signal.h").exists():
        pytest.skip("needs a compiler for a delegate (apt install gcc libc6-dev)")
    folder = tmp_path_factory.mktemp("delegates")
    source = folder / "delegate.c"
    source.write_text(DELEGATE)

    def compile_delegate(fault="NONE"):
        made = folder / f"lib{fault}.so"
        if not made.exists():
            command = ["gcc", "-shared", "-fPIC", f"-D{fault}", "-o", str(made), str(source)]
            subprocess.run(command, check=True, timeout=60)
        return str(made)

    return compile_delegate


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "street.tflite"
    path.write_bytes(TinyModel().build())
    return path


@pytest.fixture
def compiled(model):
    path = model.with_name("street_edgetpu.tflite")
    path.write_bytes(model.read_bytes())
    return path


def machine(folder, *, usb=(), apex=False):
    """Makes /sys and /dev of a machine with these USB ids."""
    root = folder / "root"
    for number, (vendor, product) in enumerate(usb):
        device = root / "sys/bus/usb/devices" / f"1-{number}"
        device.mkdir(parents=True)
        (device / "idVendor").write_text(f"{vendor}\n")
        (device / "idProduct").write_text(f"{product}\n")
    (root / "dev").mkdir(parents=True, exist_ok=True)
    if apex:
        (root / "dev/apex_0").touch()
    return root


@pytest.fixture
def with_coral(tmp_path):
    return machine(tmp_path, usb=[("1d6b", "0003"), ("18d1", "9302")])


def test_a_delegate_that_claims_nothing_leaves_the_work_to_the_cpu(library, model):
    interpreter = Interpreter(model, delegate=load_delegate(library()))
    assert interpreter.accelerated
    interpreter.invoke()


def test_a_delegate_that_finds_no_device(library):
    with pytest.raises(AcceleratorError, match=r"finds no usable device \(.*no device here\)"):
        load_delegate(library("NO_DEVICE"))


def test_a_library_that_is_no_delegate(library):
    with pytest.raises(AcceleratorError, match="is not a TFLite delegate"):
        load_delegate(library("NO_DESTROY"))


def test_a_delegate_that_refuses_the_model(library, model):
    with pytest.raises(AcceleratorError, match="the accelerator refuses the model"):
        Interpreter(model, delegate=load_delegate(library("REFUSES")))


def test_probe_measures_an_inference(library, model):
    assert 0 < probe(model, library=library()) < 1000


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("NO_DEVICE", "finds no usable device"),
        ("REFUSES", "the accelerator refuses the model"),
        ("ABORTS", r"crashes with this TFLite runtime \(SIGABRT\); install the libedgetpu"),
        ("SEGFAULTS", r"crashes with this TFLite runtime \(SIGSEGV\)"),
        ("EXITS", "ended with code 3 and no answer"),
    ],
)
def test_the_probe_reports_each_fault_in_one_line(library, model, fault, message):
    with pytest.raises(AcceleratorError, match=message) as caught:
        probe(model, library=library(fault))
    assert "\n" not in str(caught.value)


def children() -> set[str]:
    """Returns the process ids of this process's children, those of other tests included."""
    lists = Path("/proc/self/task").glob("*/children")
    return {number for listed in lists for number in listed.read_text().split()}


def test_probe_has_a_deadline(library, model):
    before = children()
    begin = time.monotonic()
    with pytest.raises(AcceleratorError, match="does not answer within 1 s; unplug it"):
        probe(model, library=library("HANGS"), timeout_s=1)
    assert time.monotonic() - begin < 5
    assert children() <= before  # and leaves none behind


def test_probe_of_a_missing_library_or_model(library, tmp_path, model):
    with pytest.raises(AcceleratorError, match="cannot be loaded"):
        probe(model, library="libnothere.so.1")
    with pytest.raises(AcceleratorError, match="no such model file"):
        probe(tmp_path / "none.tflite", library=library())


@pytest.mark.parametrize(
    ("usb", "apex", "kinds"),
    [
        ([], False, []),
        ([("1a6e", "089a")], False, ["usb"]),
        ([("046d", "c05a"), ("18d1", "9302")], False, ["usb"]),
        ([("18d1", "4ee1")], False, []),
        ([], True, ["pci"]),
        ([("18d1", "9302")], True, ["usb", "pci"]),
    ],
)
def test_edge_tpus_are_known_by_both_usb_ids_and_the_pci_driver(tmp_path, usb, apex, kinds):
    root = machine(tmp_path, usb=usb, apex=apex)
    assert [device.kind for device in list_edge_tpus(root=root)] == kinds


def fake_pycoral(monkeypatch, *, of_google):
    names = ["pycoral", "pycoral.utils", "pycoral.utils.edgetpu"] if of_google else ["pycoral"]
    for name in names:
        module: Any = ModuleType(name)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    if of_google:
        devices = [{"type": "usb", "path": "/sys/bus/usb/devices/4-2"}]
        module.list_edge_tpus = lambda: devices  # of the last: pycoral.utils.edgetpu


def test_googles_pycoral_is_asked(monkeypatch, tmp_path):
    fake_pycoral(monkeypatch, of_google=True)
    assert list_edge_tpus(root=tmp_path) == [EdgeTpu("usb", "/sys/bus/usb/devices/4-2")]


def test_the_other_pycoral_is_not(monkeypatch, with_coral):
    fake_pycoral(monkeypatch, of_google=False)
    assert [device.kind for device in list_edge_tpus(root=with_coral)] == ["usb"]


def test_off_takes_the_cpu(model, with_coral):
    found = prepare("off", model=model, root=with_coral)
    assert (found.model, found.delegate) == (model, None)
    assert found.status == "CPU: the accelerator is switched off"


def test_an_edge_tpu_that_works_is_taken_with_its_compiled_model(
    library, model, compiled, with_coral
):
    found = prepare("auto", model=model, library=library(), root=with_coral)
    assert found.model == compiled
    assert found.status.startswith("Edge TPU (usb), ")
    Interpreter(found.model, delegate=found.delegate).invoke()


def test_the_compiled_model_may_be_configured(library, model, with_coral, tmp_path):
    elsewhere = tmp_path / "other.tflite"
    elsewhere.write_bytes(model.read_bytes())
    options = {"library": library(), "root": with_coral}
    found = prepare("required", model=model, edgetpu_model=elsewhere, **options)
    assert found.model == elsewhere


def test_one_that_does_not_work_is_reported_and_the_cpu_goes_on(
    library, model, compiled, with_coral, caplog
):
    found = prepare("auto", model=model, library=library("ABORTS"), root=with_coral)
    assert (found.model, found.delegate) == (model, None)
    assert found.status.startswith("CPU: ")
    assert "crashes with this TFLite runtime" in found.status
    assert "the CPU does the work" in caplog.text
    Interpreter(found.model).invoke()


def test_one_that_is_required_and_does_not_work_is_an_error(library, model, compiled, with_coral):
    with pytest.raises(AcceleratorError, match="finds no usable device"):
        prepare("required", model=model, library=library("NO_DEVICE"), root=with_coral)


def test_none_at_all(model, tmp_path):
    root = machine(tmp_path)
    assert prepare("auto", model=model, root=root).status == "CPU: no Edge TPU found"
    with pytest.raises(AcceleratorError, match="no Edge TPU found; plug it in"):
        prepare("required", model=model, root=root)


def test_no_compiled_model(model, with_coral):
    found = prepare("auto", model=model, root=with_coral)
    assert found.delegate is None
    with pytest.raises(ModelError, match=r"street_edgetpu.tflite: no such model; compile it"):
        prepare("required", model=model, root=with_coral)


def test_a_new_interpreter_opens_the_device_again(library, compiled):
    """The old one must have let go of it: an Edge TPU has one user."""
    shared = library("ONE_USER")
    interpreter = Interpreter(compiled, delegate=load_delegate(shared))
    with pytest.raises(AcceleratorError, match="the device is in use"):
        load_delegate(shared)
    for _ in range(3):
        interpreter.renew(lambda: load_delegate(shared))
        interpreter.invoke()


def test_a_new_interpreter_goes_on_as_the_old_one():
    interpreter = Interpreter(describe(None).file)
    value = np.random.default_rng(1).integers(0, 127, interpreter.inputs[0].shape)
    answers = []
    for _ in range(2):
        interpreter.set_input(value.astype(interpreter.inputs[0].dtype))
        interpreter.invoke()
        answers.append([interpreter.read(tensor) for tensor in interpreter.outputs])
        interpreter.renew()
    assert all(np.array_equal(*pair) for pair in zip(*answers, strict=True))
    assert any(np.ptp(answer) > 0 for answer in answers[0])
