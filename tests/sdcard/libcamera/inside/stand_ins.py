"""What stands in for a Raspberry Pi's sensor and ISP between libcamera and picamera2.

libcamera's virtual pipeline handler gives pictures, but it is no Raspberry Pi: it knows
NV12 only, has no raw modes, and fills a buffer the moment it gets it. What is put in its
place here is all that differs; libcamera, picamera2 and maskcam are as they are shipped.
"""

from __future__ import annotations

import mmap
import queue
import sys
import threading
import time
from typing import Any
from unittest.mock import MagicMock

import numpy as np

# Imported by picamera2, for windows on a screen and for raw pictures; neither is used.
unused = {name: MagicMock(name=name) for name in ("pykms", "pidng", "pidng.camdefs", "pidng.core")}
unused["pidng.camdefs"].Picamera2Camera = unused["pidng.core"].PICAM2DNG = object
sys.modules.update(unused)

import libcamera  # noqa: E402
import picamera2  # noqa: E402
import picamera2.dma_heap  # noqa: E402
from picamera2.allocators import DmaAllocator  # noqa: E402

# The only heap of a plain kernel.
picamera2.dma_heap.heapNames.append("/dev/dma_heap/system")


class TwoPlanes(DmaAllocator):
    """picamera2's allocator, with the two planes of NV12 in each buffer; and the ISP.

    picamera2 describes a buffer as one plane; the virtual handler writes to `planes[1]`.
    """

    def allocate(self, libcamera_config, use_case):
        assert not self.frame_buffers, "the unit configures its camera once"
        for stream_config in libcamera_config:
            luma = stream_config.stride * stream_config.size.height
            made = []
            for number in range(stream_config.buffer_count):
                fd = self.dmaHeap.alloc(f"test-{number}", stream_config.frame_size).get()
                planes = [libcamera.FrameBuffer.Plane() for _ in range(2)]
                for plane, offset, length in zip(
                    planes, (0, luma), (luma, stream_config.frame_size - luma), strict=True
                ):
                    plane.fd, plane.offset, plane.length = fd, offset, length
                self.open_fds.append(fd)
                made.append(libcamera.FrameBuffer(planes))
                used = made[-1].planes[0].fd
                self.libcamera_fds.append(used)
                self.mapped_buffers_used[used] = False
                self.mapped_buffers[made[-1]] = mmap.mmap(fd, stream_config.frame_size)
            self.frame_buffers[stream_config.stream] = made

    def acquire(self, buffers):
        """A frame is complete: gives its colours the order of YUV420, as the Pi's ISP would."""
        super().acquire(buffers)
        for buffer in buffers.values():
            memory = np.frombuffer(self.mapped_buffers[buffer], np.uint8)
            colours = memory[buffer.planes[1].offset :]
            colours[:] = np.concatenate([colours[0::2], colours[1::2]])


class Sensor:
    """A libcamera camera that fills one buffer each frame interval.

    The virtual handler knows no time: it would show the whole street in a second.

    begin_s: what the machine's clock shows at the first frame, in UTC; None: what it shows.
    """

    begin_s: float | None = None

    def __init__(self, camera):
        self._camera = camera
        self._waiting: queue.Queue[Any] = queue.Queue()
        self._stopping = threading.Event()
        self.exposes = threading.Event()  # cleared by a test: the sensor pauses
        self.exposes.set()
        self.frames = self.missed = 0
        self.interval_s = 0.0

    def __getattr__(self, name):
        return getattr(self._camera, name)

    def start(self, controls):
        (limits,) = [value for key, value in controls.items() if key.name == "FrameDurationLimits"]
        self.interval_s = limits[0] / 1e6
        self._camera.start(controls)
        if self.begin_s is not None:
            time.clock_settime(time.CLOCK_REALTIME, self.begin_s)
        self._thread = threading.Thread(target=self._expose, name="sensor", daemon=True)
        self._thread.start()

    def queue_request(self, request):
        self._waiting.put(request)

    def stop(self):
        self._stopping.set()
        self._thread.join()
        self._camera.stop()

    def _expose(self):
        due_s = time.monotonic()
        while not self._stopping.is_set():
            due_s += self.interval_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            self.exposes.wait()
            try:
                self._camera.queue_request(self._waiting.get_nowait())
                self.frames += 1
            except queue.Empty:
                self.missed += 1


class VirtualPicamera2(picamera2.Picamera2):
    """Picamera2 over the above."""

    camera: Any
    opened: VirtualPicamera2 | None = None

    def __init__(self, camera_num=0, *, tuning=None):
        super().__init__(camera_num, tuning=tuning, allocator=TwoPlanes())
        self.tuning = tuning
        self.camera = self.sensor = Sensor(self.camera)
        type(self).opened = self

    def _get_raw_modes(self):
        return [{"format": "SRGGB10", "size": (1280, 720)}]  # the handler answers None

    def configure_(self, camera_config):
        super().configure_(camera_config)
        for stream in ("main", "lores"):  # what the ISP above makes of it
            assert self.camera_config[stream]["format"] == "NV12"
            self.camera_config[stream]["format"] = "YUV420"


def install():
    """Puts them in the place of picamera2's own class; returns libcamera's list of cameras.

    The virtual handler reads all its pictures when libcamera starts, which takes longer
    than the unit waits for a camera to open: so libcamera is started here, and kept.
    """
    picamera2.Picamera2 = VirtualPicamera2
    return VirtualPicamera2._cm.cms
