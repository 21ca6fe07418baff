"""A camera around another one, which hands all on as it is."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from maskcam.camera.base import Camera
from maskcam.records import Frame


class CameraWrapper:
    """Gives the frames of another camera, and opens and closes it; made to be derived from."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the luma plane in px."""
        return self._camera.size

    @property
    def rgb_size(self) -> tuple[int, int]:
        """Width and height in px of what the detector sees."""
        return self._camera.rgb_size

    def __enter__(self) -> Self:
        """Opens the camera."""
        self._camera.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it."""
        self._camera.__exit__(kind, error, trace)

    def read(self, *, timeout_s: float) -> Frame | None:
        """Returns the next frame; None at the end."""
        return self._camera.read(timeout_s=timeout_s)
