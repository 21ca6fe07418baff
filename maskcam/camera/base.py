"""What every camera offers, so that the rest never knows which one is there."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from maskcam.records import Frame


class Camera(Protocol):
    """A source of frames; a context manager that opens and closes it.

    size: width and height of `Frame.luma` in px.
    rgb_size: width and height of `Frame.rgb` in px: the same field of view,
        scaled to fit, its aspect kept and never padded.
    """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the luma image in px."""
        ...

    @property
    def rgb_size(self) -> tuple[int, int]:
        """Width and height of the detector's image in px."""
        ...

    def __enter__(self) -> Self:
        """Opens the source.

        Raises:
            CameraError: the source is missing or cannot be opened.
        """
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Gives the source back; safe after any error."""
        ...

    def read(self, *, timeout_s: float) -> Frame | None:
        """Returns the newest frame, or None when the source has ended for good.

        The arrays of the frame are valid until the next call.

        Raises:
            CameraError: no frame came within `timeout_s`, or the source broke.
        """
        ...


def fitted(size: tuple[int, int], into: tuple[int, int]) -> tuple[int, int]:
    """Returns the largest size of the aspect of `size` that lies within `into`, in px."""
    scale = min(into[0] / size[0], into[1] / size[1])
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
