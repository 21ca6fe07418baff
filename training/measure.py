"""Measures the models: on films of real streets, on photographs, on streets of our own making."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from maskcam.evaluate import detections, street
from maskcam.evaluate.shares import share
from maskcam.people.passages import Crowd
from maskcam.records import MaskState
from maskcam.street import Scene, SceneCamera, SceneConfig
from maskcam.vision.models import LoadedModel, load_model
from training import fairness
from training.photo_street import PhotoScene, load_photographs
from training.teacher_boxes import write_boxes

_log = logging.getLogger(__name__)
# Real clips; how everybody in them wears the mask, and the people whom a person counts.
_CLIPS: dict[str, tuple[MaskState | None, str]] = {
    "walk_protest_masked": (MaskState.WITH_MASK, "7"),
    "couple_masked": (MaskState.WITH_MASK, "2"),
    "arcade_unmasked": (MaskState.WITHOUT_MASK, "12"),
    "gathering_mixed": (None, "12"),
}
_PHOTOGRAPHS = {"masks, test": ("masks", "test"), "people, validation": ("people", "val")}
_STREETS = {"photographed": (4104, 4105, 4107, 4108), "drawn": (4106, 4109, 4110, 4111)}  # seeds
_STREET_S = 60.0


PARTS = ("clips", "photographs", "fairness", "streets")


def measure(
    data: Path, teacher: Path, boxes: Path, model: Path, parts: Sequence[str] = PARTS
) -> dict[str, Any]:
    """Returns all figures of the card but those of the training and the times.

    boxes: the folder that keeps the teacher's boxes of the clips. parts: which of `PARTS`.
    """
    loaded = load_model(model=model, threads=1)
    how: dict[str, Callable[[], Any]] = {
        "clips": lambda: measure_clips(data, teacher, boxes, model),
        "photographs": lambda: _measure_photographs(data, model),
        "fairness": lambda: fairness.measure(data, loaded.detector(), threshold=loaded.high_score),
        "streets": lambda: measure_streets(data, loaded),
    }
    found: dict[str, Any] = {part: how[part]() for part in parts}
    if "clips" in found:
        found["clips_together"] = put_together(found["clips"])
    return {"threshold": loaded.high_score, **found}


def _measure_photographs(data: Path, model: Path) -> dict[str, Any]:
    return {
        name: detections.evaluate(
            coco=data / folder / f"{split}.json",
            images=data / folder / "images",
            model=model,
            intervals=True,
            conditions=name == "masks, test",
        )
        for name, (folder, split) in _PHOTOGRAPHS.items()
    }


def measure_clips(data: Path, teacher: Path, boxes: Path, model: Path) -> dict[str, Any]:
    """Returns what `maskcam evaluate street` finds on each real clip, and who a person counts."""
    found = {}
    for name, (state, people) in _CLIPS.items():
        clip = data / "street_clips" / f"{name}.mp4"
        file = boxes_of(clip, teacher, boxes)
        found[name] = street.evaluate(clip, file, model=model, state=state)
        found[name]["people_by_eye"] = people
        _log.info("%s: %s", name, json.dumps(found[name]["sizes"]))
    return found


def put_together(clips: dict[str, Any]) -> dict[str, Any]:
    """Returns of the masked clips and of the others, by size, all faces together."""
    kinds: dict[str, list[dict[str, Any]]] = {"masked": [], "unmasked": []}
    for name, clip in clips.items():
        masked = _CLIPS[name][0] is MaskState.WITH_MASK
        kinds["masked" if masked else "unmasked"].append(clip["sizes"])
    return {
        kind: {size: _add_up([one[size] for one in several]) for size in several[0]}
        for kind, several in kinds.items()
    }


def _add_up(rows: list[dict[str, Any]]) -> dict[str, Any]:
    faces = hits = judged = right = 0
    for row in rows:
        here = round((row["found"] or 0) * row["faces"])
        faces, hits = faces + row["faces"], hits + here
        if row["state_right"] is not None:
            judged, right = judged + here, right + round(row["state_right"] * here)
    return {
        "faces": faces,
        **share("found", hits, faces),
        **share("state_right", right, judged),
    }


def boxes_of(clip: Path, teacher: Path, boxes: Path) -> Path:
    """Returns the file of the teacher's boxes of a clip, made if it is not there yet."""
    file = boxes / f"{clip.stem}.json"
    if not file.is_file():
        write_boxes(clip, teacher, file)
    return file


def measure_streets(data: Path, loaded: LoadedModel) -> list[dict[str, Any]]:
    """Returns who passed, in truth and as counted, on streets that chose nothing."""
    photographs = load_photographs(data, validation=True)
    rows = []
    for kind, seed in [(kind, seed) for kind, seeds in _STREETS.items() for seed in seeds]:
        config = SceneConfig(
            seed=seed,
            duration_s=_STREET_S,
            people_per_minute=18,
            objectors=0,
            with_mask=0.6,
            incorrect=0.06,
            fps=10,
            tilt_deg=10,
        )
        scene = Scene(config) if kind == "drawn" else PhotoScene(config, photographs)
        counted = _count(scene, loaded)
        true = {str(state): number for state, number in scene.truth.totals().items()}
        rows.append({"street": kind, "seed": seed, "true": true, "counted": counted})
        _log.info("%s", json.dumps(rows[-1]))
    return rows


def _count(scene: Scene, loaded: LoadedModel) -> dict[str, int]:
    detector = loaded.detector()
    crowd = Crowd(frame_size=scene.camera.size, high_score=loaded.high_score, recording=True)
    passages: Counter[str] = Counter()
    at_s = 0.0
    with SceneCamera(scene, rgb_size=loaded.input_size, fast=True) as camera:
        while (frame := camera.read(timeout_s=10)) is not None:
            at_s = frame.captured_at_s
            crowd.update(detector.detect(frame), at_s)
            passages.update(str(p.state) for p in crowd.take_passages(at_s, observed=True))
    passages.update(str(passage.state) for passage in crowd.finish(at_s))
    return {str(state): passages[str(state)] for state in MaskState}
