"""How often faces are found and judged right, by skin, head cover, glasses, beard and pose.

The tags of tags.json were given by eye to faces of the validation pictures, as seen there: five
letters per face, for skin (light, medium, dark), cover (none, hat or helmet, scarf or hood),
glasses, beard (of unmasked faces), and pose (front, half profile, profile, bowed).
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from maskcam.evaluate.detections import frame_of, read_photograph
from maskcam.evaluate.shares import share
from maskcam.records import Box, Detection, MaskState
from maskcam.vision.detector import Detector

_TAGS = Path(__file__).with_name("tags.json")
_GROUPS = (
    {"l": "skin light", "m": "skin medium", "d": "skin dark"},
    {"n": "no head cover", "h": "hat or helmet", "s": "scarf or hood"},
    {"g": "glasses", "-": "no glasses"},
    {"b": "beard", "-": "no beard seen"},
    {"f": "front", "h": "half profile", "p": "profile", "b": "bowed"},
)
_STATES = {1: MaskState.WITH_MASK, 2: MaskState.WITHOUT_MASK, 3: MaskState.INCORRECT}
_SAME_FACE_IOU = 0.4


class _Face(NamedTuple):
    tags: str
    state: MaskState
    found: bool
    right: bool


def measure(data: Path, detector: Detector, *, threshold: float) -> list[dict[str, Any]]:
    """Returns for each group the number of faces, the share found and the share judged right.

    data: the folder with masks and people. threshold: lower scores are no detection.
    """
    faces = [
        face
        for name, tags in json.loads(_TAGS.read_text()).items()
        for face in _faces(data / name, tags, detector, threshold)
    ]
    groups: dict[str, list[_Face]] = defaultdict(list)
    for face in faces:
        groups["all"].append(face)
        groups[str(face.state)].append(face)
        for letter, names in zip(face.tags, _GROUPS, strict=True):
            groups[names[letter]].append(face)
    order = ["all", *map(str, _STATES.values()), *(n for names in _GROUPS for n in names.values())]
    return [_row(name, groups[name]) for name in order if groups[name]]


def _row(name: str, faces: list[_Face]) -> dict[str, Any]:
    found = [face for face in faces if face.found]
    return {
        "group": name,
        "faces": len(faces),
        **share("found", len(found), len(faces)),
        **share("right", sum(face.right for face in found), len(found)),
    }


def _faces(folder: Path, tags: dict[str, str], detector: Detector, threshold: float) -> list[_Face]:
    coco = json.loads((folder / "val.json").read_text())
    of_image = defaultdict(list)
    for one in coco["annotations"]:
        of_image[one["image_id"]].append(one)
    faces = []
    for image in coco["images"]:
        tagged = [one for one in of_image[image["id"]] if str(one["id"]) in tags]
        if not tagged:
            continue
        rgb = read_photograph(folder / "images" / image["file_name"])
        found = detector.detect(frame_of(rgb, detector.input_size))
        found = [one for one in found if one.score >= threshold]
        for one in tagged:
            x, y, width, height = one["bbox"]
            best = _best(Box(x, y, x + width, y + height), found)
            state = _STATES[one["category_id"]]
            right = best is not None and best.state is state
            faces.append(_Face(tags[str(one["id"])], state, best is not None, right))
    return faces


def _best(box: Box, found: list[Detection]) -> Detection | None:
    best = max(found, key=lambda one: one.box.iou(box), default=None)
    return best if best is not None and best.box.iou(box) >= _SAME_FACE_IOU else None
