"""What the camera delivers, and what the detector makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from maskcam.camera.base import Camera
from maskcam.config import Config
from maskcam.errors import AcceleratorError, MaskcamError
from maskcam.records import Frame
from maskcam.technician import verdicts
from maskcam.technician.finding import Finding
from maskcam.unit.detection import Detects
from maskcam.vision.accelerator import list_edge_tpus
from maskcam.vision.quality import FrameQuality, QualityMeter

LOOK_S = 3.0
FIRST_FRAME_S = 15.0
FRAME_S = 3.0
BURNT = 250  # luma from which a pixel shows nothing
BURNT_SHARE = 0.25
_SLACK = 0.9  # of the frame rate, as the unit's own visibility check has it
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
        """What does the work, in words that begin with "Edge TPU" or "CPU"."""
        ...

    def detector(self) -> Detects:
        """Returns what finds faces with it."""
        ...


class Look(NamedTuple):
    """What a few seconds of frames showed; only the last of them is kept."""

    fps: float
    frames: int
    size: tuple[int, int]
    quality: FrameQuality
    changes: int
    burnt: float
    frame: Frame


def look(camera: Camera, *, seconds: float = LOOK_S) -> Look:
    """Watches an open camera for a few seconds.

    Raises:
        CameraError: no frames come.
    """
    meter = QualityMeter()
    frames = changes = 0
    first_s = last_s = 0.0
    found: tuple[FrameQuality, float, Frame] | None = None
    while not frames or last_s - first_s < seconds:
        frame = camera.read(timeout_s=FRAME_S if frames else FIRST_FRAME_S)
        if frame is None:
            break
        frames += 1
        first_s, last_s = first_s if frames > 1 else frame.captured_at_s, frame.captured_at_s
        seen = meter.measure(frame.luma)
        changes += seen.changed
        found = seen, float((frame.luma[::8, ::8] >= BURNT).mean()), frame
    if found is None:
        raise MaskcamError("the source has no frames")
    spent_s = last_s - first_s
    return Look(
        fps=(frames - 1) / spent_s if spent_s > 0 else 0.0,
        frames=frames,
        size=camera.size,
        quality=found[0],
        changes=changes,
        burnt=found[1],
        frame=found[2].copy(),
    )


def camera_findings(config: Config, seen: Look) -> list[Finding]:
    """Judges frame rate, liveness, light, exposure and sharpness."""
    width, height = seen.size
    detail = f"{width}x{height} px, {seen.fps:.1f} frames/s"
    if seen.fps < config.counting.min_fps * _SLACK:
        arriving = Finding.fault(
            "camera", detail, f"at least {config.counting.min_fps:g} are needed to see a head shake"
        )
    elif seen.changes < 2:
        arriving = Finding.fault(
            "camera",
            "the frames are frozen",
            "check the camera's ribbon cable at both ends, then switch off and on",
        )
    else:
        arriving = Finding.ok("camera", detail)
    light = verdicts.light(seen.quality.light)
    sharp = verdicts.sharpness(seen.quality)
    burnt = f"{seen.burnt:.0%} of the frame is burnt out"
    return [
        arriving,
        _finding("light", light),
        Finding.fault("exposure", burnt, "turn the camera away from sky and lamps")
        if seen.burnt > BURNT_SHARE
        else Finding.ok("exposure", f"{burnt}; at most {config.camera.max_exposure_ms:g} ms"),
        _finding("sharpness", sharp),
    ]


class Loading(NamedTuple):
    """What came of loading the model; `trouble`: why the accelerator cannot be used."""

    finding: Finding
    model: Model | None = None
    trouble: str = ""


def model(load: Callable[[], Model]) -> Loading:
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
    """Tells whether a Coral Edge TPU does the work where one is there or required."""
    if config.detector.accelerator == "off":
        return Finding.absent("accelerator", "switched off: the CPU does the work")
    if loading.trouble:
        return Finding.fault(
            "accelerator",
            loading.trouble,
            "plug it out and in, on a hub with power of its own; the CPU counts meanwhile",
        )
    if loading.model is not None and loading.model.runs_on.startswith("Edge TPU"):
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


def _finding(name: str, verdict: verdicts.Verdict) -> Finding:
    words = verdict.words.removeprefix(f"{name} ")  # which stands before it already
    return Finding.ok(name, words) if verdict.good else Finding.fault(name, words)
