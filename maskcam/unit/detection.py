"""Runs the detector at its own pace, on the newest frame only."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self, TypeVar

from maskcam.errors import InferenceStalledError, MaskcamError
from maskcam.records import Box, Detection, Frame

_log = logging.getLogger(__name__)
_JOIN_S = 1.0
_FOLLOWS_WITHIN_S = 0.5  # the next frame, while people may be counted

_Answer = TypeVar("_Answer")


class Detects(Protocol):
    """What finds faces in a frame: `maskcam.vision.detector.Detector`, or a fake."""

    def detect(self, frame: Frame, *, objecting: Sequence[Box] = ()) -> list[Detection]:
        """Returns the faces in a frame; how the masks of who is `objecting` sit is not judged."""
        ...

    def forget(self) -> None:
        """Overwrites what is still held of the last frame."""
        ...


class Detected(NamedTuple):
    """The detector's answer for the frame captured at `captured_at_s`."""

    captured_at_s: float
    detections: list[Detection]


class DetectionWorker:
    """A thread with room for one waiting frame: a newer one replaces it.

    Nothing is ever queued, so a slow detector drops frames and memory stays
    bounded. The frame is copied, since a frame is valid only until the next. Where none
    follows, as outside of the operating hours, the detector forgets the last one.

    Args:
        detector: what finds faces.
        renew: mends the detector after an inference failed, so that the next one may
            do better; None: the first failure is the end.
    """

    def __init__(self, detector: Detects, *, renew: Callable[[], None] | None = None) -> None:
        self._detector = detector
        self._renew = renew
        self._renewals = 0
        self._renewed = False  # since the last inference that went well
        self._changed = threading.Condition()
        self._waiting: tuple[Frame, Sequence[Box]] | None = None
        self._results: list[Detected] = []
        self._failure: Exception | None = None
        self._stopping = False
        self._busy_since_s: float | None = None
        self._thread = threading.Thread(target=self._work, name="detection", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(_JOIN_S)
        if self._thread.is_alive() and error is None:
            raise InferenceStalledError(
                "the detector did not stop; the accelerator hangs: restart the unit"
            )

    def offer(self, frame: Frame, *, objecting: Sequence[Box] = ()) -> None:
        """Leaves a copy of the frame for the detector; see `Detects.detect`."""
        with self._changed:
            self._waiting = frame.copy(), objecting
            self._changed.notify()

    def take(self) -> list[Detected]:
        """Returns the answers since the last call, oldest first.

        Raises:
            InferenceStalledError: an inference failed.
        """
        with self._changed:
            if self._failure is not None:
                raise InferenceStalledError(
                    f"inference failed ({_reason(self._failure)}); check the accelerator's cable "
                    "and power"
                ) from self._failure
            results, self._results = self._results, []
        return results

    def busy_s(self) -> float:
        """Returns for how long the inference under way has run; 0 when idle."""
        with self._changed:
            since = self._busy_since_s
        return 0.0 if since is None else time.monotonic() - since

    def _work(self) -> None:
        holds_frame = False
        while True:
            with self._changed:
                self._busy_since_s = None
                self._changed.wait_for(
                    lambda: self._stopping or self._waiting is not None,
                    timeout=_FOLLOWS_WITHIN_S if holds_frame else None,
                )
                if self._stopping:
                    return
                waiting, self._waiting = self._waiting, None
                self._busy_since_s = time.monotonic()
            try:
                if waiting is None:
                    self._mending(self._detector.forget)
                else:
                    self._look(*waiting)
            except Exception as error:  # noqa: BLE001 - handed to the loop, which ends the process
                with self._changed:
                    self._failure = error
                    return
            holds_frame = waiting is not None
            del waiting  # there may be no next one for hours

    def _look(self, frame: Frame, objecting: Sequence[Box]) -> None:
        detections = self._mending(lambda: self._detector.detect(frame, objecting=objecting))
        if detections is not None:
            with self._changed:
                self._results.append(Detected(frame.captured_at_s, detections))

    def _mending(self, infer: Callable[[], _Answer]) -> _Answer | None:
        """Returns the detector's answer, or None if it failed and was mended."""
        try:
            answer = infer()
        except Exception as error:
            if self._renew is None or self._renewed:
                raise
            self._renewed = True
            self._renewals += 1
            _log.warning(
                "accelerator: an inference failed (%s): a new interpreter (%d since the start)",
                _reason(error),
                self._renewals,
            )
            self._renew()
            return None
        self._renewed = False
        return answer


def _reason(error: Exception) -> str:
    """Returns what may be logged: the text of a foreign error may hold what is of a person."""
    return str(error) if isinstance(error, MaskcamError) else type(error).__name__
