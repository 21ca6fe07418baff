"""A camera that is a film, a USB camera or a network camera."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam import addresses
from maskcam.camera.base import fitted
from maskcam.camera.container import missing_bytes
from maskcam.camera.ffmpeg import DecodedFrame, FFmpegSource, file_address
from maskcam.camera.readers import FileReader, LiveReader, PacedReader, Source
from maskcam.camera.stamps import CountingClock, StreamClock
from maskcam.camera.v4l2 import PREFIX as _V4L2
from maskcam.camera.v4l2 import V4L2Source
from maskcam.errors import CameraError, CameraStalledError, UsageError
from maskcam.names import printable
from maskcam.records import Frame

_log = logging.getLogger(__name__)
_SAME_ASPECT: Final = 0.02


class VideoCamera:
    """Gives the frames of a video source, upright.

    A film gives every frame that can be decoded, with the film's own time, as fast as it
    is read; with `paced`, it gives them at their time on the monotonic clock and leaves out
    those for which the reader was too slow. Devices and streams give the newest frame only.

    Args:
        source: path of a file, "v4l2:/dev/video0" or "rtsp://...".
        rgb_size: width and height in px into which the detector's image is
            scaled, its aspect kept; `Camera.rgb_size` has what came of it.
        size: width and height in px that a V4L2 device is asked for. It may give
            another size; films and streams have theirs.
        fps: frames per second that a V4L2 device is asked for.
        paced: whether a film runs in real time.
        film_fps: frames per second of a film, in place of its own times.

    Attributes: size, rgb_size: as of a `Camera`; known once it is open.
    """

    def __init__(
        self,
        source: str,
        *,
        rgb_size: tuple[int, int],
        size: tuple[int, int] = (1280, 720),
        fps: float = 30,
        paced: bool = False,
        film_fps: float | None = None,
    ) -> None:
        self._source = source
        self._name = printable(addresses.shown(source))
        self._fit = rgb_size
        self._wanted_size, self._wanted_fps = size, fps
        self._paced = paced
        self._film_fps = film_fps
        self._reader: FileReader | LiveReader | None = None
        self.size = self.rgb_size = (0, 0)
        self._has_changed_size = False
        self._luma: NDArray[np.uint8] | None = None
        self._rgb: NDArray[np.uint8] | None = None

    def __enter__(self) -> Self:
        """Opens the source and waits for its first frame.

        Raises:
            CameraError: the source is missing, no video, or gives nothing.
            UsageError: it is a film without times, and `film_fps` is not given.
        """
        if self._source.startswith(_V4L2):
            device = self._source.removeprefix(_V4L2)
            camera = V4L2Source(device, size=self._wanted_size, fps=self._wanted_fps)
            self._reader = LiveReader(camera, self._first_frame(camera), self._name)
        elif addresses.is_network(self._source):
            stream = self._open_stream()
            first = self._first_frame(stream)
            self._reader = LiveReader(stream, first, self._name, self._open_stream)
        else:
            self._reader = self._open_film()
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
        """Returns the next (film) or newest (device, stream) frame; None at a film's end.

        Raises:
            CameraError: the film breaks off.
            CameraStalledError: a device or stream gave no frame within `timeout_s`.
        """
        if self._reader is None:
            raise CameraError(f"{self._name}: is not open")
        found = self._reader.read(timeout_s)
        if found is None:
            return None
        at_s, bgr = found
        if (bgr.shape[1], bgr.shape[0]) != self.size:
            bgr = self._brought_to_size(bgr)
        assert self._luma is not None
        assert self._rgb is not None
        cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY, dst=self._luma)
        cv2.cvtColor(scaled(bgr, self.rgb_size), cv2.COLOR_BGR2RGB, dst=self._rgb)
        return Frame(captured_at_s=at_s, luma=self._luma, rgb=self._rgb)

    def _open_stream(self) -> FFmpegSource:
        if addresses.is_ambiguous(self._source):
            raise CameraError(f"{self._name}: {addresses.ESCAPE_HINT}")
        scheme, _, rest = self._source.partition(":")
        try:
            return FFmpegSource(f"{scheme.lower()}:{rest}", live=True)
        except CameraError as error:
            raise CameraError(
                f"{self._name}: cannot be reached, or sends no video ({error}); check address, "
                "network and password"
            ) from error

    def _open_film(self) -> FileReader:
        path = Path(self._source)
        if scheme := addresses.scheme(self._source):
            raise CameraError(
                f"{self._name}: {scheme} is not opened here; give a file, v4l2:DEVICE or rtsp://..."
            )
        _check_file(path, self._name)
        try:
            film = FFmpegSource(file_address(path), live=False)
        except CameraError as error:
            raise CameraError(
                f"{self._name}: is not a video, or its end is missing ({error}); copy it again"
            ) from error
        if not film.has_time and self._film_fps is None:
            film.close()
            raise UsageError(
                f"{self._name}: the video has no times of its own; give its frames per second: "
                "maskcam replay FILE --fps N"
            )
        first = self._first_frame(film)

        def length_if_cut() -> float | None:
            return film.length_s if film.ends_in_errors or missing_bytes(path) else None

        return (PacedReader if self._paced else FileReader)(
            film,
            first,
            self._name,
            clock=CountingClock(self._film_fps) if self._film_fps else StreamClock(),
            length_if_cut=length_if_cut,
        )

    def _first_frame(self, source: Source) -> DecodedFrame:
        """Returns the first frame, whose size counts: a header may be wrong."""
        first = source.read()
        if first is None:
            source.close()
            raise CameraError(f"{self._name}: gives no frame; it may be damaged or hold no video")
        self.size = (first.bgr.shape[1], first.bgr.shape[0])
        self.rgb_size = fitted(self.size, self._fit)
        self._luma = np.empty((self.size[1], self.size[0]), np.uint8)
        self._rgb = np.empty((self.rgb_size[1], self.rgb_size[0], 3), np.uint8)
        return first

    def _brought_to_size(self, bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns a frame of another size in that of the first, its aspect kept, on black.

        Raises:
            CameraError: a live source has another aspect, so another field of view.
        """
        old, new = self.size, (bgr.shape[1], bgr.shape[0])
        same_aspect = abs(old[0] * new[1] / (old[1] * new[0]) - 1) < _SAME_ASPECT
        if isinstance(self._reader, LiveReader) and not same_aspect:
            raise CameraError(
                f"{self._name}: the frames changed from {old[0]}x{old[1]} to {new[0]}x{new[1]}; "
                "start again"
            )
        if not self._has_changed_size:
            self._has_changed_size = True
            _log.warning("%s: %dx%d px become %dx%d: scaled back", self._name, *old, *new)
        size = fitted(new, old)
        x, y = (old[0] - size[0]) // 2, (old[1] - size[1]) // 2
        whole = np.zeros((old[1], old[0], 3), np.uint8)
        whole[y : y + size[1], x : x + size[0]] = scaled(bgr, size)
        return whole


def _check_file(path: Path, name: str) -> None:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        raise CameraError(f"{name}: no such video ({reason}); check the path") from error
    if not stat.S_ISREG(found.st_mode):
        raise CameraError(f"{name}: is not a file; for a device give v4l2:{name}")
    if found.st_size == 0:
        raise CameraError(f"{name}: the video is empty (0 bytes); copy it again")
    if not os.access(path, os.R_OK):
        raise CameraError(f"{name}: may not be read by this user")


def scaled(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scales to (width, height): by areas, but six times as fast as OpenCV's for odd ratios.

    A whole part of the ratio goes by areas, which is quick; what is left is less
    than 2, and linear interpolation sees every pixel there.
    """
    height, width = image.shape[:2]
    whole = min(width // size[0], height // size[1])
    if whole >= 2:
        reduced = (width // whole, height // whole)
        image = cv2.resize(image, reduced, interpolation=cv2.INTER_AREA).astype(
            np.uint8, copy=False
        )
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
