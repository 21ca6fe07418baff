"""One line on a terminal that shows how far long work has come; no persons in it."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Rewrites its line on a terminal; elsewhere it writes a line a minute.

    Args:
        every_s: of the time that is shown, on a terminal.
        stream: where to.
    """

    def __init__(self, *, every_s: float = 1.0, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._every_s = every_s if self._rewrites else 60.0
        self._next_s = 0.0
        self._frames = 0
        self._since_s = time.monotonic()

    def show(self, at_s: float, in_view: int) -> None:
        """Shows the time reached, people in view as a number, and frames per second."""
        self._frames += 1
        if at_s < self._next_s:
            return
        now_s = time.monotonic()
        rate = self._frames / max(now_s - self._since_s, 1e-9)
        self._frames, self._since_s = 0, now_s
        self._next_s = at_s + self._every_s
        minutes, seconds = divmod(int(at_s), 60)
        line = f"{minutes:4d}:{seconds:02d}  {in_view:3d} in view  {rate:5.1f} frames/s"
        self._stream.write(f"\r{line} " if self._rewrites else f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leaves the line."""
        if self._rewrites:
            self._stream.write("\n")
            self._stream.flush()
