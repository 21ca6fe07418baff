"""Two hundred odd films of one rendered street: container x codec x fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.street import Scene, SceneCamera, SceneConfig
from tests.camera.films import encode, ffmpeg

FPS: Final = 15
SECONDS: Final = 8
SIZE: Final = (640, 360)

_CODECS: Final[dict[str, tuple[str, ...]]] = {
    "h264": ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p"),
    "h264b": ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-bf", "3", "-g", "30"),
    "h265": (
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-crf",
        "18",
        "-x265-params",
        "log-level=1",
    ),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "3"),
    "mpeg2": ("-c:v", "mpeg2video", "-q:v", "3", "-r", "25"),
    "mjpeg": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
    "vp8": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "6M"),
    "vp9": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "6M"),
    "ffv1": ("-c:v", "ffv1"),
    "10bit": ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p10le"),
    "prores": ("-c:v", "prores_ks", "-profile:v", "0"),
    "wmv2": ("-c:v", "wmv2", "-q:v", "3"),
}
_CONTAINERS: Final[dict[str, tuple[str, ...]]] = {
    "mp4": ("h264", "h264b", "h265", "mpeg4", "10bit"),
    "mov": ("h264", "mjpeg", "prores"),
    "mkv": ("h264", "h264b", "h265", "mpeg4", "mjpeg", "vp8", "vp9", "ffv1", "10bit"),
    "webm": ("vp8", "vp9"),
    "avi": ("h264", "mpeg4", "mjpeg", "ffv1"),
    "ts": ("h264", "h264b", "h265", "mpeg2"),
    "flv": ("h264",),
    "wmv": ("wmv2",),
    "mpg": ("mpeg2",),
    "h264": ("h264",),
    "hevc": ("h265",),
}
_RAW: Final = {"h264", "hevc"}
_COPY: Final = ("-c", "copy", "-map", "0")
_LATER: Final = "if(gte(N,60),3600/TB,0)"
_FAULTS: Final = (
    "whole", "bad packet", "lost packets", "damaged bytes", "cut", "appended", "sound", "pause",
    "turned", "trimmed",
)  # fmt: skip
_LOSSY: Final = {"bad packet", "lost packets", "damaged bytes", "cut", "trimmed"}


@dataclass(frozen=True)
class OddFilm:
    """A film, how it is to be called, and whether a part of it is missing."""

    path: Path
    options: tuple[str, ...]
    lossy: bool


def names() -> list[str]:
    """Returns container, codec and fault of each film."""
    return [
        f"{container} {codec} {fault}"
        for container, codecs in _CONTAINERS.items()
        for codec in codecs
        for fault in _FAULTS
        if fits(container, codec, fault)
    ]


def fits(container: str, codec: str, fault: str) -> bool:
    """Returns whether a container can have a fault."""
    if container in _RAW:
        return fault not in {"sound", "pause", "turned", "trimmed"}
    if fault == "turned":
        return container in {"mp4", "mov", "mkv"}
    if fault in {"pause", "trimmed"}:
        return container in {"mp4", "mov", "mkv", "ts"} and codec != "mpeg2"
    return True


def render() -> list[NDArray[np.uint8]]:
    """Returns the street, (H, W, 3) RGB frames."""
    config = SceneConfig(
        seed=11, duration_s=SECONDS, people_per_minute=30, fps=FPS, size=SIZE, objectors=0, away=0
    )
    frames = []
    with SceneCamera(Scene(config), rgb_size=SIZE, fast=True) as camera:
        while (frame := camera.read(timeout_s=10)) is not None:
            assert frame.rgb.shape == (SIZE[1], SIZE[0], 3)
            frames.append(frame.rgb.copy())
    return frames


class Studio:
    """Makes the films; encodes each pair of container and codec once."""

    def __init__(self, folder: Path, frames: list[NDArray[np.uint8]]) -> None:
        self._folder = folder
        self._frames = frames

    def make(self, name: str) -> OddFilm:
        """Returns the film of that name."""
        container, codec, fault = name.split(" ", 2)
        path = self._folder / f"{name.replace(' ', '-')}.{container}"
        whole = self._whole(container, codec, upside_down=fault == "turned")
        if fault == "turned":
            ffmpeg("-display_rotation", "180", "-i", whole, *_COPY, path)
        elif fault == "bad packet":
            ffmpeg("-i", whole, *_COPY, "-bsf:v", "noise=amount='eq(n,40)'", path)
        elif fault == "lost packets":
            ffmpeg("-i", whole, *_COPY, "-bsf:v", "noise=drop='between(n,40,55)'", path)
        elif fault == "sound":
            sine = ("-f", "lavfi", "-i", f"sine=duration={2 * SECONDS}")
            ffmpeg("-i", whole, *sine, "-map", "0", "-map", "1", "-c:v", "copy", path)
        elif fault == "pause":
            shift = f"setts=pts='PTS+{_LATER}':dts='DTS+{_LATER}'"
            ffmpeg("-i", whole, *_COPY, "-bsf:v", shift, path)
        elif fault == "trimmed":
            ffmpeg("-ss", "2.3", "-i", whole, *_COPY, path)
        else:
            path.write_bytes(self._spoilt(whole.read_bytes(), fault))
        options = ("--fps", "15") if container in _RAW else ()
        return OddFilm(path, options, fault in _LOSSY)

    def _whole(self, container: str, codec: str, *, upside_down: bool) -> Path:
        path = self._folder / f"whole-{container}-{codec}{'-turned' * upside_down}.{container}"
        if not path.exists():
            frames = self._frames
            if upside_down:
                frames = [cv2.rotate(frame, cv2.ROTATE_180).astype(np.uint8) for frame in frames]
            encode(path, frames, *_CODECS[codec], fps=FPS)
        return path

    @staticmethod
    def _spoilt(data: bytes, fault: str) -> bytes:
        if fault == "cut":
            return data[: len(data) * 6 // 10]
        if fault == "appended":
            return data + bytes(3000)
        if fault == "damaged bytes":
            random = np.random.default_rng(4)
            damaged = bytearray(data)
            for at in random.integers(len(data) * 4 // 10, len(data) * 6 // 10, 5).tolist():
                damaged[at : at + 200] = random.bytes(200)
            return bytes(damaged)
        return data


def all_films(studio: Studio) -> Iterator[tuple[str, OddFilm]]:
    """Yields each film as it is made."""
    for name in names():
        yield name, studio.make(name)
