"""Opens the camera that the configuration names."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from maskcam.camera.base import Camera
from maskcam.camera.zones import ExclusionZones
from maskcam.config import CameraSection
from maskcam.records import Frame


def camera_for(section: CameraSection, *, rgb_size: tuple[int, int]) -> Camera:
    """Returns the camera, not yet open; excluded zones are blank in all that it gives.

    Args:
        section: the configuration.
        rgb_size: size in px into which the detector's picture is fitted.
    """
    camera = _source(section, rgb_size)
    return _Zoned(camera, section) if section.exclusion_zones else camera


def _source(section: CameraSection, rgb_size: tuple[int, int]) -> Camera:
    size = section.width, section.height
    if section.source == "picamera2":
        from maskcam.camera.picamera2 import Picamera2Camera

        return Picamera2Camera(
            rgb_size=rgb_size,
            size=size,
            fps=section.fps,
            max_exposure_s=section.max_exposure_ms / 1000,
        )
    from maskcam.camera.video import VideoCamera

    return VideoCamera(section.source, rgb_size=rgb_size, size=size, fps=section.fps, paced=True)


class _Zoned:
    """A camera whose excluded zones nobody ever sees."""

    def __init__(self, camera: Camera, section: CameraSection) -> None:
        self._camera = camera
        self._zones = ExclusionZones(section.exclusion_zones)

    @property
    def size(self) -> tuple[int, int]:
        return self._camera.size

    @property
    def rgb_size(self) -> tuple[int, int]:
        return self._camera.rgb_size

    def __enter__(self) -> Self:
        self._camera.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._camera.__exit__(kind, error, trace)

    def read(self, *, timeout_s: float) -> Frame | None:
        frame = self._camera.read(timeout_s=timeout_s)
        if frame is not None:
            self._zones.blank(frame)
        return frame
