"""What the camera delivers: rate, light, exposure, sharpness."""

from __future__ import annotations

from typing import NamedTuple

from maskcam.camera.base import Camera
from maskcam.config import Config
from maskcam.errors import MaskcamError
from maskcam.records import Frame
from maskcam.technician import verdicts
from maskcam.technician.finding import Finding
from maskcam.vision.quality import FrameQuality, QualityMeter

LOOK_S = 3.0
FIRST_FRAME_S = 15.0
FRAME_S = 3.0
BURNT = 250  # luma from which a pixel shows nothing
BURNT_SHARE = 0.25
_SLACK = 0.9  # of the frame rate, as the unit's own visibility check has it


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


def _finding(name: str, verdict: verdicts.Verdict) -> Finding:
    words = verdict.words.removeprefix(f"{name} ")  # which stands before it already
    return Finding.ok(name, words) if verdict.good else Finding.fault(name, words)
