"""Measures the head-shake stage on labelled clips.

A folder of clips holds `manifest.json`, a list of `{"file": "x.npz", "label": "shake"}`
with any other label for what must not be recognised, and the clips: `frames`
(T, H, W, 3) uint8 RGB, `boxes` (T, 4) x0 y0 x1 y1 in px and `timestamps` (T,) in s.
Further fields of the manifest are optional: `start_s` (when the shake begins), `kind`,
`fps`, `head_px` and `required` (false: reported, not part of the target).
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.errors import UsageError
from maskcam.evaluate.shares import wilson
from maskcam.people.headshake import HeadShakeRecogniser
from maskcam.records import Box, Frame, HeadMotion
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.motion import HeadMotionMeter

SHAKE = "shake"
_GROUPS = ("kind", "fps", "head_px")
_HEAD_PX = (24, 32, 48, 72, 110)  # lower ends of the classes of size
_FURTHEST = 4  # a box that lies so many frames away is none
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


def evaluate(
    clips: Path,
    face_in_view: FaceInView,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Runs the head-shake stage on every clip of a folder.

    Args:
        clips: the folder that holds `manifest.json`.
        face_in_view: sees what is before a face.
        progress: called with (clips done, clips in all) after every clip.

    Returns:
        `clips`: per clip its entry of the manifest, `recognised`, and `at_s`, the clip's
        own time of the first recognition (null without one); `rates`: per label, and
        `by`: per kind, frame rate and head size where the manifest gives them, how many
        clips and how many recognised, with the 95 % interval (Wilson);
        `median_delay_s` where the manifest gives `start_s`; `ms_per_frame` of one head.

    Raises:
        UsageError: the folder, its manifest or a clip is missing or malformed.
    """
    manifest = _read_manifest(clips)
    results = []
    frames, spent_s = 0, 0.0
    for done, entry in enumerate(manifest, start=1):
        path = clips / entry["file"]
        lumas, boxes, timestamps = read_clip(path)
        began_s = perf_counter()
        at_s = first_shake_at(measure_clip(lumas, boxes, timestamps, face_in_view))
        spent_s += perf_counter() - began_s
        frames += len(timestamps)
        results.append({**entry, "recognised": at_s is not None, "at_s": at_s})
        if progress is not None:
            progress(done, len(manifest))
    return {"clips": results, **_summary(results), "ms_per_frame": 1000 * spent_s / max(1, frames)}


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the rates per label and group, and the median delay of recognised shakes."""
    shakes = [clip for clip in results if clip["label"] == SHAKE]
    timed = [clip for clip in shakes if clip["recognised"] and _has(clip, "start_s")]
    delays = [clip["at_s"] - clip["start_s"] for clip in timed]
    return {
        "rates": _rates_by(results, "label"),
        "required": _rates_by([c for c in results if c.get("required", True)], "label"),
        "by": {
            label: _rates_by_group([clip for clip in results if clip["label"] == label])
            for label in sorted({clip["label"] for clip in results})
        },
        "median_delay_s": median(delays) if delays else None,
    }


def as_text(report: dict[str, Any]) -> str:
    """Returns a report as a table for people."""
    lines = [f"{'label':<24}{'clips':>7}{'fired':>7}{'rate':>9}   95 % interval"]

    def add(name: str, rate: dict[str, Any]) -> None:
        low, high = rate["ci95"]
        lines.append(
            f"{name:<24}{rate['clips']:>7}{rate['recognised']:>7}{rate['rate']:>8.1%}"
            f"   {low:.1%} to {high:.1%}"
        )

    for label, rate in report["rates"].items():
        add(label, rate)
        for group, rates in report["by"][label].items():
            for name, part in rates.items():
                add(f"  {group} {name}", part)
    if report["median_delay_s"] is not None:
        lines.append(f"median time to recognise: {report['median_delay_s']:.2f} s")
    lines.append(f"{report['ms_per_frame']:.2f} ms per frame and head")
    return "\n".join(lines)


def read_clip(path: Path) -> tuple[list[NDArray[np.uint8]], NDArray[Any], NDArray[Any]]:
    """Returns the lumas, boxes (T, 4) and timestamps (T,) of a clip; raises UsageError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as clip:
            frames, boxes, timestamps = clip["frames"], clip["boxes"], clip["timestamps"]
    except _UNREADABLE as error:
        raise UsageError(
            f"{path}: not a readable clip ({error}); it needs frames, boxes and timestamps"
        ) from error
    if (
        frames.dtype != np.uint8
        or frames.ndim != 4
        or frames.shape[3] != 3
        or 0 in frames.shape[1:]
    ):
        raise UsageError(f"{path}: frames must be (T, H, W, 3) uint8, not {frames.shape}")
    length = len(frames)
    if boxes.shape != (length, 4) or timestamps.shape != (length,):
        raise UsageError(f"{path}: frames, boxes (T, 4) and timestamps (T,) differ in length")
    if boxes.dtype.kind not in "iuf" or timestamps.dtype.kind not in "iuf":
        raise UsageError(f"{path}: boxes and timestamps must be numbers")
    if not np.isfinite(timestamps).all():
        raise UsageError(f"{path}: timestamps must be finite")
    lumas = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False) for f in frames]
    return lumas, boxes.astype(float), timestamps.astype(float)


