"""Frames from a Raspberry Pi camera. The only module that imports picamera2.

Checked against the source of picamera2 0.3.38 and of libcamera's Raspberry Pi
algorithms; what was found there is said where it matters. tests/sdcard/test_libcamera.py
runs it on both real libraries, with a virtual camera.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from maskcam.errors import CameraError, CameraStalledError
from maskcam.records import Frame

_log = logging.getLogger(__name__)

_OPEN_TIMEOUT_S = 20.0
_CLOSE_TIMEOUT_S = 3.0
_BUFFERS = 4  # one kept by picamera2, one being copied, two being filled
_FOCUS_DIOPTRES = 0.25  # 4 m: about the hyperfocal distance, sharp from 2 m on
_MAINS_FLICKER_US = 10_000  # lamps on 50 Hz
_SUBDEVICES = Path("/sys/class/video4linux")

_opened = threading.Event()


class Picamera2Camera:
    """Gives the newest frame of the Raspberry Pi's camera.

    One configuration for the life of the process: a camera that stops cannot be
    opened again; the process ends and systemd starts it anew.

    Args:
        size: width and height of the luma image in px, both even.
        rgb_size: width and height in px into which the ISP scales the detector's
            image, its aspect kept; `Camera.rgb_size` has what came of it.
        fps: frames per second.
        max_exposure_s: longest exposure. Longer blurs faces of people who walk,
            shorter makes the frame dark and grainy at dusk.
    """

    def __init__(
        self,
        *,
        rgb_size: tuple[int, int],
        size: tuple[int, int] = (1280, 720),
        fps: float = 30,
        max_exposure_s: float = 0.012,
    ) -> None:
        self.size = size
        self.rgb_size = _fitted(size, rgb_size)
        self._fps = fps
        self._max_exposure_us = max_exposure_s * 1e6
        self._luma = np.empty((size[1], size[0]), np.uint8)
        self._rgb = np.empty((self.rgb_size[1], self.rgb_size[0], 3), np.uint8)
        self._camera: Any = None
        self._mapped_array: Any = None
        self._capture: Any = None
        self._last_s = -1.0
        self._exposure_logged = False
        self.stuck = False

    def __enter__(self) -> Self:
        """Configures and starts the camera.

        Raises:
            CameraError: no camera, no picamera2, or it was open before in this process.
        """
        if _opened.is_set():
            raise CameraError("the camera cannot be opened twice in one process; start it again")
        _opened.set()
        try:
            _within(_OPEN_TIMEOUT_S, self._open, "camera-open")
        except TimeoutError as error:
            self.stuck = True
            raise CameraError(
                f"the camera does not open within {_OPEN_TIMEOUT_S:g} s; check its ribbon cable"
            ) from error
        except CameraError:
            self.__exit__(None, None, None)
            raise
        return self

    def _open(self) -> None:
        # libcamera reports its every step on the standard error otherwise.
        os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
        try:
            package = importlib.import_module("picamera2")
            libcamera = importlib.import_module("libcamera")
        except ImportError as error:
            raise CameraError(
                f"picamera2 cannot be loaded ({error}); apt install python3-picamera2, and let "
                "the environment see it (--system-site-packages)"
            ) from error
        tuning = _tuning(package.Picamera2, self._max_exposure_us)
        try:
            camera = package.Picamera2(tuning=tuning)
            self._camera, self._mapped_array = camera, package.MappedArray
            camera.configure(self._configuration(camera, libcamera))
            for stream, size in (("main", self.size), ("lores", self.rgb_size)):
                given = camera.stream_configuration(stream)
                if (given["size"], given["format"]) != (size, "YUV420"):
                    raise CameraError(
                        f"the camera gives {given['size']} {given['format']} in place of {size} "
                        "YUV420; choose another width and height"
                    )
            camera.start()
        except (RuntimeError, IndexError, OSError) as error:
            raise CameraError(
                f"the camera cannot be opened ({error}); check its ribbon cable and that no "
                "other program uses it"
            ) from error

    def _configuration(self, camera: Any, libcamera: Any) -> dict[str, Any]:
        interval_us = round(1e6 / self._fps)
        controls: dict[str, Any] = {"FrameDurationLimits": (interval_us, interval_us)}
        wanted = {
            # Autofocus would hunt whenever somebody walks close by.
            "AfMode": 0,
            "LensPosition": _FOCUS_DIOPTRES,
            # Keeps bands of light from rolling through the frame.
            "AeFlickerMode": 1,
            "AeFlickerPeriod": _MAINS_FLICKER_US,
        }
        controls |= {
            name: value for name, value in wanted.items() if name in camera.camera_controls
        }
        configuration: dict[str, Any] = camera.create_video_configuration(
            main={"format": "YUV420", "size": self.size},
            # The ISP of a Pi 4 (VC4) gives the small stream as YUV only; a Pi 5
            # could give RGB, but one path for both is simpler, and costs 0.1 ms.
            lores={"format": "YUV420", "size": self.rgb_size},
            raw=None,
            # The one that OpenCV's YUV conversion is made for (BT.601, limited range).
            colour_space=libcamera.ColorSpace.Smpte170m(),
            buffer_count=_BUFFERS,
            # One finished frame is kept back (`queue`), so that a frame that came while
            # the last one was looked at is not lost: the head shake needs them all.
            queue=True,
            controls=controls,
            display=None,
            encode=None,
        )
        return configuration

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the camera, or gives up after a deadline and sets `stuck`.

        Raises:
            CameraStalledError: it gave up, and no other error is under way. The
                process must then end with `os._exit`.
        """
        camera, self._camera = self._camera, None
        if camera is None:
            return
        # A capture that timed out is still in picamera2's list of jobs, and `stop` would
        # wait behind it; picamera2 wants it gone before the camera is closed.
        camera.cancel_all_and_flush()
        try:
            _within(_CLOSE_TIMEOUT_S, camera.close, "camera-close")
        except TimeoutError as late:
            self.stuck = True
            message = "the camera does not close; start the program again"
            if error is None:
                raise CameraStalledError(message) from late
            _log.error("%s", message)
        except (RuntimeError, OSError) as failed:
            # Not its trace: that would bring along the text of what closed the camera.
            _log.warning("the camera did not close cleanly (%s)", type(failed).__name__)

    def read(self, *, timeout_s: float) -> Frame | None:
        """Returns the newest frame, never None.

        Raises:
            CameraStalledError: no new frame came within `timeout_s`. The next call
                waits on.
        """
        if self._camera is None:
            raise CameraError("the camera is not open; start the program again")
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            # One that has not ended stays for the next call: were it left in picamera2's
            # list, it would take a frame and never give it back.
            self._capture = self._capture or self._camera.capture_request(wait=False)
            try:
                request = self._camera.wait(self._capture, timeout=left_s)
            except TimeoutError:
                break
            self._capture = None
            try:
                frame = self._copied(request)
            finally:
                request.release()
            if frame is not None:
                return frame
        raise CameraStalledError(
            f"the camera gave no new frame for {timeout_s:g} s; check its ribbon cable and power"
        )

    def _copied(self, request: Any) -> Frame | None:
        """Copies a request into the one buffer; None if it is no newer than the last."""
        metadata = request.get_metadata()
        captured_at_s = _monotonic_s(metadata["SensorTimestamp"])
        if captured_at_s <= self._last_s:
            return None
        self._last_s = captured_at_s
        self._check_exposure(metadata.get("ExposureTime", 0))
        # YUV420 comes as rows of `stride` bytes: the luma plane, then the two of colour.
        width, height = self.size
        with self._mapped_array(request, "main", write=False) as main:
            np.copyto(self._luma, main.array[:height, :width])
        with self._mapped_array(request, "lores", write=False) as lores:
            rgb = cv2.cvtColor(lores.array, cv2.COLOR_YUV2RGB_I420)
        np.copyto(self._rgb, rgb[:, : self.rgb_size[0]].astype(np.uint8, copy=False))
        return Frame(captured_at_s=captured_at_s, luma=self._luma, rgb=self._rgb)

    def _check_exposure(self, exposure_us: float) -> None:
        if exposure_us > 1.05 * self._max_exposure_us and not self._exposure_logged:
            self._exposure_logged = True
            _log.warning(
                "the camera exposes for %.1f ms, longer than the %.1f ms allowed: its tuning "
                "file was not taken; faces of people who walk will be blurred",
                exposure_us / 1e3,
                self._max_exposure_us / 1e3,
            )


