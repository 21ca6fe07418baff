"""Frames from a video file, a V4L2 device or an RTSP stream, through OpenCV."""

from __future__ import annotations

import logging
import math
import os
import stat
import threading
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.camera.base import fitted
from maskcam.camera.stamps import ArrivalClock, StreamClock
from maskcam.errors import CameraError, CameraStalledError
from maskcam.records import Frame

_log = logging.getLogger(__name__)

_V4L2, _RTSP = "v4l2:", ("rtsp://", "rtsps://")
_OPEN_TIMEOUT_MS = 8000
_READ_TIMEOUT_MS = 5000
_STOP_TIMEOUT_S = 2.0

# FFmpeg reports every oddity of a file on the standard error; errors here are one
# line. Read when OpenCV first opens something; -8 is FFmpeg's "quiet".
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class VideoCamera:
    """Gives the frames of a video source.

    A file gives every frame, with the file's own time, as fast as it is read; with
    `paced`, it gives them at their time on the monotonic clock and skips those for
    which the reader was too slow. Devices and streams give the newest frame only.

    Args:
        source: path of a file, "v4l2:/dev/video0" or "rtsp://...".
        rgb_size: width and height in px into which the detector's picture is
            scaled, its aspect kept; `Camera.rgb_size` tells what came of it.
        size: width and height in px that a V4L2 device is asked for. It may give
            another size; files and streams have theirs.
        fps: frames a second that a V4L2 device is asked for.
        paced: whether a file runs in real time.
    """

    def __init__(
        self,
        source: str,
        *,
        rgb_size: tuple[int, int],
        size: tuple[int, int] = (1280, 720),
        fps: float = 30,
        paced: bool = False,
    ) -> None:
        self._source = source
        self._name = _without_password(source)
        self._fit = rgb_size
        self._wanted = (*size, fps)
        self._paced = paced
        self._live = source.startswith((_V4L2, *_RTSP))
        self._reader: _FileReader | _LiveReader | None = None
        self._size = self._rgb_size = (0, 0)
        self._luma: NDArray[np.uint8] | None = None
        self._rgb: NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the luma picture in px; known once it is open."""
        return self._size

    @property
    def rgb_size(self) -> tuple[int, int]:
        """Width and height of the detector's picture in px; known once it is open."""
        return self._rgb_size

    def __enter__(self) -> Self:
        """Opens the source and waits for its first frame.

        Raises:
            CameraError: the source is missing, no video, or gives nothing.
        """
        capture = self._open()
        # The first frame tells the size: the header may be wrong, or not know of a rotation.
        found, first = capture.read()
        if not found:
            capture.release()
            raise CameraError(f"{self._name}: gives no frame; it may be damaged or hold no video")
        self._size = (first.shape[1], first.shape[0])
        self._rgb_size = fitted(self._size, self._fit)
        self._luma = np.empty((self._size[1], self._size[0]), np.uint8)
        self._rgb = np.empty((self._rgb_size[1], self._rgb_size[0], 3), np.uint8)
        reader = _LiveReader if self._live else _PacedReader if self._paced else _FileReader
        self._reader = reader(capture, first.astype(np.uint8, copy=False), self._name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the source.

        Raises:
            CameraStalledError: it does not stop, and no other error is under way.
        """
        reader, self._reader = self._reader, None
        if reader is not None and not reader.close():
            message = f"{self._name}: does not stop; start the program again"
            if error is None:
                raise CameraStalledError(message)
            _log.error("%s", message)

    def read(self, *, timeout_s: float) -> Frame | None:
        """Returns the next (file) or newest (device, stream) frame; None at a file's end.

        Raises:
            CameraError: the file breaks off, or the picture changed its size.
            CameraStalledError: a device or stream gave no frame within `timeout_s`.
        """
        if self._reader is None:
            raise CameraError(f"{self._name}: is not open")
        found = self._reader.read(timeout_s)
        if found is None:
            return None
        at_s, bgr = found
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            raise CameraError(
                f"{self._name}: the picture changed from {self._size[0]}x{self._size[1]} to "
                f"{bgr.shape[1]}x{bgr.shape[0]}; start again"
            )
        assert self._luma is not None
        assert self._rgb is not None
        cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY, dst=self._luma)
        cv2.cvtColor(_scaled(bgr, self._rgb_size), cv2.COLOR_BGR2RGB, dst=self._rgb)
        return Frame(captured_at_s=at_s, luma=self._luma, rgb=self._rgb)

    def _open(self) -> cv2.VideoCapture:
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            _OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            _READ_TIMEOUT_MS,
        ]
        _silence_opencv()
        if self._source.startswith(_V4L2):
            return self._open_device(self._source.removeprefix(_V4L2))
        if not self._live:
            _check_file(Path(self._source))
        capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, timeouts)
        if not capture.isOpened():
            raise CameraError(
                f"{self._name}: cannot be reached, or sends no video; check address, network "
                "and password"
                if self._live
                else f"{self._name}: is not a video, or its end is missing; copy it again"
            )
        return capture

    def _open_device(self, device: str) -> cv2.VideoCapture:
        try:
            is_device = stat.S_ISCHR(os.stat(device).st_mode)  # noqa: PTH116 - a str, not a path
        except OSError as error:
            raise CameraError(
                f"{device}: no such camera ({error.strerror}); plug it in, or choose another "
                "(v4l2-ctl --list-devices)"
            ) from error
        if not is_device:
            raise CameraError(f"{device}: is not a device; for a file give its path alone")
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise CameraError(
                f"{device}: cannot be opened; is it in use, or may this user not read it "
                "(group video)?"
            )
        width, height, fps = self._wanted
        # Few USB cameras give 720p at 30 frames/s uncompressed; all give it as JPEG.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        return capture


class _FileReader:
    """Gives every frame of a file."""

    def __init__(self, capture: cv2.VideoCapture, first: NDArray[np.uint8], name: str) -> None:
        self._capture = capture
        self._name = name
        self._fps = capture.get(cv2.CAP_PROP_FPS)
        self._clock = StreamClock(self._fps)
        self._first: NDArray[np.uint8] | None = first
        self._count = 1
        self._at_s = self._stamp()

    def _stamp(self) -> float:
        return self._clock.time_of(self._capture.get(cv2.CAP_PROP_POS_MSEC))

    def read(self, timeout_s: float) -> tuple[float, NDArray[np.uint8]] | None:
        if self._first is not None:
            first, self._first = self._first, None
            return self._at_s, first
        if not self._grab():
            return None
        _, image = self._capture.retrieve()
        return self._at_s, image.astype(np.uint8, copy=False)

    def _grab(self) -> bool:
        """Goes to the next frame; False at the end.

        Raises:
            CameraError: the end came sooner than the header said.
        """
        if self._capture.grab():
            self._count += 1
            self._at_s = self._stamp()
            return True
        # Some containers tell the number of frames, some the length; where the rate
        # varies only one of the two is right. A cut file falls short of both.
        frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if math.isfinite(frames) and frames > 0 and self._fps > 0:
            missing_s = frames / self._fps - self._at_s
            if self._count < frames - 2 and missing_s > max(3 / self._fps, 0.01 * self._at_s):
                raise CameraError(
                    f"{self._name}: breaks off at {self._at_s:.1f} s of "
                    f"{frames / self._fps:.1f} s; copy it again"
                )
        return False

    def close(self) -> bool:
        self._capture.release()
        return True


class _PacedReader(_FileReader):
    """Gives the frames of a file at their time on the monotonic clock."""

    _begin_s: float | None = None

    def read(self, timeout_s: float) -> tuple[float, NDArray[np.uint8]] | None:
        if self._begin_s is None:
            self._begin_s = monotonic() - self._at_s
            found = super().read(timeout_s)
        else:
            late_s = monotonic() - self._begin_s
            if not self._grab():
                return None
            while self._at_s < late_s - 1 / max(self._fps, 1):  # the reader was too slow
                if not self._grab():
                    return None
            _, image = self._capture.retrieve()
            found = self._at_s, image.astype(np.uint8, copy=False)
        if found is None:
            return None
        due_s = found[0] + self._begin_s
        wait_s = due_s - monotonic()
        if wait_s > timeout_s:
            sleep(timeout_s)
            raise CameraError(f"{self._name}: no frame for {timeout_s:g} s; it has a gap there")
        if wait_s > 0:
            sleep(wait_s)
        return due_s, found[1]


class _LiveReader:
    """Keeps the newest frame of a device or stream, so that none waits in a queue.

    Only its thread touches the capture: OpenCV's is not safe to release while
    another thread reads.
    """

    def __init__(self, capture: cv2.VideoCapture, first: NDArray[np.uint8], name: str) -> None:
        self._capture = capture
        self._name = name
        self._clock = ArrivalClock()
        self._changed = threading.Condition()
        self._newest: tuple[float, NDArray[np.uint8]] | None = (self._stamp(), first)
        self._ended = self._stop = False
        self._thread = threading.Thread(target=self._run, name="video-reader", daemon=True)
        self._thread.start()

    def _stamp(self) -> float:
        position_ms = self._capture.get(cv2.CAP_PROP_POS_MSEC)
        return self._clock.time_of(position_ms / 1000, monotonic())

    def _run(self) -> None:
        while not self._stop:
            found = self._capture.grab()
            at_s = self._stamp()
            image = self._capture.retrieve()[1] if found else None
            with self._changed:
                if image is None:
                    self._ended = True
                else:
                    self._newest = (at_s, image.astype(np.uint8, copy=False))
                self._changed.notify_all()
            if image is None:
                break
        self._capture.release()

    def read(self, timeout_s: float) -> tuple[float, NDArray[np.uint8]] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._ended, timeout_s)
            newest, self._newest = self._newest, None
            if newest is None:
                why = "stopped" if self._ended else f"gave no frame for {timeout_s:g} s"
                raise CameraStalledError(f"{self._name}: {why}; check cable, power and network")
            return newest

    def close(self) -> bool:
        self._stop = True
        self._thread.join(_STOP_TIMEOUT_S)
        return not self._thread.is_alive()


def _silence_opencv() -> None:
    """Stops OpenCV from reporting on the standard error what is raised here."""
    # The function moved: cv2.setLogLevel up to 4.11, cv2.utils.logging later; 0 is silent.
    place: Any = getattr(cv2.utils, "logging", cv2)
    place.setLogLevel(0)


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise CameraError(f"{path}: no such video ({error.strerror}); check the path") from error
    if not stat.S_ISREG(found.st_mode):
        raise CameraError(f"{path}: is not a file; for a device give v4l2:{path}")
    if found.st_size == 0:
        raise CameraError(f"{path}: the video is empty (0 bytes); copy it again")
    if not os.access(path, os.R_OK):
        raise CameraError(f"{path}: may not be read by this user")


def _scaled(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scales to (width, height): by areas, but six times as fast as OpenCV's for odd ratios.

    A whole part of the ratio goes by areas, which is quick; what is left is less
    than 2, and linear interpolation sees every pixel there.
    """
    height, width = picture.shape[:2]
    whole = min(width // size[0], height // size[1])
    if whole >= 2:
        reduced = (width // whole, height // whole)
        picture = cv2.resize(picture, reduced, interpolation=cv2.INTER_AREA).astype(
            np.uint8, copy=False
        )
    return cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _without_password(source: str) -> str:
    if not source.startswith(_RTSP):
        return source
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