def measure_clip(
    lumas: Iterable[NDArray[np.uint8]],
    boxes: NDArray[Any],
    timestamps: NDArray[Any],
    face_in_view: FaceInView,
) -> list[HeadMotion]:
    """Returns the motion of the one head of a clip; frames with an unknown box have none."""
    meter = HeadMotionMeter(face_in_view)
    motions: list[HeadMotion] = []
    for luma, box, at_s in zip(lumas, boxes, timestamps, strict=True):
        frame = Frame(float(at_s), luma, np.empty((0, 0, 3), np.uint8))
        known = np.isfinite(box).all() and np.abs(box).max() < _FURTHEST * max(luma.shape)
        heads = {0: Box(*map(float, box))} if known else {}
        motions += meter.measure(frame, heads).values()
    return motions


def first_shake_at(motions: Iterable[HeadMotion]) -> float | None:
    """Returns when the first head shake was recognised, in the motions' own time."""
    recogniser = HeadShakeRecogniser()
    for motion in motions:
        shake = recogniser.update(motion)
        if shake is not None:
            return shake.at_s
    return None


def rate(recognised: int, clips: int) -> dict[str, Any]:
    """Returns a rate with its 95 % confidence interval (Wilson 1927)."""
    return {
        "clips": clips,
        "recognised": recognised,
        "rate": recognised / clips,
        "ci95": list(wilson(recognised, clips)),
    }


def _rates_by_group(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the rates by each field that some of the clips have."""
    groups = {group: [one for one in clips if _has(one, group)] for group in _GROUPS}
    return {group: _rates_by(known, group) for group, known in groups.items() if known}


def _has(clip: dict[str, Any], field: str) -> bool:
    """Returns whether a clip has an optional field that can be used; else it is left out."""
    wanted = (int, float) if field in ("start_s", "head_px") else (int, float, str)
    return isinstance(clip.get(field), wanted)


def _rates_by(clips: list[dict[str, Any]], field: str) -> dict[str, Any]:
    groups: dict[Any, list[bool]] = {}
    for clip in clips:
        value = clip[field]
        if field == "head_px":
            value = max((size for size in _HEAD_PX if size <= value), default=0)
        groups.setdefault(value, []).append(clip["recognised"])
    ordered = sorted(groups.items(), key=lambda group: (isinstance(group[0], str), group[0]))
    ending = "+" if field == "head_px" else ""
    return {f"{name}{ending}": rate(sum(hits), len(hits)) for name, hits in ordered}


def _read_manifest(clips: Path) -> list[dict[str, Any]]:
    path = clips / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{path}: cannot be read ({why}); --clips needs a folder with it"
        ) from error
    if not isinstance(manifest, list) or not all(
        isinstance(entry, dict)
        and isinstance(entry.get("file"), str)
        and isinstance(entry.get("label"), str)
        for entry in manifest
    ):
        raise UsageError(f'{path}: must be a list of {{"file": "x.npz", "label": "shake"}}')
    if not manifest:
        raise UsageError(f"{path}: lists no clips")
    return manifest