def _tuning(picamera2: Any, max_exposure_us: float) -> dict[str, Any]:
    """Returns the sensor's tuning with no exposure longer than allowed.

    No control limits the automatic exposure below the frame's duration: a fixed
    ExposureTime is too long in the sun, and FrameDurationLimits bounds it by the
    frame rate. The algorithm (`rpi.agc`) goes no further than the last "shutter"
    of its exposure mode, so those are what must change. libcamera reads the tuning
    when it first lists the cameras, so the sensor's name is taken from the kernel.

    Raises:
        CameraError: there is no sensor that libcamera has a tuning for.
    """
    names = [path.read_text().split() for path in sorted(_SUBDEVICES.glob("v4l-subdev*/name"))]
    for sensor in (words[0] for words in names if words):
        for file in (f"{sensor}.json", f"{sensor}_mono.json"):
            try:
                tuning: dict[str, Any] = picamera2.load_tuning_file(file)
            except RuntimeError:
                continue
            limit_exposure(picamera2.find_tuning_algo(tuning, "rpi.agc"), max_exposure_us)
            return tuning
    raise CameraError(
        "no Raspberry Pi camera found; check its ribbon cable (rpicam-hello --list-cameras); "
        'for a USB camera set source = "v4l2:/dev/video0"'
    )


