"""Frames of a USB camera, through OpenCV: it needs no package that a unit lacks."""

from __future__ import annotations

import os
import stat
from time import monotonic, sleep
from typing import Any, Final

import cv2
import numpy as np

from maskcam.camera.ffmpeg import DecodedFrame
from maskcam.errors import CameraError

PREFIX: Final = "v4l2:"
_MOST_BAD_S: Final = 3.0
_RETRY_S: Final = 0.02


class V4L2Source:
    """The frames of a device, in their order.

    Args:
        device: its path.
        size: width and height in px that it is asked for; it may give another size.
        fps: frames per second that it is asked for.

    Raises:
        CameraError: the device is missing, or is no camera.
    """

    def __init__(self, device: str, *, size: tuple[int, int], fps: float) -> None:
        self.skipped = self.bad_in_a_row = 0
        self.damaged = self.damaged_in_a_row = 0
        _check_device(device)
        _silence_opencv()
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise CameraError(
                f"{device}: cannot be opened; is it in use, or may this user not read it "
                "(group video)?"
            )
        # Few USB cameras give 720p at 30 frames/s uncompressed; all give it as JPEG.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        self._capture.set(cv2.CAP_PROP_FPS, fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)

    def read(self) -> DecodedFrame | None:
        """Returns the next frame that can be decoded; None: none came for 3 s."""
        began_s = monotonic()
        while monotonic() - began_s < _MOST_BAD_S:
            if not self._capture.grab():
                sleep(_RETRY_S)
                continue
            own_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            whole, image = self._capture.retrieve()
            if whole and image is not None and image.size:
                return DecodedFrame(own_s, image.astype(np.uint8, copy=False))
            self.skipped += 1
        return None

    def close(self) -> None:
        """Gives the device back."""
        self._capture.release()


def _check_device(device: str) -> None:
    try:
        is_device = stat.S_ISCHR(os.stat(device).st_mode)  # noqa: PTH116 - a str, not a path
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no usable name"
        raise CameraError(
            f"{device}: no such camera ({reason}); plug it in, or choose another "
            "(v4l2-ctl --list-devices)"
        ) from error
    if not is_device:
        raise CameraError(f"{device}: is not a device; for a file give its path alone")


def _silence_opencv() -> None:
    """Stops OpenCV from reporting on the standard error what is raised here."""
    # The function moved: cv2.setLogLevel up to 4.11, cv2.utils.logging later; 0 is silent.
    place: Any = getattr(cv2.utils, "logging", cv2)
    place.setLogLevel(0)
