"""Chooses the score threshold on the validation split and measures the model on the test split."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from maskcam.evaluate.detections import evaluate, frame_of, read_truth
from maskcam.evaluate.precision import Truth, average_precisions
from maskcam.evaluate.threshold import at_threshold
from maskcam.records import Detection
from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import describe
from maskcam.vision.models import second_look_of
from training.stills import FULL_SIZE, HELD_BACK_SEED, render

_log = logging.getLogger(__name__)
_THRESHOLDS = np.arange(0.2, 0.71, 0.02)
_AS_GOOD = 0.02  # of F1: about what its noise on so few faces is worth
_AS_UNBIASED = 0.005
_STREET_STILLS = 240
_BINS = np.linspace(0, 1, 11)


def calibrate(data: Path, model: Path) -> dict[str, Any]:
    """Writes a threshold chosen on the validation split to the model's .json.

    Of the thresholds whose F1 is nearly the best, the highest with nearly the least bias of the
    rate of masks: the rate is what city hall reads, and who is found only now and then, far away,
    may be counted as two.
    F1 of faces from 20 px whose state is right: a face with the wrong state is a miss and a
    false alarm. Returns the sweep and the reliability: of the detections in each bin of
    scores, the share that is a face with the right state.
    """
    truths, found = detect_all(data, "val", model)
    sweep = []
    for threshold in _THRESHOLDS:
        told = at_threshold(truths, found, threshold=float(threshold))
        precision, recall = told["precision"] or 0.0, told["recall"] or 0.0
        right = told["state_right"] or 0.0
        f1 = 2 * precision * recall * right / max(precision + recall, 1e-9)
        sweep.append({**told, "f1": f1})
    f1s = np.convolve([one["f1"] for one in sweep], np.ones(3) / 3, "same")
    good = [k for k in range(1, len(sweep) - 1) if f1s[k] >= f1s[1:-1].max() - _AS_GOOD]
    bias = {k: abs(sweep[k]["mask_rate_bias"] or 0.0) for k in good}
    best = max(k for k in good if bias[k] <= min(bias.values()) + _AS_UNBIASED)
    chosen = round(float(_THRESHOLDS[best]), 2)
    file = model.with_suffix(".json")
    described = json.loads(file.read_text())
    described["score_threshold"] = chosen
    file.write_text(json.dumps(described, indent=2) + "\n")
    _log.info("threshold %.2f", chosen)
    return {
        "threshold": chosen,
        "ap50": average_precisions(truths, found),
        "ap50_of_the_detector": average_precisions(
            *detect_all(data, "val", model, second_look=False)
        ),
        "sweep": sweep,
        "reliability": reliability(truths, found),
    }


def measure(data: Path, model: Path) -> dict[str, Any]:
    """Returns what `maskcam evaluate detections` tells of the test split, and its reliability."""
    report = evaluate(
        coco=data / "masks/test.json",
        images=data / "masks/images",
        model=model,
        conditions=True,
        intervals=True,
    )
    truths, found = detect_all(data, "test", model)
    report["reliability"] = reliability(truths, found)
    alone = evaluate(
        coco=data / "masks/test.json", images=data / "masks/images", model=model, second_look=False
    )
    report["detector_alone"] = {key: alone[key] for key in ("ap50", "ap50_from_20_px")}
    return report


def measure_street(stills: Path, model: Path) -> dict[str, Any]:
    """Returns the same of stills of streets that no training saw, with and without second look.

    stills: where they are kept; rendered if they are not there yet.
    """
    render(stills, count=_STREET_STILLS, first_seed=HELD_BACK_SEED, size=FULL_SIZE)
    street: dict[str, Any] = {}
    for name, second_look in (("both", True), ("detector_alone", False)):
        report = evaluate(
            coco=stills / "stills.json",
            images=stills,
            model=model,
            second_look=second_look,
            intervals=True,
        )
        street[name] = {key: report[key] for key in ("ap50_from_20_px", "at_threshold")}
    return street


def detect_all(
    data: Path, split: str, model: Path, *, second_look: bool = True
) -> tuple[list[Truth], list[list[Detection]]]:
    """Returns the truth of a split and the detections of any score."""
    described = describe(model)
    names, truths = read_truth(data / f"masks/{split}.json")
    detector = Detector(
        Interpreter(described.file, threads=2, sha256=described.sha256),
        labels=described.labels,
        score_threshold=0.02,
        second_look=second_look_of(described) if second_look else None,
    )
    found = []
    for name in names:
        rgb = np.asarray(cv2.imread(str(data / "masks/images" / name)), np.uint8)[:, :, ::-1]
        found.append(detector.detect(frame_of(rgb, detector.input_size)))
    return truths, found


def reliability(truths: list[Truth], found: list[list[Detection]]) -> list[dict[str, float | int]]:
    """Returns per bin of scores the mean score and the share of right detections, from 20 px."""
    scores, right = [], []
    for truth, detections in zip(truths, found, strict=True):
        faces = list(truth.faces)
        for one in detections:
            if min(one.box.width, one.box.height) < 20:
                continue
            best = max(faces, key=lambda face: face[0].iou(one.box), default=None)
            hit = best is not None and best[0].iou(one.box) >= 0.5
            scores.append(one.score)
            right.append(hit and best is not None and best[1] is one.state)
            if hit and best is not None:
                faces.remove(best)
    bins = np.clip(np.digitize(scores, _BINS) - 1, 0, 9)
    table = []
    for number in range(10):
        inside = np.flatnonzero(bins == number)
        if len(inside):
            table.append(
                {
                    "detections": len(inside),
                    "mean_score": round(float(np.mean(np.array(scores)[inside])), 3),
                    "right": round(float(np.mean(np.array(right)[inside])), 3),
                }
            )
    return table
