"""How well a model finds faces and judges their masks: `maskcam evaluate detections`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.camera.base import fitted
from maskcam.errors import UsageError
from maskcam.evaluate.conditions import CONDITIONS
from maskcam.evaluate.precision import STATES, Truth, average_precisions
from maskcam.evaluate.threshold import at_threshold
from maskcam.names import printable
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import ModelDescription, describe
from maskcam.vision.models import second_look_of

_LOWEST_SCORE = 0.02  # average precision looks at all scores
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
    second_look: bool = True,
) -> dict[str, Any]:
    """Returns what `maskcam evaluate detections --json` prints.

    Args:
        coco: COCO file with the categories with_mask, without_mask, mask_worn_incorrectly;
            boxes with `iscrowd` and the `ignore` lists of the images neither reward nor punish.
        images: the folder of its photographs.
        model: a .tflite file with its .json beside it; None: the one that comes with maskcam.
        conditions: measure again under blur, noise, bad light, a roll and a downward view.
        intervals: give 95 % intervals of the average precisions.
        threads: CPU threads of one inference.
        second_look: False: measure the detector alone.

    Raises:
        UsageError: the file or a photograph is missing or cannot be read.
        ModelError: the model is missing or unfit.
    """
    described = describe(model)
    names, truths = read_truth(coco)
    interpreter, detector = _load(described, threads=threads, second_look=second_look)
    files = _present([images / name for name in names])
    found, taken_ms = _detect(detector, map(read_photograph, files))
    threshold = described.score_threshold
    result: dict[str, Any] = {
        "images": len(names),
        "ms_per_frame": taken_ms,
        "invoke_ms": _invoke_ms(interpreter),
        "threads": threads,
        **_precision_report(truths, found, intervals=intervals),
        "at_threshold": at_threshold(truths, found, threshold=threshold, intervals=intervals),
    }
    if conditions:
        result["ap50_by_condition"] = {
            name: _under(name, detector, files, truths) for name in CONDITIONS
        }
    return result


def _load(
    described: ModelDescription, *, threads: int, second_look: bool
) -> tuple[Interpreter, Detector]:
    """Returns a model and the detector over it that reports faces of any score."""
    interpreter = Interpreter(described.file, threads=threads, sha256=described.sha256)
    detector = Detector(
        interpreter,
        labels=described.labels,
        score_threshold=_LOWEST_SCORE,
        second_look=second_look_of(described) if second_look else None,
    )
    return interpreter, detector


def _precision_report(
    truths: Sequence[Truth], found: Sequence[list[Detection]], *, intervals: bool
) -> dict[str, Any]:
    """Returns AP50 over all faces, by size and, where there are several, by source."""
    report: dict[str, Any] = {
        "ap50": average_precisions(truths, found, intervals=intervals),
        "ap50_from_20_px": average_precisions(truths, found, smallest_px=20, intervals=intervals),
        "ap50_by_size": {
            _size_name(low, high): average_precisions(
                truths, found, smallest_px=low, largest_px=high
            )
            for low, high in _SIZES_PX
        },
    }
    sources = sorted({truth.source for truth in truths if truth.source})
    if len(sources) > 1:
        report["ap50_by_source"] = {
            source: average_precisions(*_of_source(source, truths, found)) for source in sources
        }
    return report


def as_text(report: dict[str, Any]) -> str:
    """Returns what `evaluate` found as a table for people."""

    def row(name: str, values: dict[str, Any]) -> str:
        cells = (values.get(key) for key in (*map(str, STATES), "face"))
        return f"{name:24s}" + "".join("       -" if v is None else f"{v:8.3f}" for v in cells)

    chosen = report["at_threshold"]
    lines = [
        f"{report['images']} images, {report['ms_per_frame']:.1f} ms per frame, of which the "
        f"network {report['invoke_ms']:.1f} ms ({report['threads']} threads)",
        f"{'AP50':24s}    with without incorr.    face",
        row("all faces", report["ap50"]),
        row("from 20 px", report["ap50_from_20_px"]),
    ]
    groups = {
        **report["ap50_by_size"],
        **report.get("ap50_by_source", {}),
        **report.get("ap50_by_condition", {}),
    }
    lines += [row(name.replace("_", " "), values) for name, values in groups.items()]
    lines.append(f"faces from 20 px at the threshold {chosen['threshold']}:")
    lines += [
        f"  {name.replace('_', ' ')}: " + ("-" if value is None else f"{value:.3f}")
        for name, value in chosen.items()
        if name not in ("threshold", "faces") and not name.endswith("_interval")
    ]
    return "\n".join(lines)


def read_truth(coco: Path) -> tuple[list[str], list[Truth]]:
    """Returns the file name and the truth of each photograph of a COCO file.

    Raises:
        UsageError: the file is missing, not COCO, or has other categories.
    """
    try:
        content = json.loads(coco.read_text(encoding="utf-8-sig"))
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
        order = [(image["id"], str(image.get("source", ""))) for image in content["images"]]
    except OSError as error:
        raise UsageError(f"{coco}: cannot be read ({error.strerror}); give a COCO file") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{coco}: is no COCO file with the categories {', '.join(_CATEGORIES)} ({error!r})"
        ) from error
    if not names:
        raise UsageError(f"{coco}: holds no images; give a COCO file with some")
    return names, [Truth(tuple(faces[one]), tuple(ignored[one]), source) for one, source in order]


def _of_source(
    source: str, truths: Sequence[Truth], found: Sequence[list[Detection]]
) -> tuple[list[Truth], list[list[Detection]]]:
    chosen = [number for number, truth in enumerate(truths) if truth.source == source]
    return [truths[number] for number in chosen], [found[number] for number in chosen]


def _under(
    name: str, detector: Detector, files: Sequence[Path], truths: list[Truth]
) -> dict[str, Any]:
    moved: list[Truth] = []

    def spoiled() -> Iterator[NDArray[np.uint8]]:
        for file, truth in zip(files, truths, strict=True):
            boxes = np.array([box for box, _ in truth.faces] + list(truth.ignored), float)
            changed, places = CONDITIONS[name].apply(read_photograph(file), boxes.reshape(-1, 4))
            there = [Box(*(float(edge) for edge in place)) for place in places]
            states = [state for _, state in truth.faces]
            faces = tuple(zip(there, states, strict=False))
            moved.append(Truth(faces, tuple(there[len(states) :])))
            yield changed

    found, _ = _detect(detector, spoiled())
    return average_precisions(moved, found)


def _detect(
    detector: Detector, photographs: Iterable[NDArray[np.uint8]]
) -> tuple[list[list[Detection]], float]:
    """Returns the faces in each photograph and the median time per photograph in ms.

    Only one photograph is in memory at a time: those of a phone have 36 MB each.
    """
    found, taken = [], []
    for rgb in photographs:
        began = time.perf_counter()
        found.append(detector.detect(frame_of(rgb, detector.input_size)))
        taken.append(time.perf_counter() - began)
    return found, float(np.median(taken)) * 1e3


def _present(files: list[Path]) -> list[Path]:
    """Returns the files; raises UsageError at once if one is missing, not after minutes."""
    for file in files:
        if not os.path.isfile(file):  # noqa: PTH113 - a Path raises at a name that cannot be
            raise UsageError(f"{printable(str(file))}: no such photograph; check --images")
    return files


def frame_of(rgb: NDArray[np.uint8], input_size: tuple[int, int]) -> Frame:
    """Returns a photograph (H, W, 3) as the frame of a unit with so large a camera.

    input_size: width and height of the detector's input, into which the small image fits.
    """
    whole = rgb.shape[1], rgb.shape[0]
    size = fitted(whole, input_size)
    how = cv2.INTER_AREA if size < whole else cv2.INTER_LINEAR
    small = cv2.resize(rgb, size, interpolation=how).astype(np.uint8, copy=False)
    return Frame(0.0, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False), small)


def _invoke_ms(interpreter: Interpreter) -> float:
    """Returns the median time of the network alone."""
    taken = []
    for _ in range(30):
        began = time.perf_counter()
        interpreter.invoke()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1e3


def read_photograph(file: Path) -> NDArray[np.uint8]:
    """Returns a photograph (H, W, 3) RGB.

    Raises:
        UsageError: it cannot be read.
    """
    # Read here: OpenCV dies of a name that is not UTF-8.
    try:
        coded = np.fromfile(file, np.uint8)
    except (OSError, ValueError) as error:
        raise UsageError(f"{printable(str(file))}: no such photograph; check --images") from error
    bgr = cv2.imdecode(coded, cv2.IMREAD_COLOR) if coded.size else None
    if bgr is None:
        raise UsageError(
            f"{printable(str(file))}: is no photograph that can be read; check --images"
        )
    return np.ascontiguousarray(bgr[:, :, ::-1], np.uint8)


def _corners(bbox: Sequence[float]) -> Box:
    x, y, width, height = (float(value) for value in bbox)
    return Box(x, y, x + width, y + height)


def _size_name(low: float, high: float) -> str:
    return f"{low}_to_{high}_px" if high < float("inf") else f"from_{low}_px"
