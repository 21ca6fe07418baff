"""Runs a TFLite model, on whichever of the runtimes is installed.

This is the only module that imports ai-edge-litert or tflite-runtime.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maskcam.errors import AcceleratorError, InferenceStalledError, MaskcamError, ModelError
from maskcam.vision.flatbuffer import read_model

_log = logging.getLogger(__name__)

_RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite"),
)
_DELEGATE_FUNCTIONS = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output. A stored number q means `scale * (q - zero_point)`; scale 0: itself."""

    name: str
    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Operator(NamedTuple):
    """One step of the model, with the tensor indexes that it reads and writes, in its order."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Interpreter:
    """Holds a loaded model, ready to run.

    Args:
        model: the .tflite file.
        threads: how many CPU threads work on one inference, at most one for each core of the
            machine; more are faster, and leave less for the other stages.
        sha256: the checksum that the file must have; None: any.
        delegate: what `load_delegate` returned; None: the CPU does all.

    Raises:
        ModelError: no runtime is installed, or the model is missing, damaged or
            cannot run here.
        AcceleratorError: the delegate refuses the model.
    """

    def __init__(
        self,
        model: Path,
        *,
        threads: int = 2,
        sha256: str | None = None,
        delegate: object | None = None,
    ) -> None:
        self.path = model
        self.accelerated = delegate is not None
        self.threads, self._sha256 = min(threads, _cores()), sha256
        self._native = self._made(delegate)
        self.inputs = tuple(_tensor(found) for found in self._native.get_input_details())
        self.outputs = tuple(_tensor(found) for found in self._native.get_output_details())

    def renew(self, make_delegate: Callable[[], object] | None = None) -> None:
        """Puts a new native interpreter in place of one that failed.

        Args:
            make_delegate: makes its delegate, once the old one has let go of the device;
                None: the CPU does all.

        Raises:
            AcceleratorError, ModelError: as in the beginning.
        """
        self._native = None
        self._native = self._made(make_delegate() if make_delegate else None)

    def _made(self, delegate: object | None) -> Any:
        content = read_model(self.path, sha256=self._sha256)
        try:
            with _native_stderr_to_log():
                native = _runtime().Interpreter(
                    model_content=content,
                    num_threads=self.threads,
                    experimental_delegates=[delegate] if delegate is not None else None,
                )
                native.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error
        return native

    def _refusal(self, error: Exception) -> MaskcamError:
        reason = " ".join(str(error).split()) or type(error).__name__
        if self.accelerated:
            return AcceleratorError(f"{self.path}: the accelerator refuses the model ({reason})")
        if "edgetpu-custom-op" in reason:
            return ModelError(
                f"{self.path}: is compiled for the Edge TPU and needs one; without, give the "
                "model that was not compiled"
            )
        return ModelError(f"{self.path}: the runtime refuses the model ({reason})")

    def set_input(self, value: NDArray[Any], *, number: int = 0) -> None:
        """Copies `value` into an input.

        Raises:
            ModelError: shape or dtype is not that of the input.
        """
        wanted = self.inputs[number]
        try:
            self._native.set_tensor(wanted.index, value)
        except ValueError as error:
            raise ModelError(
                f"{self.path}: wants an input of {wanted.shape} {wanted.dtype}, "
                f"was given {value.shape} {value.dtype}"
            ) from error

    def invoke(self) -> None:
        """Runs the model once; other threads go on meanwhile (the GIL is free).

        Raises:
            InferenceStalledError: the accelerator failed.
            ModelError: the model failed on the CPU.
        """
        try:
            self._native.invoke()
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            kind = InferenceStalledError if self.accelerated else ModelError
            raise kind(f"{self.path}: inference failed ({reason})") from error

    def read(self, tensor: Tensor) -> NDArray[Any]:
        """Returns a copy of what the last run left in `tensor`."""
        value: NDArray[Any] = self._native.get_tensor(tensor.index)
        return value

    def operators(self) -> tuple[Operator, ...]:
        """Returns the steps of the model; empty if this runtime does not list them."""
        # Not public API, but there in both runtimes; callers must do without.
        details: list[dict[str, Any]] = getattr(self._native, "_get_ops_details", list)()
        return tuple(
            Operator(
                step["op_name"],
                tuple(int(i) for i in step["inputs"]),
                tuple(int(i) for i in step["outputs"]),
            )
            for step in details
        )

    def shape_of(self, index: int) -> tuple[int, ...]:
        """Returns the shape of any tensor of the model."""
        for found in self._native.get_tensor_details():
            if found["index"] == index:
                return tuple(int(size) for size in found["shape"])
        raise ModelError(f"{self.path}: has no tensor {index}; the model is damaged")


def runtime_name() -> str:
    """Returns name and version of the runtime in use, such as "ai-edge-litert 2.3.0".

    Raises:
        ModelError: no runtime is installed.
    """
    _runtime()
    from importlib.metadata import PackageNotFoundError, version

    for package, module in _RUNTIMES:
        if module == _runtime().__name__:
            with contextlib.suppress(PackageNotFoundError):
                return f"{package} {version(package)}"
            return package
    return "unknown"


def load_delegate(library: str, options: dict[str, str] | None = None) -> object:
    """Returns the delegate in a shared library, for `Interpreter(delegate=...)`.

    Raises:
        AcceleratorError: the library is missing, or it finds no device.
        ModelError: no runtime is installed.
    """
    try:
        # Asked first, because the runtimes' own class fails untidily without.
        native = ctypes.CDLL(library)
    except OSError as error:
        raise AcceleratorError(f"{library}: cannot be loaded ({error}); install it") from error
    if not all(hasattr(native, name) for name in _DELEGATE_FUNCTIONS):
        raise AcceleratorError(f"{library}: is not a TFLite delegate; give libedgetpu.so.1")
    try:
        with _native_stderr_to_log():
            return _runtime().load_delegate(library, options or {})
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise AcceleratorError(f"{library}: finds no usable device ({reason})") from error


def _cores() -> int:
    """Returns how many cores this process may use; threads beyond them wait for each other."""
    return len(os.sched_getaffinity(0))


@cache
def _runtime() -> Any:
    for _, module in _RUNTIMES:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise ModelError(
        "no TFLite runtime is installed; install one: pip install 'maskcam[litert]' "
        "(or 'maskcam[tflite]')"
    )


def _tensor(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    return Tensor(
        name=details["name"],
        index=int(details["index"]),
        shape=tuple(int(size) for size in details["shape"]),
        dtype=np.dtype(details["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
    )


@contextlib.contextmanager
def _native_stderr_to_log() -> Iterator[None]:
    """Sends what native code writes on file descriptor 2 to the log, at level DEBUG.

    The runtimes report each delegate there, and would break "errors in one line".
    It is process-wide, so it is used while a model is loaded and at no other time.
    """
    try:
        kept = os.dup(2)
    except OSError:  # the process has no standard error
        yield
        return
    caught = os.memfd_create("native-stderr")
    os.dup2(caught, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        with os.fdopen(caught, "rb") as file:
            file.seek(0)
            for line in file.read().decode(errors="replace").splitlines():
                _log.debug("runtime: %s", line)
