"""Measures the time that the head-shake stage takes for each head and frame.

.venv/bin/python -m headclips.cost

Ten heads of 60 px at 30 frames per second, most of them moving, are measured and judged on one
thread, as by the unit; time is that of the thread, so other programs add little to it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from statistics import fmean, median

import cv2
import numpy as np

from headclips import confusers, shakes
from headclips.picture import Clip, Photographs, render
from headclips.script import Script
from maskcam.people.gestures import GestureWatcher, is_unclear
from maskcam.records import Box, Frame
from maskcam.vision.models import load_face_in_view
from maskcam.vision.motion import HeadMotionMeter

_KINDS = (
    shakes.shake, confusers.gait, confusers.look_around, confusers.talk, confusers.gait,
    confusers.still, confusers.strong_gait, confusers.slow_nod, confusers.gait, confusers.sway,
)  # fmt: skip
_SECONDS = 3.0
_FPS = 30
_HEAD_PX = 60.0
_BESIDE = 5  # clips in each of the two rows of the frame


def main() -> int:
    """Runs the command; returns its exit code."""
    cv2.setNumThreads(1)
    clips = [_clip(seed, kind) for seed, kind in enumerate(_KINDS, start=500)]
    wide = max(clip.lumas.shape[2] for clip in clips)
    high = max(clip.lumas.shape[1] for clip in clips)
    meter = HeadMotionMeter(load_face_in_view())
    watchers = [GestureWatcher() for _ in clips]
    measured_ms, judged_ms = [], []
    for number in range(min(len(clip.lumas) for clip in clips)):
        frame, heads = _together(clips, number, wide, high)
        begun = time.thread_time()
        motions = meter.measure(frame, heads)
        measured = time.thread_time()
        for track, motion in motions.items():
            watchers[track].update(motion, unclear=is_unclear(track, heads))
        judged_ms.append((time.thread_time() - measured) * 1000 / len(clips))
        measured_ms.append((measured - begun) * 1000 / len(clips))
    both_ms = [a + b for a, b in zip(measured_ms, judged_ms, strict=True)]
    for name, values in (("signal", measured_ms), ("decision", judged_ms), ("both", both_ms)):
        sys.stdout.write(
            f"{name}: {median(values):.3f} ms per head and frame (median of {len(values)} "
            f"frames), {fmean(values):.3f} (mean)\n"
        )
    return 0


def _clip(seed: int, kind: Callable[..., Script]) -> Clip:
    rng = np.random.default_rng(seed)
    script = kind(rng)
    script.seconds = max(script.seconds, _SECONDS)
    return render(script, rng, head_px=_HEAD_PX, fps=_FPS, photographs=Photographs())


def _together(
    clips: Sequence[Clip], number: int, wide: int, high: int
) -> tuple[Frame, dict[int, Box]]:
    """Returns one frame in which all clips stand side by side, and their heads."""
    luma, heads = np.zeros((2 * high, _BESIDE * wide), np.uint8), {}
    for place, clip in enumerate(clips):
        top, left = place // _BESIDE * high, place % _BESIDE * wide
        part = clip.lumas[number]
        luma[top : top + part.shape[0], left : left + part.shape[1]] = part
        x0, y0, x1, y1 = clip.boxes[number]
        heads[place] = Box(x0 + left, y0 + top, x1 + left, y1 + top)
    return Frame(number / _FPS, luma, np.empty((0, 0, 3), np.uint8)), heads


if __name__ == "__main__":
    sys.exit(main())
