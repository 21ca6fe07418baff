"""Average precision as COCO defines it, by pycocotools, at an overlap (IoU) of 0.5."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskcam.errors import UsageError
from maskcam.records import Box, Detection, MaskState

STATES = (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT)
_NUMBER = {state: number for number, state in enumerate(STATES, start=1)}
_CLASSES = {**{str(state): number for state, number in _NUMBER.items()}, "face": 0}
_MANY = 1e10
_RESAMPLES = 300


@dataclass(frozen=True, slots=True)
class Truth:
    """What is to be found in one photograph, and where neither finding nor missing counts.

    source: the collection that the photograph comes from, empty where the file does not say.
    """

    faces: tuple[tuple[Box, MaskState], ...]
    ignored: tuple[Box, ...]
    source: str = ""


def average_precisions(
    truths: Sequence[Truth],
    found: Sequence[Sequence[Detection]],
    *,
    smallest_px: float = 0.0,
    largest_px: float = float("inf"),
    intervals: bool = False,
) -> dict[str, Any]:
    """Returns AP50 of each mask state and of "face" (any state); None where there is no truth.

    Args:
        truths: one per photograph.
        found: the detections in each photograph, of any score.
        smallest_px: faces whose shorter side is smaller neither reward nor punish.
        largest_px: the same for faces that are not smaller than this.
        intervals: also give 95 % intervals (`<name>_interval`), by drawing the
            photographs again with replacement (bootstrap).

    Raises:
        UsageError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise UsageError(
            "pycocotools is missing; install it: pip install 'maskcam[evaluate]'"
        ) from error
    detections = _detection_list(found)
    if not detections:
        return _precisions_of_nothing(truths, smallest_px, largest_px)
    result: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth = COCO()
        truth.dataset = _truth_dataset(truths)
        truth.createIndex()
        answers = _load_answers(truth, detections)
        for name, number in _CLASSES.items():
            evaluation = COCOeval(truth, answers, "bbox")
            _choose(evaluation.params, number, smallest_px, largest_px)
            evaluation.evaluate()
            result[name] = _accumulate(evaluation)
            if intervals and result[name] is not None:
                result[f"{name}_interval"] = _interval(evaluation, len(truths))
    return result


def _load_answers(truth: Any, detections: list[dict[str, Any]]) -> Any:
    answers = truth.loadRes(detections)
    for annotation in answers.dataset["annotations"]:
        annotation["area"] = _size(annotation["bbox"])
    return answers


def _choose(params: Any, number: int, smallest_px: float, largest_px: float) -> None:
    """Sets what COCOeval looks at: an overlap of 0.5, one class (0: any) and a range of sizes."""
    params.iouThrs = np.array([0.5])
    params.useCats = int(number > 0)
    params.catIds = [number] if number else list(_NUMBER.values())
    params.areaRng = [[smallest_px**2, min(largest_px**2, _MANY)]]
    params.areaRngLbl = ["all"]


def _precisions_of_nothing(
    truths: Sequence[Truth], smallest_px: float, largest_px: float
) -> dict[str, Any]:
    """Returns 0 for each class that has a face of such a size, None for the others."""
    missed = {
        state
        for truth in truths
        for box, state in truth.faces
        if smallest_px <= min(box.width, box.height) < largest_px
    }
    precisions: dict[str, Any] = {str(state): 0.0 if state in missed else None for state in STATES}
    return precisions | {"face": 0.0 if missed else None}


def _size(bbox: Sequence[float]) -> float:
    """Stands in for COCO's area: sizes go by the shorter side here."""
    return float(min(bbox[2], bbox[3]) ** 2)


def _bbox(box: Box) -> list[float]:
    return [box.x0, box.y0, box.width, box.height]


def _truth_dataset(truths: Sequence[Truth]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []

    def add(image: int, number: int, box: Box, *, crowd: bool) -> None:
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": image,
                "category_id": number,
                "bbox": _bbox(box),
                "area": _size(_bbox(box)),
                "iscrowd": int(crowd),
            }
        )

    for image, truth in enumerate(truths):
        for box, state in truth.faces:
            add(image, _NUMBER[state], box, crowd=False)
        for box in truth.ignored:
            for number in _NUMBER.values():
                add(image, number, box, crowd=True)
    return {
        "images": [{"id": image} for image in range(len(truths))],
        "annotations": annotations,
        "categories": [{"id": number, "name": str(state)} for state, number in _NUMBER.items()],
    }


def _detection_list(found: Sequence[Sequence[Detection]]) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image,
            "category_id": _NUMBER[one.state],
            "bbox": _bbox(one.box),
            "score": one.score,
        }
        for image, detections in enumerate(found)
        for one in detections
    ]


def _accumulate(evaluation: Any) -> float | None:
    evaluation.accumulate()
    precision: NDArray[np.float64] = evaluation.eval["precision"][0, :, :, 0, -1]
    known = precision[precision > -1]
    return float(known.mean()) if known.size else None


def _interval(evaluation: Any, photographs: int) -> list[float]:
    rng = np.random.default_rng(0)
    original, drawn = list(evaluation.evalImgs), []
    categories = len(original) // photographs
    for _ in range(_RESAMPLES):
        chosen = rng.integers(0, photographs, photographs)
        evaluation.evalImgs = [
            original[part * photographs + one] for part in range(categories) for one in chosen
        ]
        value = _accumulate(evaluation)
        if value is not None:
            drawn.append(value)
    return [float(edge) for edge in np.percentile(drawn, (2.5, 97.5))]
