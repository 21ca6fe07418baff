"""One line on a terminal that tells how far long work has come; no persons in it."""

from __future__ import annotations

import sys
from typing import TextIO


class Progress:
    """Rewrites its line at most so often; silent where nobody would see it.

    Args:
        every_s: of the time that is shown.
        stream: a terminal.
    """

    def __init__(self, *, every_s: float = 1.0, stream: TextIO = sys.stderr) -> None:
        self._every_s = every_s
        self._stream = stream
        self._next_s = 0.0

    def show(self, at_s: float, in_view: int, *, fps: float | None = None) -> None:
        """Shows the time reached, people in view as a number, and the frame rate."""
        if at_s < self._next_s:
            return
        self._next_s = at_s + self._every_s
        rate = "" if fps is None else f", {fps:5.1f} frames/s"
        minutes, seconds = divmod(int(at_s), 60)
        self._stream.write(f"\r{minutes:4d}:{seconds:02d}  {in_view:3d} in view{rate} ")
        self._stream.flush()

    def end(self) -> None:
        """Leaves the line."""
        self._stream.write("\n")
        self._stream.flush()
