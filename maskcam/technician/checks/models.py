"""Whether the model is whole, how fast it is, and whether a Coral does its work."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from maskcam.config import Config
from maskcam.errors import AcceleratorError, MaskcamError
from maskcam.technician.checks.frames import Look
from maskcam.technician.finding import Finding
from maskcam.unit.detection import Detects
from maskcam.vision.accelerator import list_edge_tpus

_INFERENCES = 5

# The unit holds its detector for stalled after 10 s, and counts nobody on a frame
# that is older than 1.5 s.
SLOWEST_MS = 1000


class Model(Protocol):
    """A loaded model, as `maskcam.vision.models.load_model` returns it."""

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input in px."""
        ...

    @property
    def runs_on(self) -> str:
        """What does the work, for the technician."""
        ...

    @property
    def library(self) -> str | None:
        """The shared library of the Edge TPU's delegate; None: the CPU does all."""
        ...

    def detector(self) -> Detects:
        """Returns what finds faces with it."""
        ...


class Loading(NamedTuple):
    """What came of loading the model; `trouble`: why the accelerator cannot be used."""

    finding: Finding
    model: Model | None = None
    trouble: str = ""


def whole(load: Callable[[], Model]) -> Loading:
    """Loads the model as the unit does; checksum and accelerator are tried as well."""
    try:
        loaded = load()
    except AcceleratorError as error:
        return Loading(Finding.fault("model", "not loaded: see accelerator"), trouble=str(error))
    except MaskcamError as error:
        return Loading(Finding.fault("model", str(error)))
    width, height = loaded.input_size
    return Loading(Finding.ok("model", f"whole and loaded, {width}x{height} px"), loaded)


def speed(loaded: Model, seen: Look) -> Finding:
    """Times the detector on one of the camera's frames."""
    try:
        detector = loaded.detector()
        detector.detect(seen.frame)  # the first one also builds the plan
        began_s = time.perf_counter()
        for _ in range(_INFERENCES):
            detector.detect(seen.frame)
        each_ms = (time.perf_counter() - began_s) / _INFERENCES * 1000
    except MaskcamError as error:
        return Finding.fault("detector", str(error))
    words = f"{each_ms:.0f} ms per frame"
    if each_ms > SLOWEST_MS:
        return Finding.fault(
            "detector", words, "switch off and on; if it stays so slow, tell city hall"
        )
    return Finding.ok("detector", words)


def coral(config: Config, loading: Loading, root: Path) -> Finding:
    """Checks whether a Coral Edge TPU does the work where one is there or required."""
    if config.detector.accelerator == "off":
        return Finding.absent("accelerator", "switched off: the CPU does the work")
    if loading.trouble:
        return Finding.fault(
            "accelerator",
            loading.trouble,
            "plug it out and in, on a hub with power of its own; the CPU counts meanwhile",
        )
    if loading.model is not None and loading.model.library is not None:
        return Finding.ok("accelerator", loading.model.runs_on)
    required = config.detector.accelerator == "required"
    if not list_edge_tpus(root=root):
        if required:
            return Finding.fault(
                "accelerator",
                "no Coral found: the CPU does the work",
                "plug it into a hub with power of its own",
            )
        return Finding.absent("accelerator", "no Coral found: the CPU does the work")
    if loading.model is None:
        return Finding.fault("accelerator", "plugged in; unknown without a model")
    if "no such model" in loading.model.runs_on and not required:
        return Finding.absent(
            "accelerator", "this card was made without a Coral: the CPU does the work; unplug it"
        )
    return Finding.fault(
        "accelerator",
        "plugged in, but not used: the CPU does the work",
        "plug it out and in, on a hub with power of its own; if it stays so, tell city hall",
    )
