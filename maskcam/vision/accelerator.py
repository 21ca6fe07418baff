"""Finds a Coral Edge TPU and makes it ready, or says why the CPU must do.

A libedgetpu that was built for another version of the TFLite runtime does not
fail, it crashes the process (google-coral/edgetpu issues 821 and 841). So the
model runs in a child process first:

    python -m maskcam.vision.accelerator MODEL LIBRARY
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from maskcam.errors import AcceleratorError, MaskcamError, ModelError
from maskcam.vision.coral import usb_corals
from maskcam.vision.interpreter import Interpreter, load_delegate

_log = logging.getLogger(__name__)

LIBRARY = "libedgetpu.so.1"
_PROBE_TIMEOUT_S = 30.0
_PROBE_RUNS = 5

Mode = Literal["auto", "required", "off"]


class EdgeTpu(NamedTuple):
    """An Edge TPU on this machine: "usb" or "pci", and its path in /sys or /dev."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Acceleration:
    """What runs the model.

    model: the .tflite file to load: the compiled one with an accelerator.
    delegate: for `Interpreter(delegate=...)`; None: the CPU does all.
    status: for the operator, such as "Edge TPU (usb), 12 ms" or "CPU: no Edge TPU found".
    library: the shared library that `delegate` comes from.
    """

    model: Path
    delegate: object | None
    status: str
    library: str | None = None


def prepare(
    mode: Mode,
    *,
    model: Path,
    edgetpu_model: Path | None = None,
    library: str = LIBRARY,
    root: Path = Path("/"),
    timeout_s: float = _PROBE_TIMEOUT_S,
) -> Acceleration:
    """Makes the accelerator ready that `mode` asks for.

    Args:
        mode: "auto" takes an Edge TPU that works and the CPU otherwise, "required"
            insists, "off" takes the CPU.
        model: the model that runs on a CPU.
        edgetpu_model: the same, compiled for the Edge TPU; None: the file beside
            `model` whose name ends in _edgetpu.tflite, if there is one.
        library: the shared library of the delegate.
        root: where /sys and /dev are looked for.
        timeout_s: how long the trial may take; the first use loads firmware.

    Raises:
        AcceleratorError: it is required and cannot be used.
        ModelError: it is required and there is no model for it.
    """
    if mode == "off":
        return Acceleration(model, None, "CPU: the accelerator is switched off")
    if mode == "auto" and not list_edge_tpus(root=root):
        return Acceleration(model, None, "CPU: no Edge TPU found")
    compiled = edgetpu_model or model.with_name(f"{model.stem}_edgetpu.tflite")
    try:
        return _on_edge_tpu(compiled, library=library, root=root, timeout_s=timeout_s)
    except (AcceleratorError, ModelError) as error:
        if mode == "required":
            raise
        _log.warning("the CPU does the work: %s", error)
        return Acceleration(model, None, f"CPU: {error}")


def _on_edge_tpu(compiled: Path, *, library: str, root: Path, timeout_s: float) -> Acceleration:
    devices = list_edge_tpus(root=root)
    if not devices:
        raise AcceleratorError("no Edge TPU found; plug it in, on a hub with power of its own")
    if not compiled.exists():
        raise ModelError(
            f"{compiled}: no such model; compile it with edgetpu_compiler, or set "
            "detector.edgetpu_model"
        )
    milliseconds = probe(compiled, library=library, timeout_s=timeout_s)
    status = f"Edge TPU ({devices[0].kind}), {milliseconds:.0f} ms"
    return Acceleration(compiled, load_delegate(library), status, library)


def list_edge_tpus(*, root: Path = Path("/")) -> list[EdgeTpu]:
    """Returns the Edge TPUs of this machine.

    Google's pycoral is asked where it is installed (the pycoral on PyPI is another
    thing, and has no `utils.edgetpu`), and the kernel otherwise.
    """
    try:
        pycoral = importlib.import_module("pycoral.utils.edgetpu")
        return [EdgeTpu(found["type"], found["path"]) for found in pycoral.list_edge_tpus()]
    except (ImportError, OSError, AttributeError):
        pass
    usb = [EdgeTpu("usb", str(device)) for device in usb_corals(root=root)]
    return usb + [EdgeTpu("pci", str(path)) for path in sorted(root.glob("dev/apex_*"))]


def probe(model: Path, *, library: str = LIBRARY, timeout_s: float = _PROBE_TIMEOUT_S) -> float:
    """Runs the model on the accelerator in a child process; returns ms per inference.

    Raises:
        AcceleratorError: the child crashed, hung or reported an error.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    python_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "maskcam.vision.accelerator", str(model), library],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "PYTHONPATH": python_path},
        )
    except subprocess.TimeoutExpired as error:
        raise AcceleratorError(
            f"the accelerator does not answer within {timeout_s:g} s; "
            "unplug it and plug it in again"
        ) from error
    except OSError as error:
        raise AcceleratorError(f"the accelerator cannot be tried ({error})") from error
    if done.returncode < 0:
        raise AcceleratorError(
            f"{library}: crashes with this TFLite runtime "
            f"({signal.Signals(-done.returncode).name}); install the libedgetpu that was built "
            "for its version"
        )
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise AcceleratorError(
            f"{library}: the trial ended with code {done.returncode} and no answer; "
            "look into the journal"
        ) from error
    if "error" in answer:
        raise AcceleratorError(str(answer["error"]))
    return float(answer["ms"])


def _try(model: Path, library: str) -> float:
    """Runs the model on black frames, in this process; returns ms per inference."""
    interpreter = Interpreter(model, threads=1, delegate=load_delegate(library))
    for tensor in interpreter.inputs:
        interpreter.set_input(np.zeros(tensor.shape, tensor.dtype))
    interpreter.invoke()  # the first one carries the model to the device
    begin_s = time.perf_counter()
    for _ in range(_PROBE_RUNS):
        interpreter.invoke()
    return (time.perf_counter() - begin_s) / _PROBE_RUNS * 1e3


def _main(arguments: list[str]) -> int:
    model, library = arguments
    try:
        answer: dict[str, object] = {"ms": _try(Path(model), library)}
    except MaskcamError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    # Not every libedgetpu survives being unloaded: the answer is given, so leave at once.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
