"""Makes films with FFmpeg's own program: any container, codec and fault that it can write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray


def ffmpeg(*arguments: object, data: bytes | None = None) -> None:
    """Runs FFmpeg; what it complains of is in the error."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin" if data is None else "-hide_banner"]
    command += ["-y", "-v", "error", "-threads", "2", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr.decode()[-800:]}"


def encode(
    path: Path, frames: Iterable[NDArray[np.uint8]], *options: object, fps: float = 15
) -> Path:
    """Writes (H, W, 3) RGB frames; `options` choose the codec."""
    pictures = list(frames)
    height, width = pictures[0].shape[:2]
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", fps, "-i", "-"),
        *options,
        path,
        data=b"".join(np.ascontiguousarray(picture).tobytes() for picture in pictures),
    )
    return path


def numbered(count: int, size: tuple[int, int] = (320, 180)) -> list[NDArray[np.uint8]]:
    """Returns frames whose grey is their number: 5 times it, modulo 250; in colour at the top.

    The top left quarter is lighter, so that turned and mirrored frames differ.
    """
    frames = []
    for number in range(count):
        frame = np.full((size[1], size[0], 3), 5 * number % 250, np.uint8)
        frame[: size[1] // 2, : size[0] // 2] = (250, 20, 20)
        frames.append(frame)
    return frames


def zero_packet(path: Path, number: int, *, signature: bytes) -> None:
    """Fills the packet number `number` with zeros; each begins with `signature`."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(number + 1):
        at = data.index(signature, at + 1)
    end = data.find(signature, at + 1)
    data[at + len(signature) : end] = bytes(end - at - len(signature))
    path.write_bytes(data)
