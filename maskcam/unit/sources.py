"""Opens the camera that the configuration names."""

from __future__ import annotations

from maskcam.camera.base import Camera
from maskcam.camera.wrapper import CameraWrapper
from maskcam.camera.zones import ExclusionZones
from maskcam.config import CameraSection
from maskcam.records import Frame


def camera_for(section: CameraSection, *, rgb_size: tuple[int, int]) -> Camera:
    """Returns the camera, not yet open; excluded zones are blank in all that it gives.

    Args:
        section: the configuration.
        rgb_size: size in px into which the detector's frame is fitted.
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


class _Zoned(CameraWrapper):
    """A camera whose excluded zones nobody ever sees."""

    def __init__(self, camera: Camera, section: CameraSection) -> None:
        super().__init__(camera)
        self._zones = ExclusionZones(section.exclusion_zones)

    def read(self, *, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s=timeout_s)
        if frame is not None:
            self._zones.blank(frame)
        return frame