def limit_exposure(agc: dict[str, Any], max_exposure_us: float) -> None:
    """Changes the exposure modes of a tuning's `rpi.agc`, so that none exceeds the maximum.

    The last gain of a mode grows by what its last exposure lost, so that the total
    stays the same; libcamera cuts it at what the sensor can do.
    """
    for channel in agc.get("channels", [agc]):
        for mode in channel["exposure_modes"].values():
            longest_us = mode["shutter"][-1]
            mode["shutter"] = [min(time_us, max_exposure_us) for time_us in mode["shutter"]]
            mode["gain"][-1] *= longest_us / mode["shutter"][-1]


def _monotonic_s(sensor_timestamp_ns: int) -> float:
    """Turns a SensorTimestamp into monotonic time.

    libcamera's documentation names CLOCK_BOOTTIME; the kernel's drivers stamp with
    CLOCK_MONOTONIC, and picamera2 compares it with that (`flush`). The two differ
    once the machine has slept, and then a stamp of the former lies in the future.
    """
    now_ns = time.monotonic_ns()
    if sensor_timestamp_ns > now_ns:
        sensor_timestamp_ns -= time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now_ns
    return min(sensor_timestamp_ns, now_ns) / 1e9


def _within(timeout_s: float, action: Callable[[], None], name: str) -> None:
    """Runs `action` in a thread of its own; raises TimeoutError if it takes too long."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise TimeoutError(name)
    if failures:
        raise failures[0]


def _fitted(size: tuple[int, int], into: tuple[int, int]) -> tuple[int, int]:
    """Returns the largest even size of the same aspect, no larger than either."""
    scale = min(into[0] / size[0], into[1] / size[1], 1.0)
    return round(size[0] * scale) // 2 * 2, round(size[1] * scale) // 2 * 2
