"""The live loop: every frame to the head-shake stage, the newest to the detector."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from maskcam.camera.base import Camera
from maskcam.errors import CameraError, CameraStalledError, InferenceStalledError
from maskcam.records import Frame, MinuteCount
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.lamp_codes import Fault
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.timekeeper import Timekeeper
from maskcam.unit.vitals import Hourly, vitals
from maskcam.unit.watchdog import Watchdog, notify

_log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
CAMERA_STALLED_S = 3.0
INFERENCE_STALLED_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The lamp and the button on the pole, as the loop uses them; by itself there is neither.

    show_fault: shows the technician what is wrong, once a second.
    other_fault: returns what is wrong outside of the loop.
    is_pausing: returns whether nobody may be counted because the button was pressed.
    """

    show_fault: Callable[[Fault | None], None] = lambda fault: None
    other_fault: Callable[[], Fault | None] = lambda: None
    is_pausing: Callable[[], bool] = lambda: False


class Loop:
    """Drives a pipeline from a live camera until it is asked to stop.

    One thread reads frames and keeps all that is known of people; another runs
    the detector. Neither waits for the other: what is too slow drops frames.

    Args:
        camera: open; gives the frames.
        worker: runs the detector; the loop starts and ends it.
        pipeline: counts.
        deliver: takes each count that is due; must not block.
        timekeeper: knows UTC, and when people may be counted.
        panel: the lamp and the button.
        on_frame: called after each frame with its time, for a progress line.
    """

    def __init__(
        self,
        *,
        camera: Camera,
        worker: DetectionWorker,
        pipeline: Pipeline,
        deliver: Callable[[MinuteCount], object],
        timekeeper: Timekeeper,
        panel: Panel | None = None,
        on_frame: Callable[[float], None] = lambda at_s: None,
    ) -> None:
        self._camera = camera
        self._worker = worker
        self._pipeline = pipeline
        self._deliver = deliver
        self._timekeeper = timekeeper
        self._panel = panel or Panel()
        self._on_frame = on_frame
        self._watchdog = Watchdog(
            limits_s={"frame": CAMERA_STALLED_S, "inference": INFERENCE_STALLED_S}
        )
        self._has_seen = self._has_counted = False
        self._vitals = Hourly()

    def run(self, stop: threading.Event) -> None:
        """Counts until `stop` is set or the camera ends; then publishes what is over of the hour.

        Raises:
            CameraStalledError: frames stopped coming.
            InferenceStalledError: an inference failed or hangs.
        """
        try:
            with self._worker:
                notify("READY=1")
                while not stop.is_set():
                    frame = self._next_frame(stop)
                    if frame is None:
                        break
                    self._process(frame)
        finally:
            # What was counted is published even if the camera or the accelerator died.
            notify("STOPPING=1")
            self._publish(self._pipeline.finish())

    def _next_frame(self, stop: threading.Event) -> Frame | None:
        began_s = self._timekeeper.now_s()
        while not stop.is_set():
            try:
                return self._camera.read(timeout_s=READ_TIMEOUT_S)
            except CameraError as error:
                if self._timekeeper.now_s() - began_s >= CAMERA_STALLED_S:
                    raise CameraStalledError(
                        f"no frame for {CAMERA_STALLED_S:g} s ({error}); check the camera's cable"
                    ) from error
                stop.wait(0.05)
        return None

    def _process(self, frame: Frame) -> None:
        at_s = frame.captured_at_s
        now_s = self._timekeeper.now_s()
        if self._timekeeper.read(now_s):
            self._panel.show_fault(self._fault())
            if self._vitals.due(now_s):
                _log.info("%s", vitals())
        if self._timekeeper.is_open:
            self._worker.offer(frame, objecting=self._pipeline.objecting(at_s))
        for result in self._worker.take():
            self._pipeline.update_detections(result.detections, result.captured_at_s)
        if self._worker.busy_s() > INFERENCE_STALLED_S:
            raise InferenceStalledError(
                f"an inference has not ended for {INFERENCE_STALLED_S:g} s; "
                "check the accelerator's cable and power"
            )
        pausing = self._panel.is_pausing()
        if pausing:
            self._pipeline.exclude_everybody()
        self._pipeline.process_frame(frame, may_count=self._timekeeper.is_open and not pausing)
        self._report_start()
        self._publish(self._pipeline.take_counts(self._timekeeper.utc_s(at_s)))
        self._watchdog.alive("frame", at_s=now_s)
        self._watchdog.alive("inference", at_s=now_s - self._worker.busy_s())
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
            may_tell = self._timekeeper.may_tell_of(count.start)
            self._deliver(count if may_tell else count.unobserved())

    def _fault(self) -> Fault | None:
        if not self._timekeeper.knows_utc:
            return Fault.CLOCK
        if self._timekeeper.is_open and not self._pipeline.sees and not self._panel.is_pausing():
            return Fault.PICTURE
        return self._panel.other_fault()

    def _status(self) -> str:
        if not self._timekeeper.is_open:
            return f"not counting: {self._timekeeper.closed_because}"
        if self._panel.is_pausing():
            return "not counting: the button was pressed"
        if not self._pipeline.sees:
            return "not counting: a head shake could not be seen (frame rate, light or focus)"
        if not self._pipeline.observing:
            return "counting begins with the next whole minute"
        waits = "" if self._timekeeper.knows_utc else "; windows wait for the clock"
        return f"counting{waits}"
