"""Stands in for the modules picamera2 and libcamera.

It behaves as the source of picamera2 0.3.38 does, where maskcam relies on it:

- `capture_request(wait=False)` queues a job for the event loop and returns it; `wait`
  raises TimeoutError when it takes too long, and the job stays in the queue.
- Jobs run one after the other; an unfinished one blocks those behind it until
  `cancel_all_and_flush`. `close` ends the event loop first, and then the camera.
- With `queue=True` the last finished request is kept and handed out at once.
- A request that is not released is lost to the camera, which stops when none is left.
- YUV420 arrays have 3/2 of the height and rows of `stride` bytes.
- The tuning must be given when the camera is made: libcamera reads it once.
- `create_video_configuration` takes the same arguments; a VC4 refuses an RGB
  small stream, and `load_tuning_file` raises RuntimeError for an unknown sensor.
"""

from __future__ import annotations

import copy
import threading
import time
from concurrent.futures import CancelledError, Future
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

TUNING: dict[str, Any] = {
    "version": 2.0,
    "algorithms": [
        {"rpi.black_level": {"black_level": 4096}},
        {
            "rpi.agc": {
                "channels": [
                    {
                        "exposure_modes": {
                            "normal": {
                                "shutter": [100, 10000, 30000, 60000],
                                "gain": [1.0, 1.5, 2.0, 4.0],
                            },
                            "short": {"shutter": [100, 5000, 20000], "gain": [1.0, 2.0, 6.0]},
                        }
                    },
                    {"exposure_modes": {"normal": {"shutter": [100, 5000], "gain": [1.0, 8.0]}}},
                ]
            }
        },
    ],
}


class ColorSpace:
    """libcamera.ColorSpace."""

    @staticmethod
    def Smpte170m() -> str:  # noqa: N802 - libcamera's name
        return "SMPTE170M"


class Request:
    """A CompletedRequest: the buffers of one frame."""

    def __init__(self, camera: Picamera2, number: int) -> None:
        self.camera = camera
        self.arrays = {name: camera.picture(name, number) for name in ("main", "lores")}
        self.metadata = {
            "SensorTimestamp": camera.timestamp_ns(),
            "ExposureTime": camera.exposure_us,
        }
        self.released = False

    def get_metadata(self) -> dict[str, Any]:
        return dict(self.metadata)

    def release(self) -> None:
        assert not self.released, "lock now has negative ref_count"
        self.released = True
        for array in self.arrays.values():
            array.fill(255)  # the camera writes the next frame there
        self.camera.free.release()


class MappedArray:
    """The request's memory, not a copy."""

    def __init__(self, request: Request, stream: str, reshape: bool = True, write: bool = True):
        assert not request.released
        self.array = request.arrays[stream]

    def __enter__(self) -> MappedArray:
        return self

    def __exit__(self, *details: object) -> None:
        del self.array


