"""Runs the whole chain on a recorded file, as fast as it can, on the file's own time."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

from maskcam.addresses import is_network, shown
from maskcam.camera.base import Camera
from maskcam.camera.video import VideoCamera
from maskcam.errors import CameraError, UsageError
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import MaskState, MinuteCount
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
    if is_network(str(video)):
        raise UsageError(
            f"{shown(str(video))}: replay reads files; for a live source: maskcam demo"
        )
    loaded = load_model(model=model, threads=threads)
    with VideoCamera(str(video), rgb_size=loaded.input_size, film_fps=film_fps) as camera:
        detector = loaded.detector()
        yield from count_frames(
            camera,
            detector,
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


def count_frames(
    camera: Camera,
    detector: Detects,
    *,
    start: datetime,
    rules: WindowRules,
    high_score: float,
    face_in_view: FaceInView | None = None,
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
    offset_s = at_s = next_detection_s = 0.0
    broken: CameraError | None = None
    try:
        while (frame := camera.read(timeout_s=_TIMEOUT_S)) is not None:
            at_s = frame.captured_at_s
            if pipeline is None:
                counts = recording_counts(rules, started_at_s=at_s)
                pipeline = Pipeline(
                    frame_size=camera.size,
                    counts=counts,
                    started_at_s=at_s,
                    high_score=high_score,
                    face_in_view=face_in_view,
                    recording=True,
                )
                offset_s = start.timestamp() - at_s
                next_detection_s = at_s
            if at_s >= next_detection_s:
                pipeline.update_detections(
                    detector.detect(frame, objecting=pipeline.objecting(at_s)), at_s
                )
                if detect_fps is not None:
                    next_detection_s = max(next_detection_s + 1 / detect_fps, at_s)
            pipeline.process_frame(frame)
            yield from pipeline.take_counts(pipeline.at_s + offset_s)
            if progress:
                progress.show(at_s, pipeline.in_view)
    except CameraError as error:
        broken = error
    if pipeline is not None:
        yield from pipeline.finish()
        if booked is not None:
            booked.update(counts.booked)
    if progress:
        progress.end()
    if broken is not None:
        raise broken
