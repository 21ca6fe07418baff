"""How well a model finds faces and tells their masks: `maskcam evaluate detections`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.errors import UsageError
from maskcam.evaluate.conditions import CONDITIONS
from maskcam.evaluate.precision import STATES, Truth, average_precisions
from maskcam.records import Box, Detection, MaskState
from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import describe

_LOWEST_SCORE = 0.02  # average precision looks at all scores
_SAME_PLACE_IOU = 0.5
_SIZES_PX = ((0, 16), (16, 20), (20, 32), (32, 64), (64, float("inf")))
_CATEGORIES = {
    "with_mask": MaskState.WITH_MASK,
    "without_mask": MaskState.WITHOUT_MASK,
    "mask_worn_incorrectly": MaskState.INCORRECT,
}


def evaluate(
    *,
    coco: Path,
    images: Path,
    model: Path | None = None,
    conditions: bool = False,
    intervals: bool = False,
    threads: int = 1,
) -> dict[str, Any]:
    """Returns what `maskcam evaluate detections --json` prints.

    Args:
        coco: COCO file with the categories with_mask, without_mask, mask_worn_incorrectly;
            boxes with `iscrowd` and the `ignore` lists of the images neither reward nor punish.
        images: the folder of its pictures.
        model: a .tflite file with its .json beside it; None: the one that comes with maskcam.
        conditions: measure again under blur, noise, bad light, a roll and a downward view.
        intervals: give 95 % intervals of the average precisions.
        threads: CPU threads of one inference.

    Raises:
        UsageError: the file or a picture is missing or cannot be read.
        ModelError: the model is missing or unfit.
    """
    described = describe(model)
    names, truths = read_truth(coco)
    interpreter = Interpreter(described.file, threads=threads, sha256=described.sha256)
    detector = Detector(
        interpreter,
        labels=described.labels,
        frame_size=(1, 1),
        score_threshold=_LOWEST_SCORE,
    )
    pictures = [_read_picture(images / name) for name in names]
    found, taken_ms = _detect(detector, pictures)
    threshold = described.score_threshold
    result: dict[str, Any] = {
        "images": len(names),
        "ap50": average_precisions(truths, found, intervals=intervals),
        "ms_per_frame": taken_ms,
        "invoke_ms": _invoke_ms(interpreter),
        "threads": threads,
        "ap50_from_20_px": average_precisions(truths, found, smallest_px=20, intervals=intervals),
        "ap50_by_size": {
            _size_name(low, high): average_precisions(
                truths, found, smallest_px=low, largest_px=high
            )
            for low, high in _SIZES_PX
        },
        "at_threshold": at_threshold(truths, found, threshold=threshold),
    }
    if conditions:
        result["ap50_by_condition"] = {
            name: _under(name, detector, pictures, truths) for name in CONDITIONS
        }
    return result


def as_text(report: dict[str, Any]) -> str:
    """Returns what `evaluate` told as a table for people."""

    def row(name: str, values: dict[str, Any]) -> str:
        cells = (values.get(key) for key in (*map(str, STATES), "face"))
        return f"{name:24s}" + "".join("       -" if v is None else f"{v:8.3f}" for v in cells)

    chosen = report["at_threshold"]
    lines = [
        f"{report['images']} images, {report['ms_per_frame']:.1f} ms a frame, of which the "
        f"network {report['invoke_ms']:.1f} ms ({report['threads']} threads)",
        f"{'AP50':24s}    with without incorr.    face",
        row("all faces", report["ap50"]),
        row("from 20 px", report["ap50_from_20_px"]),
    ]
    groups = {**report["ap50_by_size"], **report.get("ap50_by_condition", {})}
    lines += [row(name.replace("_", " "), values) for name, values in groups.items()]
    lines.append(f"faces from 20 px at the threshold {chosen['threshold']}:")
    lines += [
        f"  {name.replace('_', ' ')}: " + ("-" if value is None else f"{value:.3f}")
        for name, value in chosen.items()
        if name not in ("threshold", "faces")
    ]
    return "\n".join(lines)


def read_truth(coco: Path) -> tuple[list[str], list[Truth]]:
    """Returns the file name and the truth of each picture of a COCO file.

    Raises:
        UsageError: the file is missing, not COCO, or has other categories.
    """
    try:
        content = json.loads(coco.read_text(encoding="utf-8"))
        categories = {one["id"]: one["name"] for one in content["categories"]}
        known = {number: _CATEGORIES[name] for number, name in categories.items()}
        faces: dict[int, list[tuple[Box, MaskState]]] = {}
        ignored: dict[int, list[Box]] = {}
        for image in content["images"]:
            faces[image["id"]] = []
            ignored[image["id"]] = [_corners(box) for box in image.get("ignore", [])]
        for one in content["annotations"]:
            if one.get("iscrowd"):
                ignored[one["image_id"]].append(_corners(one["bbox"]))
            else:
                faces[one["image_id"]].append((_corners(one["bbox"]), known[one["category_id"]]))
        names = [str(image["file_name"]) for image in content["images"]]
        order = [image["id"] for image in content["images"]]
    except OSError as error:
        raise UsageError(f"{coco}: cannot be read ({error.strerror}); give a COCO file") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{coco}: is no COCO file with the categories {', '.join(_CATEGORIES)} ({error!r})"
        ) from error
    if not names:
        raise UsageError(f"{coco}: holds no images; give a COCO file with some")
    return names, [Truth(tuple(faces[one]), tuple(ignored[one])) for one in order]


def at_threshold(
    truths: Sequence[Truth], found: Sequence[Sequence[Detection]], *, threshold: float
) -> dict[str, Any]:
    """Returns what a user of the counts would see at one score threshold, faces from 20 px.

    state_right: of the found faces with truth with/without, the share with the right state.
    mask_rate_true and mask_rate_found: with_mask among all faces, true and as counted.
    """
    faces = hits = right = told = false_alarms = 0
    counts = {state: [0, 0] for state in STATES}
    for truth, detections in zip(truths, found, strict=True):
        left = [one for one in detections if one.score >= threshold]
        for box, state in sorted(truth.faces, key=lambda face: -face[0].width):
            best = max(left, key=lambda one: _iou(one.box, box), default=None)
            hit = best is not None and _iou(best.box, box) >= _SAME_PLACE_IOU
            if hit and best is not None:
                left.remove(best)
            if min(box.width, box.height) < 20:
                continue
            faces += 1
            counts[state][0] += 1
            if hit and best is not None:
                hits += 1
                counts[best.state][1] += 1
                if state is not MaskState.INCORRECT:
                    told += 1
                    right += best.state is state
        for one in left:
            aside = any(_covered(one.box, box) >= _SAME_PLACE_IOU for box in truth.ignored)
            if not aside and min(one.box.width, one.box.height) >= 20:
                false_alarms += 1
                counts[one.state][1] += 1
    seen = sum(pair[1] for pair in counts.values())
    return {
        "threshold": threshold,
        "faces": faces,
        "recall": hits / faces if faces else None,
        "precision": hits / (hits + false_alarms) if hits + false_alarms else None,
        "state_right": right / told if told else None,
        "mask_rate_true": counts[MaskState.WITH_MASK][0] / faces if faces else None,
        "mask_rate_found": counts[MaskState.WITH_MASK][1] / seen if seen else None,
    }


def _under(
    name: str, detector: Detector, pictures: list[NDArray[np.uint8]], truths: list[Truth]
) -> dict[str, Any]:
    spoiled, moved = [], []
    for rgb, truth in zip(pictures, truths, strict=True):
        boxes = np.array([box for box, _ in truth.faces] + list(truth.ignored), float)
        picture, places = CONDITIONS[name].apply(rgb, boxes.reshape(-1, 4))
        there = [Box(*(float(edge) for edge in place)) for place in places]
        states = [state for _, state in truth.faces]
        spoiled.append(picture)
        moved.append(Truth(tuple(zip(there, states, strict=False)), tuple(there[len(states) :])))
    found, _ = _detect(detector, spoiled)
    return average_precisions(moved, found)


def _detect(
    detector: Detector, pictures: list[NDArray[np.uint8]]
) -> tuple[list[list[Detection]], float]:
    """Returns the faces in each picture and the median time of one in ms."""
    found, taken = [], []
    for rgb in pictures:
        began = time.perf_counter()
        found.append(detector.detect(rgb, frame_size=(rgb.shape[1], rgb.shape[0])))
        taken.append(time.perf_counter() - began)
    return found, float(np.median(taken)) * 1e3


def _invoke_ms(interpreter: Interpreter) -> float:
    """Returns the median time of the network alone."""
    taken = []
    for _ in range(30):
        began = time.perf_counter()
        interpreter.invoke()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1e3


def _read_picture(file: Path) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if bgr is None:
        raise UsageError(f"{file}: no such picture, or it cannot be read; check --images")
    return np.ascontiguousarray(bgr[:, :, ::-1], np.uint8)


def _corners(bbox: Sequence[float]) -> Box:
    x, y, width, height = (float(value) for value in bbox)
    return Box(x, y, x + width, y + height)


def _size_name(low: float, high: float) -> str:
    return f"{low}_to_{high}_px" if high < float("inf") else f"from_{low}_px"


def _overlap(a: Box, b: Box) -> float:
    across = min(a.x1, b.x1) - max(a.x0, b.x0)
    down = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(across, 0.0) * max(down, 0.0)


def _iou(a: Box, b: Box) -> float:
    both = _overlap(a, b)
    return both / max(a.width * a.height + b.width * b.height - both, 1e-9)


def _covered(a: Box, b: Box) -> float:
    """Returns the share of `a` that lies in `b`, as COCO measures against crowds."""
    return _overlap(a, b) / max(a.width * a.height, 1e-9)
