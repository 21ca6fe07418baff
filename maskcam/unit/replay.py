"""Runs the whole chain on a recorded file, as fast as it can, on the file's own time."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

from maskcam.camera.base import Camera
from maskcam.camera.video import VideoCamera
from maskcam.errors import CameraError
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import Frame, MaskState, MinuteCount
from maskcam.unit.detection import Detects
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.progress import Progress
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.models import load_model

_TIMEOUT_S = 10.0


def replay(
    video: Path,
    *,
    start: datetime,
    rules: WindowRules,
    detect_fps: float | None = None,
    film_fps: float | None = None,
    model: Path | None = None,
    threads: int = 2,
    progress: bool = False,
) -> Iterator[MinuteCount]:
    """Yields the windows and hours that a unit would publish for a recorded street.

    Every frame goes through both pixel stages, so the same file gives the same exact
    counts on any machine. Its beginning and end are no start and stop of a unit.

    Args:
        video: a file that FFmpeg can read.
        start: UTC of the first frame.
        rules: which windows, and how much noise.
        detect_fps: runs the detector no more often, as on a slower machine.
        film_fps: frames per second, for a film that has no time of its own.
        model: a model other than our own.
        threads: CPU threads of the detector.
        progress: writes the time reached to the standard error.

    Raises:
        CameraError: the file is missing, no video or breaks off; what was counted
            before a break has been yielded.
        ModelError: the model is missing or unfit.
    """
    loaded = load_model(model=model, threads=threads)
    with VideoCamera(str(video), rgb_size=loaded.input_size, film_fps=film_fps) as camera:
        yield from count_frames(
            camera,
            loaded.detector(),
            start=start,
            rules=rules,
            high_score=loaded.high_score,
            face_in_view=loaded.face_in_view,
            detect_fps=detect_fps,
            progress=Progress(every_s=5.0) if progress else None,
        )


def recording_counts(rules: WindowRules, *, started_at_s: float) -> MinuteCounts:
    """Returns what counts a recording."""
    return MinuteCounts(
        started_at_s=started_at_s,
        rules=rules,
        next_run=count(1).__next__,
        random_below=secrets.randbelow,
        recording=True,
    )


def recording_pipeline(
    frame_size: tuple[int, int],
    counts: MinuteCounts,
    started_at_s: float,
    *,
    high_score: float,
    face_in_view: FaceInView,
) -> Pipeline:
    """Returns a pipeline for a recording; for the arguments see `Pipeline`."""
    return Pipeline(
        frame_size=frame_size,
        counts=counts,
        started_at_s=started_at_s,
        high_score=high_score,
        face_in_view=face_in_view,
        recording=True,
    )


class _Frames:
    """The frames of an open camera until it ends or breaks off; `broken` then says why."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self.broken: CameraError | None = None

    def __iter__(self) -> Iterator[Frame]:
        try:
            while (frame := self._camera.read(timeout_s=_TIMEOUT_S)) is not None:
                yield frame
        except CameraError as error:
            self.broken = error


class _Pace:
    """How often a slower machine could run the detector; `fps` None: at each frame."""

    def __init__(self, fps: float | None) -> None:
        self._interval_s = 0.0 if fps is None else 1 / fps
        self._next_s: float | None = None

    def is_due(self, at_s: float) -> bool:
        if self._next_s is None:
            self._next_s = at_s
        if at_s < self._next_s:
            return False
        if self._interval_s:
            self._next_s = max(self._next_s + self._interval_s, at_s)
        return True


def count_frames(
    camera: Camera,
    detector: Detects,
    *,
    start: datetime,
    rules: WindowRules,
    high_score: float,
    face_in_view: FaceInView,
    detect_fps: float | None = None,
    progress: Progress | None = None,
    booked: Counter[MaskState] | None = None,
) -> Iterator[MinuteCount]:
    """Yields the windows and hours of an open camera until it ends; nothing is dropped.

    `booked` receives the exact numbers at the end, by mask state; for the others see `replay`.

    Raises:
        CameraError: the source breaks off; the windows up to there come first.
    """
    pipeline: Pipeline | None = None
    offset_s, pace = 0.0, _Pace(detect_fps)
    for frame in (frames := _Frames(camera)):
        at_s = frame.captured_at_s
        if pipeline is None:
            counts = recording_counts(rules, started_at_s=at_s)
            pipeline = recording_pipeline(
                camera.size, counts, at_s, high_score=high_score, face_in_view=face_in_view
            )
            offset_s = start.timestamp() - at_s
        if pace.is_due(at_s):
            objecting = pipeline.objecting(at_s)
            pipeline.update_detections(detector.detect(frame, objecting=objecting), at_s)
        pipeline.process_frame(frame)
        yield from pipeline.take_counts(pipeline.at_s + offset_s)
        if progress:
            progress.show(at_s, pipeline.in_view)
    if pipeline is not None:
        yield from pipeline.finish()
        if booked is not None:
            booked.update(counts.booked)
    if progress:
        progress.end()
    if frames.broken is not None:
        raise frames.broken
