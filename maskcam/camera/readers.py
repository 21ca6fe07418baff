"""How the frames of a source are handed out: each one, each at its time, or the newest."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from maskcam.camera.ffmpeg import DecodedFrame
from maskcam.camera.stamps import GAP_S, ArrivalClock, CountingClock, StreamClock
from maskcam.errors import CameraError, CameraStalledError

_log = logging.getLogger(__name__)

Timed = tuple[float, NDArray[np.uint8]]
"""Time in s and BGR frame."""

_STOP_TIMEOUT_S = 2.0
_LONGEST_PAUSE_S: Final = 2.5  # of a film that runs in real time; tracks end in it
_LATE_S: Final = 0.04  # so late a frame of such a film is left out
_REOPEN_S: Final = 0.5
_REPORT_EVERY_S: Final = 600.0


class Source(Protocol):
    """What gives decoded frames one after the other; used by one thread only."""

    skipped: int
    bad_in_a_row: int
    damaged: int
    damaged_in_a_row: int

    def read(self) -> DecodedFrame | None:
        """Returns the next frame; None at the end, or where the connection broke."""
        ...

    def close(self) -> None:
        """Gives the source back."""
        ...


class Film(Source, Protocol):
    """What gives the frames of a film, and knows what of its file could not be read."""

    unread: int

    @property
    def missing_s(self) -> float:
        """By how much in s a damaged film is shorter than its header says, at its end."""
        ...


class FileReader:
    """Gives every frame of a film.

    Args:
        source: the open film.
        first: its first frame.
        name: of the film, for messages.
        clock: places its frames in time.
        length_if_cut: asked at the end; returns the film's length in s by its header if there
            is evidence that it was cut, else None.
    """

    def __init__(
        self,
        source: Film,
        first: DecodedFrame,
        name: str,
        *,
        clock: StreamClock | CountingClock,
        length_if_cut: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._source = source
        self._first: DecodedFrame | None = first
        self._name = name
        self._clock = clock
        self._length_if_cut = length_if_cut
        self._at_s = 0.0
        self._untimed = 0
        self._missing_s = 0.0
        self._is_reported = False
        self._gaps_s: list[float] = []
        self._ended = False

    def read(self, timeout_s: float) -> Timed | None:
        """Returns the next frame with the film's time; None at the end.

        Raises:
            CameraError: the end is missing.
        """
        del timeout_s
        while not self._ended and (frame := self._next_frame()) is not None:
            at_s = self._clock.time_of(frame.own_s)
            if at_s is not None:
                if at_s - self._at_s > GAP_S:
                    self._gaps_s.append(at_s - self._at_s)
                self._at_s = at_s
                return at_s, frame.bgr
            self._untimed += 1
        if not self._ended:
            self._ended = True
            length_s = self._length_if_cut()
            if length_s is not None:
                raise CameraError(self._break_off(length_s))
            self._missing_s = self._source.missing_s
        return None

    def _break_off(self, length_s: float) -> str:
        """Returns the one line that says of a cut film what of it is missing."""
        self._is_reported = True
        # What is broken at the end is the end.
        self._source.skipped -= self._source.bad_in_a_row
        self._source.damaged -= self._source.damaged_in_a_row
        of = f" of {length_s:.1f} s" if length_s > self._at_s else ""
        faults = [f"{self._name}: breaks off at {self._at_s:.1f} s{of}", *self._faults()]
        return "; ".join([*faults, "copy it again"])

    def _next_frame(self) -> DecodedFrame | None:
        first, self._first = self._first, None
        return first or self._source.read()

    def close(self) -> bool:
        """Closes the film, and reports in one line what of it was left out or is damaged."""
        self._source.close()
        faults = [] if self._is_reported else self._faults()
        if faults:
            _log.warning("%s: %s", self._name, "; ".join(faults))
        return True

    def _faults(self) -> list[str]:
        left_out = [
            f"{_counted(number, unit)} {what}"
            for number, unit, what in (
                (self._source.unread, "spot", "of the file could not be read"),
                (self._source.skipped, "frame", "could not be decoded"),
                (self._untimed, "frame", "had no time after the one before"),
                (len(self._gaps_s), "gap", f"between frames, {sum(self._gaps_s):.1f} s"),
            )
            if number
        ]
        if self._missing_s:
            left_out.append(f"{self._missing_s:.1f} s fewer than its header says")
        faults = [f"left out: {'; '.join(left_out)}"] if left_out else []
        if damaged := self._source.damaged:
            frames = _counted(damaged, "frame")
            faults.append(f"damaged: about {frames}, in which people may be missed")
        return faults


class PacedReader(FileReader):
    """Gives the frames of a film at their time on the monotonic clock.

    Frames that are late are left out. Pauses of the film are cut short to 2.5 s.
    """

    _begin_s: float | None = None
    _last_s = 0.0
    _next: Timed | None = None

    def read(self, timeout_s: float) -> Timed | None:
        """Returns the next frame that is not late, with its monotonic time; None at the end.

        Raises:
            CameraError: it is not due within `timeout_s`, or the film's end is missing.
        """
        if self._next is None:
            self._next = self._next_due(timeout_s)
        if self._next is None:
            return None
        wait_s = self._next[0] - monotonic()
        if wait_s > timeout_s:
            sleep(timeout_s)
            raise CameraError(f"{self._name}: no frame for {timeout_s:g} s; it has a gap there")
        if wait_s > 0:
            sleep(wait_s)
        due, self._next = self._next, None
        return due

    def _next_due(self, timeout_s: float) -> Timed | None:
        now_s = monotonic()
        while (found := super().read(timeout_s)) is not None:
            at_s, bgr = found
            if self._begin_s is None:
                self._begin_s = now_s - at_s
            elif at_s - self._last_s > _LONGEST_PAUSE_S:
                self._begin_s -= at_s - self._last_s - _LONGEST_PAUSE_S
            self._last_s = at_s
            if at_s + self._begin_s >= now_s - _LATE_S:
                return at_s + self._begin_s, bgr
        return None


class LiveReader:
    """Keeps the newest frame of a device or stream, so that none waits in a queue.

    Only its thread touches the source. A connection that breaks is opened again, for as
    long as the reader is asked for frames: how long nobody may see is not decided here.

    Args:
        source: open, and known to give frames.
        first: its first frame.
        name: of the source, for messages.
        reopen: opens it again; None: the first break is its end.
    """

    def __init__(
        self,
        source: Source,
        first: DecodedFrame,
        name: str,
        reopen: Callable[[], Source] | None = None,
    ) -> None:
        self._source: Source | None = source
        self._name = name
        self._reopen = reopen
        self._clock = ArrivalClock()
        self._changed = threading.Condition()
        self._newest: Timed | None = None
        self._ended = self._opening = False
        self._stop = threading.Event()
        self._skipped = self._damaged = 0
        self._reported_at_s = -_REPORT_EVERY_S
        self._put(first)
        self._thread = threading.Thread(target=self._run, name="video-reader", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Timed:
        """Returns the newest frame with its monotonic time; each one once.

        Raises:
            CameraStalledError: none came within `timeout_s`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._ended, timeout_s)
            newest, self._newest = self._newest, None
            if newest is None:
                why = "stopped" if self._ended else f"gave no frame for {timeout_s:g} s"
                raise CameraStalledError(f"{self._name}: {why}; check cable, power and network")
            return newest

    def close(self) -> bool:
        """Ends the thread; returns whether it did, or holds nothing but waits for an answer."""
        self._stop.set()
        self._thread.join(_STOP_TIMEOUT_S)
        return self._opening or not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._source is None:
                if self._reopen is None:
                    break
                self._opening = True
                try:
                    self._source = self._reopen()
                except CameraError:
                    self._stop.wait(_REOPEN_S)
                    continue
                finally:
                    self._opening = False
            frame = self._source.read()
            self._report(self._source)
            if frame is None:
                self._close_source()
            else:
                self._put(frame)
        self._close_source()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, frame: DecodedFrame) -> None:
        at_s = self._clock.time_of(frame.own_s, monotonic())
        if at_s is not None:
            with self._changed:
                self._newest = at_s, frame.bgr
                self._changed.notify_all()

    def _report(self, source: Source) -> None:
        """Writes how many frames are bad: the first at once, then every ten minutes."""
        self._skipped += source.skipped
        self._damaged += source.damaged
        source.skipped = source.damaged = 0
        if monotonic() - self._reported_at_s < _REPORT_EVERY_S:
            return
        counted = ((self._skipped, "could not be decoded"), (self._damaged, "may be damaged"))
        faults = [f"{_counted(number, 'frame')} {what}" for number, what in counted if number]
        if faults:
            _log.warning("%s: %s", self._name, "; ".join(faults))
            self._skipped, self._damaged, self._reported_at_s = 0, 0, monotonic()

    def _close_source(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()


def _counted(number: int, unit: str) -> str:
    return f"1 {unit}" if number == 1 else f"{number} {unit}s"
