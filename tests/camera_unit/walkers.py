"""A camera and a detector without rendering: noise for pixels, exact boxes for faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from maskcam.errors import CameraError
from maskcam.records import Box, Detection, Frame, MaskState

SIZE = (640, 360)
RGB_SIZE = (320, 180)


@dataclass(frozen=True)
class Walker:
    """Someone who comes towards the camera and leaves below it within `seconds`."""

    begins_s: float
    x: float
    state: MaskState = MaskState.WITH_MASK
    seconds: float = 4.0

    def box(self, at_s: float) -> Box | None:
        part = (at_s - self.begins_s) / self.seconds
        if not 0 <= part <= 1:
            return None
        height = 24 + 36 * part
        middle = 60 + part * (SIZE[1] - 40)
        return Box(self.x - 0.4 * height, middle, self.x + 0.4 * height, middle + height)


def crowd(number: int, *, every_s: float = 6.0, state: MaskState = MaskState.WITH_MASK):
    return [Walker(1 + index * every_s, 120 + 90 * (index % 5), state) for index in range(number)]


class NoiseCamera:
    """Frames of a textured, living picture at `fps`; `spoil(at_s, luma)` may ruin them."""

    size = SIZE
    rgb_size = RGB_SIZE

    def __init__(
        self, *, seconds: float, walkers=(), fps: float = 15.0, spoil=None, breaks=False
    ) -> None:
        rng = np.random.default_rng(7)
        coarse = rng.integers(40, 216, (SIZE[1] // 20, SIZE[0] // 20), np.uint8)
        texture = np.kron(coarse, np.ones((20, 20), np.uint8))
        self._pictures = [
            np.clip(texture + rng.normal(0, 3, texture.shape), 0, 255).astype(np.uint8)
            for _ in range(2)
        ]
        self._face = cv2.GaussianBlur(rng.integers(0, 256, (40, 32), np.uint8), (0, 0), 2)
        self._walkers = walkers
        self._times = np.arange(round(seconds * fps)) / fps
        self._spoil = spoil
        self._breaks = breaks
        self._next = 0
        self.now_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def read(self, *, timeout_s: float) -> Frame | None:
        if self._next >= len(self._times):
            if self._breaks:
                raise CameraError("street.mp4: breaks off")
            return None
        self.now_s = float(self._times[self._next])
        luma = self._pictures[self._next % 2].copy()
        self._next += 1
        for walker in self._walkers:
            self._draw(walker, luma)
        if self._spoil:
            self._spoil(self.now_s, luma)
        rgb = np.zeros((RGB_SIZE[1], RGB_SIZE[0], 3), np.uint8)
        return Frame(captured_at_s=self.now_s, luma=luma, rgb=rgb)

    def _draw(self, walker: Walker, luma) -> None:
        box = walker.box(self.now_s)
        if box is not None:
            shift = np.array(
                [[box.width / 32, 0, box.x0], [0, box.height / 40, box.y0]], np.float32
            )
            cv2.warpAffine(self._face, shift, SIZE, dst=luma, borderMode=cv2.BORDER_TRANSPARENT)


class ExactDetector:
    """Finds every walker in view at the time of the camera's last frame."""

    def __init__(self, camera: NoiseCamera, walkers: Sequence[Walker]) -> None:
        self._camera = camera
        self._walkers = walkers
        self.calls = 0
        self.objecting: list[Box] = []

    def detect(self, frame, *, objecting=()) -> list[Detection]:
        self.calls += 1
        self.objecting.extend(objecting)
        return list(self._found(self._camera.now_s))

    def forget(self) -> None:
        """Holds nothing."""

    def _found(self, at_s: float) -> Iterator[Detection]:
        for walker in self._walkers:
            box = walker.box(at_s)
            if box is not None:
                yield Detection(box, walker.state, 0.9)
