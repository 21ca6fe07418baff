"""Rendered streets in which nobody shakes the head: coded, seen through the detector.

A clip's boxes are drawn; those of the detector wander as its frames do, most of all on faces of
few pixels. Whatever the heads of such a street seem to do is no "no".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from headclips.small import write_film
from maskcam.camera.video import VideoCamera
from maskcam.people.passages import Crowd
from maskcam.records import HeadMotion
from maskcam.street import Scene, SceneConfig
from maskcam.vision.models import LoadedModel
from maskcam.vision.motion import HEAD_HEIGHT, HeadMotionMeter

SECONDS: Final = 60.0
_SIZES: Final = ((480, 270), (640, 360), (854, 480))
_SIZE_SHARES: Final = (0.5, 0.3, 0.2)
_LARGE: Final = (1280, 720)
_FPS: Final = (10, 15, 15, 25)
_QUALITIES: Final = (23, 35)  # x264's crf
_PEOPLE_PER_MINUTE: Final = 24.0
_SHORTEST: Final = 9  # frames of a track
_TIMEOUT_S: Final = 10.0


def measure_street(
    seed: int, loaded: LoadedModel, *, large: bool = False, seconds: float = SECONDS
) -> Iterator[tuple[dict[str, Any], list[HeadMotion]]]:
    """Yields what is known of each track of a street, and how its head moved.

    Args:
        seed: of the street, its size, frame rate and coding.
        loaded: finds the faces.
        large: of 1280x720, as a unit sees it.
        seconds: length of the street.
    """
    rng = np.random.default_rng(seed)
    # Drawn in any case, so that a seed's frame rate and coding do not depend on `large`.
    small = _SIZES[int(rng.choice(len(_SIZES), p=_SIZE_SHARES))]
    size = _LARGE if large else small
    fps, quality = int(rng.choice(_FPS)), int(rng.integers(*_QUALITIES))
    scene = Scene(
        SceneConfig(
            seed=seed,
            duration_s=seconds,
            fps=fps,
            size=size,
            people_per_minute=_PEOPLE_PER_MINUTE,
            objectors=0.0,
        )
    )
    known = {"label": "none", "kind": "street", "fps": fps}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "street.mkv"
        with path.open("wb") as film:
            times_s = (number / fps for number in range(int(seconds * fps)))
            frames = (scene.render(at_s) for at_s in times_s)
            write_film(film, frames, size=scene.config.size, fps=fps, quality=quality)
        for motions, heights in _follow(path, loaded):
            if len(motions) >= _SHORTEST:
                yield {**known, "head_px": round(HEAD_HEIGHT * float(np.median(heights)))}, motions


def _follow(path: Path, loaded: LoadedModel) -> Iterator[tuple[list[HeadMotion], list[float]]]:
    """Yields how the head of each track of a film moved, and the heights of its boxes in px."""
    motions: defaultdict[int, list[HeadMotion]] = defaultdict(list)
    heights: defaultdict[int, list[float]] = defaultdict(list)
    detector = loaded.detector()
    loaded.face_in_view.forget()
    with VideoCamera(str(path), rgb_size=loaded.input_size) as camera:
        crowd = Crowd(frame_size=camera.size, high_score=loaded.high_score, recording=True)
        meter = HeadMotionMeter(loaded.face_in_view)
        while (frame := camera.read(timeout_s=_TIMEOUT_S)) is not None:
            at_s = frame.captured_at_s
            crowd.update(detector.detect(frame), at_s)
            heads = crowd.heads(at_s)
            for track, motion in meter.measure(frame, heads, missed=crowd.missed()).items():
                motions[track].append(motion)
                heights[track].append(heads[track].height)
            crowd.take_passages(at_s, observed=True)
    for track, moved in motions.items():
        yield moved, heights[track]
