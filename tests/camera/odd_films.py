"""Two hundred odd films of one rendered street: container x codec x fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.street import Scene, SceneConfig
from tests.camera.films import encode, ffmpeg

FPS: Final = 15
SECONDS: Final = 8
SIZE: Final = (640, 360)
_BEGIN_S: Final = 20.0  # of the street: people are all over it by then

_X264: Final = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt")
# Not "realtime": there libvpx spends what time the machine has, and the films differ.
_VPX: Final = ("-deadline", "good", "-cpu-used", "5", "-b:v", "6M")
_X265: Final = ("-preset", "ultrafast", "-crf", "18", "-x265-params", "log-level=1")
_CODECS: Final[dict[str, tuple[str, ...]]] = {
    "h264": (*_X264, "yuv420p"),
    "h264b": (*_X264, "yuv420p", "-bf", "3", "-g", "250"),
    "h265": ("-c:v", "libx265", *_X265),
    "mpeg4": ("-c:v", "mpeg4", "-q:v", "3"),
    "mpeg2": ("-c:v", "mpeg2video", "-q:v", "3", "-r", "25"),
    "mjpeg": ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"),
    "vp8": ("-c:v", "libvpx", *_VPX),
    "vp9": ("-c:v", "libvpx-vp9", *_VPX),
    "ffv1": ("-c:v", "ffv1"),
    "10bit": (*_X264, "yuv420p10le"),
    "prores": ("-c:v", "prores_ks", "-profile:v", "0"),
    "wmv2": ("-c:v", "wmv2", "-q:v", "3"),
}
_KEY_FRAME_EACH: Final = 15  # frames
_ONE_KEY_FRAME: Final = {"h264b"}  # the other codecs begin anew after damage
_FRAMES_PER_S: Final = {"mpeg2": 25}
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
_INDEX_AT_END: Final = {"mp4", "mov"}
_COPY: Final = ("-c", "copy", "-map", "0")
_LATER: Final = "if(gte(N,60),3600/TB,0)"
_BAD_PACKET: Final = 40
_LOST_PACKETS: Final = (40, 55)
_DAMAGED: Final = (0.4, 0.6)  # part of the file
_CUT: Final = 0.6
_TRIMMED_S: Final = 2.3
_REORDERED: Final = 4  # frames; packets of codecs with B frames are not in their order
_FAULTS: Final = (
    "whole", "bad packet", "lost packets", "damaged bytes", "cut", "appended", "sound", "pause",
    "turned", "trimmed",
)  # fmt: skip


@dataclass(frozen=True)
class OddFilm:
    """A film, how it is to be called, and what of it nobody can see.

    gone_s: begin and end of what is missing, in s of the whole film.
    """

    path: Path
    options: tuple[str, ...]
    fault: str
    gone_s: tuple[float, float] | None


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
    if fault == "trimmed" and container == "ts" and codec in _ONE_KEY_FRAME:
        return False  # nothing would be left
    if fault == "turned":
        return container in {"mp4", "mov", "mkv"}
    if fault in {"pause", "trimmed"}:
        return container in {"mp4", "mov", "mkv", "ts"} and codec != "mpeg2"
    return True


@cache
def _scene() -> Scene:
    return Scene(
        SceneConfig(
            seed=13, duration_s=40, people_per_minute=60, fps=FPS, size=SIZE, objectors=0, away=0
        )
    )


def passed_outside(gone_s: tuple[float, float]) -> int:
    """Returns how many people, by the truth, pass wholly before or behind what is missing."""
    return sum(
        begin >= 0 and end <= SECONDS and (end <= gone_s[0] or begin >= gone_s[1])
        for begin, end in _passages()
    )


def passed_within(gone_s: tuple[float, float]) -> int:
    """Returns how many people, by the truth, are in view at any time of what is missing."""
    return sum(begin < gone_s[1] and end > gone_s[0] for begin, end in _passages())


def _passages() -> list[tuple[float, float]]:
    return [(p.begin_s - _BEGIN_S, p.end_s - _BEGIN_S) for p in _scene().truth.passages]


def render() -> list[NDArray[np.uint8]]:
    """Returns the street, (H, W, 3) RGB frames."""
    scene = _scene()
    return [scene.render(_BEGIN_S + number / FPS) for number in range(SECONDS * FPS)]


def gone_s(container: str, codec: str, fault: str) -> tuple[float, float] | None:
    """Returns what nobody can see of a film with a fault, in s, with some room; None: nothing."""
    fps = _FRAMES_PER_S.get(codec, FPS)
    if fault == "cut":
        return (0.0 if container in _INDEX_AT_END else (_CUT - 0.05) * SECONDS), SECONDS
    if fault == "trimmed":
        return 0.0, _TRIMMED_S
    if fault == "damaged bytes":
        begin, end = (part * SECONDS * fps for part in _DAMAGED)
        begin -= begin % _KEY_FRAME_EACH + 5
    elif fault in {"bad packet", "lost packets"}:
        begin, end = (_BAD_PACKET, _BAD_PACKET) if fault == "bad packet" else _LOST_PACKETS
        begin -= _REORDERED
    else:
        return None
    if codec in _ONE_KEY_FRAME:
        return begin / fps, SECONDS - 1 / FPS  # its last frame shows that it goes on
    end += _KEY_FRAME_EACH - end % _KEY_FRAME_EACH + _REORDERED
    return begin / fps, end / fps


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
            ffmpeg("-i", whole, *_COPY, "-bsf:v", f"noise=amount='eq(n,{_BAD_PACKET})'", path)
        elif fault == "lost packets":
            first, last = _LOST_PACKETS
            drop = f"noise=drop='between(n,{first},{last})'"
            ffmpeg("-i", whole, *_COPY, "-bsf:v", drop, path)
        elif fault == "sound":
            sine = ("-f", "lavfi", "-i", f"sine=duration={2 * SECONDS}")
            ffmpeg("-i", whole, *sine, "-map", "0", "-map", "1", "-c:v", "copy", path)
        elif fault == "pause":
            shift = f"setts=pts='PTS+{_LATER}':dts='DTS+{_LATER}'"
            ffmpeg("-i", whole, *_COPY, "-bsf:v", shift, path)
        elif fault == "trimmed":
            ffmpeg("-ss", _TRIMMED_S, "-i", whole, *_COPY, path)
        else:
            path.write_bytes(self._spoilt(whole.read_bytes(), fault))
        options = ("--fps", "15") if container in _RAW else ()
        return OddFilm(path, options, fault, gone_s(container, codec, fault))

    def make_reference(self, film: OddFilm) -> OddFilm:
        """Returns a film without any fault that holds what can be seen of another one."""
        name = f"reference-{film.fault if film.fault == 'pause' else film.gone_s}.mkv"
        filters: list[str] = []
        if film.fault == "pause":
            filters.append(f"setpts='PTS+{_LATER}'")
        if film.gone_s is not None:
            filters.append("select='lt(t,{})+gte(t,{})'".format(*film.gone_s))
        options: tuple[str, ...] = ("-vf", ",".join(filters)) if filters else ()
        path = self._folder / name
        if not path.exists():
            options = (*options, "-fps_mode", "passthrough", "-c:v", "ffv1")
            encode(path, self._frames, *options, fps=FPS)
        return OddFilm(path, (), "", None)

    def make_night_film(self) -> OddFilm:
        """Returns a film that goes over to night mode half way: a flash, then grey."""
        half = len(self._frames) // 2
        darker = np.linspace(10, 200, 256).astype(np.uint8)
        night = [cv2.LUT(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), darker) for f in self._frames[half:]]
        frames = self._frames[:half] + [np.dstack([grey] * 3).astype(np.uint8) for grey in night]
        for frame in frames[half : half + 4]:
            frame[:] = 254
        path = self._folder / "night.mkv"
        encode(path, frames, *_CODECS["ffv1"], fps=FPS)
        return OddFilm(path, (), "whole", None)

    def _whole(self, container: str, codec: str, *, upside_down: bool) -> Path:
        path = self._folder / f"whole-{container}-{codec}{'-turned' * upside_down}.{container}"
        if not path.exists():
            frames = self._frames
            if upside_down:
                frames = [cv2.rotate(frame, cv2.ROTATE_180).astype(np.uint8) for frame in frames]
            key_frames = ("-g", _KEY_FRAME_EACH)
            encode(path, frames, *key_frames, *_CODECS[codec], fps=FPS)
        return path

    @staticmethod
    def _spoilt(data: bytes, fault: str) -> bytes:
        if fault == "cut":
            return data[: round(len(data) * _CUT)]
        if fault == "appended":
            return data + bytes(3000)
        if fault == "damaged bytes":
            random = np.random.default_rng(4)
            damaged = bytearray(data)
            first, last = (round(len(data) * part) for part in _DAMAGED)
            for at in random.integers(first, last, 5).tolist():
                damaged[at : at + 200] = random.bytes(200)
            return bytes(damaged)
        return data


def all_films(studio: Studio) -> Iterator[tuple[str, OddFilm]]:
    """Yields each film as it is made."""
    for name in names():
        yield name, studio.make(name)
