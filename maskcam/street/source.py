"""The rendered street as a camera."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self, cast

import cv2

from maskcam.camera.base import fitted
from maskcam.errors import CameraError
from maskcam.records import Frame
from maskcam.street.canvas import Image
from maskcam.street.street import Scene


class SceneCamera:
    """Serves the frames of a scene; see `maskcam.camera.base.Camera`.

    scene: what to show. rgb_size: width and height in px into which the
        detector's image is scaled, its aspect kept.
    fast: the scene's own clock runs as fast as frames are read, starting at 0;
        otherwise frames come in real time, stamped by the monotonic clock, and
        frames that nobody read in time are skipped, as a real camera would.
    """

    def __init__(self, scene: Scene, *, rgb_size: tuple[int, int], fast: bool = False) -> None:
        self._scene = scene
        self.size = scene.camera.size
        self.rgb_size = fitted(scene.camera.size, rgb_size)
        self._fast = fast
        self._number = 0
        self._begun_at_s: float | None = None

    def __enter__(self) -> Self:
        """Starts the scene's clock."""
        self._number = 0
        self._begun_at_s = 0.0 if self._fast else time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the scene."""
        self._begun_at_s = None

    def read(self, *, timeout_s: float) -> Frame | None:
        """Returns the next frame, or None when the scene is over.

        Raises:
            CameraError: the camera is not open, or the next frame is due later
                than `timeout_s` from now.
        """
        if self._begun_at_s is None:
            raise CameraError("the rendered street is not open: use it in a `with` statement")
        period = 1 / self._scene.config.fps
        if not self._fast:
            self._wait(period, timeout_s)
        at_s = self._number * period
        if at_s >= self._scene.config.duration_s:
            return None
        self._number += 1
        image = self._scene.render(at_s)
        small = cv2.resize(image, self.rgb_size, interpolation=cv2.INTER_AREA)
        return Frame(
            captured_at_s=self._begun_at_s + at_s,
            luma=cast("Image", cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)),
            rgb=cast("Image", small),
        )

    def _wait(self, period: float, timeout_s: float) -> None:
        """Sleeps until the next frame is due; skips those whose time is past."""
        assert self._begun_at_s is not None
        now = time.monotonic() - self._begun_at_s
        self._number = max(self._number, int(now / period))
        due = self._number * period - now
        if due > timeout_s:
            raise CameraError(
                f"no frame within {timeout_s:g} s: the rendered street gives one"
                f" every {period:g} s; wait longer"
            )
        if due > 0:
            time.sleep(due)
