"""Runs the whole chain on a recorded file, as fast as it can, on the file's own time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from maskcam.addresses import is_network, shown
from maskcam.camera.base import Camera
from maskcam.camera.video import VideoCamera
from maskcam.errors import CameraError, UsageError
from maskcam.people.windows import Rules
from maskcam.records import MinuteCount
from maskcam.unit.detection import Detects
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.progress import Progress
from maskcam.vision.models import load_model

_TIMEOUT_S = 10.0


def replay(
    video: Path,
    *,
    start: datetime,
    rules: Rules,
    detect_fps: float | None = None,
    film_fps: float | None = None,
    model: Path | None = None,
    threads: int = 2,
    progress: bool = False,
) -> Iterator[MinuteCount]:
    """Yields the windows that a unit would publish for a recorded street.

    Every frame goes through both pixel stages, so the same file gives the same
    counts on any machine.

    Args:
        video: a file that FFmpeg can read.
        start: UTC of the first frame.
        rules: how few people may be told.
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
            detect_fps=detect_fps,
            progress=Progress(every_s=5.0) if progress else None,
        )


def count_frames(
    camera: Camera,
    detector: Detects,
    *,
    start: datetime,
    rules: Rules,
    high_score: float = 0.5,
    detect_fps: float | None = None,
    progress: Progress | None = None,
) -> Iterator[MinuteCount]:
    """Yields the windows of an open camera until it ends; frame by frame, nothing dropped.

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
                pipeline = Pipeline(
                    frame_size=camera.size, rules=rules, started_at_s=at_s, high_score=high_score
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
            yield from pipeline.take_due_windows(at_s, offset_s)
            if progress:
                progress.show(at_s, pipeline.in_view)
    except CameraError as error:
        broken = error
    if pipeline is not None:
        yield from pipeline.finish(at_s, offset_s, early=True)
    if progress:
        progress.end()
    if broken is not None:
        raise broken