class Picamera2:
    """One camera, whose faults the test sets on the class."""

    sensors: ClassVar[list[str]] = ["imx708"]
    present = True
    _stamp_ns = 0
    stall_after: int | None = None
    repeat_after: int | None = None
    close_hangs = close_fails = open_hangs = False
    exposure_us = 8000
    stride_step = 64
    last: Picamera2 | None = None
    goes_on: threading.Event  # set by a test to end a stall
    over: threading.Event  # set when the test is, to end what hangs
    frame_s = 0.01
    controls: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("FrameDurationLimits", "AfMode", "LensPosition", "AeFlickerMode", "AeFlickerPeriod"),
        (0, 1, 0),
    )

    @classmethod
    def load_tuning_file(cls, tuning_file: str, dir: str | None = None) -> dict[str, Any]:  # noqa: A002
        if tuning_file.removesuffix(".json") not in cls.sensors:
            raise RuntimeError("Tuning file not found")
        return copy.deepcopy(TUNING)

    @staticmethod
    def find_tuning_algo(tuning: dict[str, Any], name: str) -> dict[str, Any]:
        return next(algo for algo in tuning["algorithms"] if name in algo)[name]

    def __init__(self, camera_num: int = 0, *, tuning: dict[str, Any] | None = None) -> None:
        if self.open_hangs:
            self.over.wait(5)
        if not self.present:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.tuning = tuning
        self.camera_controls = dict(self.controls)
        self.configurations: list[dict[str, Any]] = []
        self.closed = False
        self._jobs: list[tuple[Any, Future[Any]]] = []
        self._lock = threading.Lock()
        self._finished: list[Request] = []
        self._thread: threading.Thread | None = None
        self._stop = False
        type(self).last = self

    def create_video_configuration(
        self,
        main: Any = {},  # noqa: B006
        lores: Any = None,
        raw: Any = {},  # noqa: B006
        transform: Any = None,
        colour_space: Any = None,
        buffer_count: int = 6,
        controls: Any = {},  # noqa: B006
        display: str | None = "main",
        encode: str | None = "main",
        queue: bool = True,
        sensor: Any = {},  # noqa: B006
        use_case: str = "video",
    ) -> dict[str, Any]:
        for stream in (main, lores):
            width, height = stream["size"]
            stream["size"] = (width - width % 2, height - height % 2)
        return {
            "main": {"preserve_ar": True} | main,
            "lores": {"preserve_ar": False} | lores,
            "raw": raw,
            "colour_space": colour_space,
            "buffer_count": buffer_count,
            "queue": queue,
            "controls": controls,
        }

    def configure(self, configuration: dict[str, Any]) -> None:
        main, lores = configuration["main"], configuration["lores"]
        if any(a > b for a, b in zip(lores["size"], main["size"], strict=True)):
            raise RuntimeError("lores stream dimensions may not exceed main stream")
        if lores["format"] != "YUV420":
            raise RuntimeError("lores stream must be YUV")
        for name in configuration["controls"]:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        for stream in (main, lores):
            stream["stride"] = -(-stream["size"][0] // self.stride_step) * self.stride_step
        self.configurations.append(configuration)
        self.free = threading.Semaphore(configuration["buffer_count"])

    def stream_configuration(self, name: str = "main") -> dict[str, Any]:
        return self.configurations[-1][name]

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def picture(self, name: str, number: int) -> np.ndarray:
        """Luma `number` modulo 250, colour of a pure red; whatever lies in the padding is 77."""
        stream = self.stream_configuration(name)
        (width, height), stride = stream["size"], stream["stride"]
        array = np.full((height * 3 // 2, stride), 77, np.uint8)
        array[:height, :width] = number % 250 if name == "main" else 81
        chroma = array[height:].reshape(2, height // 2, stride // 2)
        chroma[0, :, : width // 2], chroma[1, :, : width // 2] = 90, 240
        return array

    def timestamp_ns(self) -> int:
        if self.repeat_after is not None and self._number >= self.repeat_after:
            return self._stamp_ns
        self._stamp_ns = time.monotonic_ns() - 5_000_000
        return self._stamp_ns

    def _run(self) -> None:
        self._number = 0
        while not (self._stop or self.over.is_set()):
            stalled = self.stall_after is not None and self._number >= self.stall_after
            if stalled and self.goes_on.is_set():
                self.stall_after, stalled = None, False
            if not stalled and self.free.acquire(timeout=0.005):
                self._number += 1
                with self._lock:
                    self._finished.append(Request(self, self._number))
            self._process()
            time.sleep(self.frame_s)

    def _process(self) -> None:
        with self._lock:
            while self._jobs:
                done, result = self._jobs[0][0]()
                if not done:
                    break
                self._jobs.pop(0)[1].set_result(result)
            while len(self._finished) > int(self.configurations[-1]["queue"]):
                self._finished.pop(0).release()

    def _dispatch(self, function: Any, wait: Any) -> Any:
        future: Future[Any] = Future()
        with self._lock:
            self._jobs.append((function, future))
        timeout = None if wait is None or wait is True else wait
        return future.result(timeout) if wait or wait is None else future

    def capture_request(
        self, wait: Any = None, signal_function: Any = None, flush: Any = None
    ) -> Any:
        return self._dispatch(
            lambda: (True, self._finished.pop(0)) if self._finished else (False, None), wait
        )

    def wait(self, job: Any, timeout: float | None = None) -> Any:
        return job.result(timeout)

    def cancel_all_and_flush(self) -> None:
        with self._lock:
            for _, future in self._jobs:
                future.set_exception(CancelledError())
            self._jobs = []

    def close(self) -> None:
        if self.close_hangs:
            self.over.wait(5)

        self._stop = True
        if self._thread is not None:
            self._thread.join()
        assert not self._jobs, "cancel_all_and_flush comes before close"
        self.closed = True
        if self.close_fails:
            raise RuntimeError("Failed to stop camera")


def modules() -> tuple[dict[str, ModuleType], type[Picamera2]]:
    """Returns fresh modules by name, and the class on which a test sets faults."""
    events = {"over": threading.Event(), "goes_on": threading.Event()}
    fresh = type("Picamera2", (Picamera2,), events)
    picamera2, libcamera = ModuleType("picamera2"), ModuleType("libcamera")
    picamera2.Picamera2, picamera2.MappedArray = fresh, MappedArray  # type: ignore[attr-defined]
    libcamera.ColorSpace = ColorSpace  # type: ignore[attr-defined]
    return {"picamera2": picamera2, "libcamera": libcamera}, fresh
