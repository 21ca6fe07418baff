"""Makes small clips of larger ones: a head far from the camera, as a coded film shows it.

Both the size and the coding smooth a face until little but its outline is left to be followed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import BinaryIO, Final, NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

SIZES_PX: Final = (9.0, 40.0)  # height of the head
_QUALITIES: Final = (22, 37)  # x264's crf; 23 is usual, 37 coarse
_EVERY: Final = ((1, 0.3), (2, 0.35), (3, 0.35))  # frames kept of a fast film: one in so many
_FAST_FPS: Final = 28
_JITTER: Final = 0.02  # of the box's height, in each of its sides
_LEAST_PX: Final = 16  # of a frame that x264 takes


class SmallClip(NamedTuple):
    """lumas (T, H, W) uint8, boxes (T, 4) px, the frames of the larger clip that are kept (T,)."""

    lumas: Frames
    boxes: NDArray[np.float64]
    kept: NDArray[np.int_]
    head_px: float


def make_small(
    lumas: Frames,
    boxes: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    head_px: float,
    fps: float,
) -> SmallClip:
    """Returns a clip made small, coded with H.264 and decoded again.

    Args:
        lumas: (T, H, W) uint8.
        boxes: (T, 4) px.
        rng: decides how small, how coarse and how slow.
        head_px: height of its head.
        fps: frames per second.
    """
    to_px = min(head_px, float(np.exp(rng.uniform(*np.log(SIZES_PX)))))
    quality = int(rng.integers(*_QUALITIES))
    every = int(rng.choice([k for k, _ in _EVERY], p=[p for _, p in _EVERY]))
    kept = np.arange(0, len(lumas), every if fps >= _FAST_FPS else 1)
    size = [max(_LEAST_PX, 2 * round(side * to_px / head_px / 2)) for side in lumas.shape[:0:-1]]
    small = [cv2.resize(lumas[i], size, interpolation=cv2.INTER_AREA) for i in kept]
    scale = np.array([size[0] / lumas.shape[2], size[1] / lumas.shape[1]] * 2)
    moved = boxes[kept] * scale
    moved += rng.normal(0, _JITTER, moved.shape) * (moved[:, 3:] - moved[:, 1:2])
    coded = code([np.asarray(luma, np.uint8) for luma in small], fps, quality)
    return SmallClip(coded, moved, kept, to_px)


def code(lumas: Sequence[Frames], fps: float, quality: int) -> Frames:
    """Returns lumas (T, H, W) through H.264; quality: x264's crf, more is coarser."""
    film = io.BytesIO()
    high, wide = lumas[0].shape
    write_film(film, lumas, size=(wide, high), fps=fps, quality=quality)
    film.seek(0)
    with av.open(film, "r") as decoded:
        frames = [frame.to_ndarray()[: frame.height] for frame in decoded.decode(video=0)]
    return np.stack(frames).astype(np.uint8)


def write_film(
    film: BinaryIO, frames: Iterable[Frames], *, size: tuple[int, int], fps: float, quality: int
) -> None:
    """Writes frames, (H, W) luma or (H, W, 3) RGB of even sides, as H.264 in Matroska."""
    with av.open(film, "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=Fraction(round(fps * 1000), 1000))
        stream.width, stream.height = size
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(quality)}
        stream.codec_context.thread_count = 1
        for frame in frames:
            kind = "gray" if frame.ndim == 2 else "rgb24"
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=kind)))
        out.mux(stream.encode())
