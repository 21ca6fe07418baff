"""A camera that shows a painted wall, and a detector that finds given heads on it."""

from __future__ import annotations

from functools import cache

import numpy as np

from maskcam.errors import CameraError
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.technician.selfcheck import Probes

HEADS = (Box(50, 30, 70, 75), Box(200, 80, 235, 170))


@cache
def wall(seed: int = 0, *, size=(320, 180)) -> np.ndarray:
    """Blocks of grey with hard edges, and a little noise: sharp and well lit."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(60, 200, (size[1] // 20, size[0] // 20), dtype=np.uint8)
    picture = np.kron(blocks, np.ones((20, 20), np.uint8)).astype(np.int16)
    return np.clip(picture + rng.integers(-3, 4, picture.shape), 0, 255).astype(np.uint8)


class WallCamera:
    """Frames of `picture(i)` at `fps`, without waiting."""

    def __init__(self, picture=None, *, fps=15.0, frames=200, fails=False):
        self._picture = picture or (lambda number: wall(number % 2))
        self._fps, self._frames, self._fails = fps, frames, fails
        self._number = 0
        self.opened = 0
        height, width = self._picture(0).shape
        self.size, self.rgb_size = (width, height), (width // 2, height // 2)

    def __enter__(self):
        if self._fails:
            raise CameraError(
                "no Raspberry Pi camera found; check its ribbon cable (rpicam-hello "
                '--list-cameras); for a USB camera set source = "v4l2:/dev/video0"'
            )
        self.opened += 1
        return self

    def __exit__(self, *error):
        self.opened -= 1

    def read(self, *, timeout_s):
        if self._number == self._frames:
            return None
        luma = self._picture(self._number)
        height, width = luma.shape
        rgb = np.zeros((height // 2, width // 2, 3), np.uint8)
        self._number += 1
        return Frame(self._number / self._fps, luma, rgb)


class Finder:
    """A loaded model and its detector in one."""

    input_size = (32, 32)
    runs_on = "CPU"
    library = None

    def __init__(self, boxes=HEADS):
        self._boxes = boxes

    def detector(self):
        return self

    def detect(self, frame):
        return [Detection(box, MaskState.WITH_MASK, 0.9) for box in self._boxes]


def probes(camera=None, finder=None):
    return Probes(
        load_model=lambda: finder or Finder(),
        open_camera=lambda size: camera or WallCamera(frames=10_000),
    )
