"""The live loop: every frame to the head-shake stage, the newest to the detector."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from maskcam.camera.base import Camera
from maskcam.errors import CameraError, CameraStalledError, InferenceStalledError
from maskcam.records import Frame, MinuteCount
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker, Detects
from maskcam.unit.lamp_codes import Fault
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.schedule import Schedule
from maskcam.unit.vitals import Hourly, vitals
from maskcam.unit.watchdog import Watchdog, notify

_log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
CAMERA_STALLED_S = 3.0
INFERENCE_STALLED_S = 10.0
_CLOCK_EVERY_S = 1.0
_CAMERA_BELIEVED_S = 5.0  # a busy machine may be so late with a frame


class Loop:
    """Drives a pipeline from a live camera until it is asked to stop.

    One thread reads frames and keeps all that is known of people; another runs
    the detector. Neither waits for the other: what is too slow drops frames.

    Args:
        deliver: takes each count that is due; must not block.
        clock: knows UTC once it can be believed.
        schedule: when people may be counted.
        renew_detector: mends the detector after an inference failed.
        on_frame: called after each frame, for a progress line.
        show_fault: shows the technician what is wrong, once a second.
        trouble: says what is wrong outside of this loop.
        is_pausing: whether nobody may be counted because the button was pressed.
    """

    def __init__(
        self,
        *,
        camera: Camera,
        detector: Detects,
        pipeline: Pipeline,
        deliver: Callable[[MinuteCount], object],
        clock: SystemClock,
        schedule: Schedule,
        renew_detector: Callable[[], None] | None = None,
        on_frame: Callable[[float], None] = lambda at_s: None,
        show_fault: Callable[[Fault | None], None] = lambda fault: None,
        trouble: Callable[[], Fault | None] = lambda: None,
        is_pausing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._camera = camera
        self._detector = detector
        self._pipeline = pipeline
        self._deliver = deliver
        self._clock = clock
        self._schedule = schedule
        self._renew_detector = renew_detector
        self._on_frame = on_frame
        self._show_fault = show_fault
        self._trouble = trouble
        self._is_pausing = is_pausing
        self._watchdog = Watchdog(
            limits_s={"frame": CAMERA_STALLED_S, "inference": INFERENCE_STALLED_S}
        )
        self._offset_s: float | None = None
        self._open = False
        self._closed_because: str | None = None
        self._has_seen = self._has_counted = False
        self._vitals = Hourly()
        self._clock_read_at_s = -_CLOCK_EVERY_S

    def run(self, stop: threading.Event) -> None:
        """Counts until `stop` is set or the camera ends; then publishes what is over of the hour.

        Raises:
            CameraStalledError: frames stopped coming.
            InferenceStalledError: an inference failed or hangs.
        """
        try:
            with DetectionWorker(self._detector, renew=self._renew_detector) as worker:
                notify("READY=1")
                while not stop.is_set():
                    frame = self._next_frame(stop)
                    if frame is None:
                        break
                    self._process(frame, worker)
        finally:
            # What was counted is published even if the camera or the accelerator died.
            notify("STOPPING=1")
            self._publish(self._pipeline.finish())

    def _next_frame(self, stop: threading.Event) -> Frame | None:
        began_s = time.monotonic()
        while not stop.is_set():
            try:
                return self._camera.read(timeout_s=READ_TIMEOUT_S)
            except CameraError as error:
                if time.monotonic() - began_s >= CAMERA_STALLED_S:
                    raise CameraStalledError(
                        f"no frame for {CAMERA_STALLED_S:g} s ({error}); check the camera's cable"
                    ) from error
                stop.wait(0.05)
        return None

    def _process(self, frame: Frame, worker: DetectionWorker) -> None:
        at_s = frame.captured_at_s
        now_s = time.monotonic()
        if self._read_clock(now_s):
            self._show_fault(self._fault())
            if self._vitals.due(now_s):
                _log.info("%s", vitals())
        if self._open:
            worker.offer(frame, objecting=self._pipeline.objecting(at_s))
        for result in worker.take():
            self._pipeline.update_detections(result.detections, result.captured_at_s)
        if worker.busy_s() > INFERENCE_STALLED_S:
            raise InferenceStalledError(
                f"an inference has not ended for {INFERENCE_STALLED_S:g} s; "
                "check the accelerator's cable and power"
            )
        pausing = self._is_pausing()
        if pausing:
            self._pipeline.exclude_everybody()
        self._pipeline.process_frame(frame, may_count=self._open and not pausing)
        self._report_start()
        self._publish(self._pipeline.take_counts(self._utc_s(at_s)))
        self._watchdog.alive("frame", at_s=now_s)
        self._watchdog.alive("inference", at_s=now_s - worker.busy_s())
        self._watchdog.feed(at_s=now_s, status=self._status())
        self._on_frame(at_s)

    def _report_start(self) -> None:
        """Logs once each how far the unit has come."""
        if self._pipeline.sees and not self._has_seen:
            self._has_seen = True
            _log.info("the unit sees; counting begins with the next whole minute")
        if self._pipeline.observing and not self._has_counted:
            self._has_counted = True
            _log.info("the first frame is counted")

    def _publish(self, counts: list[MinuteCount]) -> None:
        for count in counts:
            self._deliver(count)

    def _utc_s(self, at_s: float) -> float | None:
        """Returns UTC at the time of a frame; where a camera's own time is wrong, UTC now."""
        now_s = time.monotonic()
        believed_s = at_s if abs(now_s - at_s) < _CAMERA_BELIEVED_S else now_s
        return None if self._offset_s is None else believed_s + self._offset_s

    def _read_clock(self, now_s: float) -> bool:
        """Asks once a second for UTC, and whether the hours allow counting; True if it did."""
        if now_s - self._clock_read_at_s < _CLOCK_EVERY_S:
            return False
        self._clock_read_at_s = now_s
        offset_s = self._clock.utc_offset_s()
        if offset_s is not None and self._offset_s is None:
            _log.info("the clock is synchronised: windows can be published")
        self._offset_s = offset_s
        now = None if offset_s is None else datetime.fromtimestamp(now_s + offset_s, UTC)
        closed_because = self._schedule.why_closed(now)
        if closed_because != self._closed_because:
            _log.info(
                "%s", f"nobody is counted: {closed_because}" if closed_because else "counting"
            )
        self._closed_because, self._open = closed_because, not closed_because
        return True

    def _fault(self) -> Fault | None:
        if self._offset_s is None:
            return Fault.CLOCK
        if self._open and not self._pipeline.sees and not self._is_pausing():
            return Fault.PICTURE
        return self._trouble()

    def _status(self) -> str:
        if not self._open:
            return f"not counting: {self._closed_because}"
        if self._is_pausing():
            return "not counting: the button was pressed"
        if not self._pipeline.sees:
            return "not counting: a head shake could not be seen (frame rate, light or focus)"
        if not self._pipeline.observing:
            return "counting begins with the next whole minute"
        waits = "" if self._offset_s is not None else "; windows wait for the clock"
        return f"counting{waits}"
