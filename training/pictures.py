"""The labelled pictures, decoded once and kept in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WITH_MASK, WITHOUT_MASK, INCORRECT, IGNORE = 0, 1, 2, -1
CROPS = "mask_crops"
_CROP_BOXES = Path(__file__).with_name("crop_boxes.json")
_NOT_FACES = Path(__file__).with_name("not_faces.json")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture and its faces.

    rgb: (H, W, 3) uint8. boxes: (N, 4) x0 y0 x1 y1 px. classes: (N,) 0 with, 1 without,
    2 incorrect, -1 ignore. box_weight: (N,) how far the edges of a box can be trusted.
    sought: (N,) how often each is taken for training, beside the others; None: all alike.
    """

    rgb: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    classes: NDArray[np.int32]
    box_weight: NDArray[np.float32]
    source: str
    sought: NDArray[np.float32] | None = None

    @property
    def faces(self) -> NDArray[np.intp]:
        """Indices of the boxes that are faces, not regions to ignore."""
        return np.flatnonzero(self.classes >= 0)


def load_coco(
    file: Path,
    images: Path,
    *,
    approximate_weight: float = 1.0,
    every: int = 1,
    longest_px: int | None = None,
) -> list[Picture]:
    """Reads all that `read_coco` yields, larger ones scaled to `longest_px`."""
    pictures = read_coco(file, images, approximate_weight=approximate_weight, every=every)
    return [one if longest_px is None else _within(one, longest_px) for one in pictures]


def read_coco(
    file: Path, images: Path, *, approximate_weight: float = 1.0, every: int = 1
) -> Iterator[Picture]:
    """Yields the pictures of a COCO file with the data's `ignore` and `box_convention` fields.

    approximate_weight: box weight of boxes that were converted from head boxes and not replaced
        by the teacher's.
    every: takes every n-th picture only.
    """
    coco = json.loads(file.read_text())
    faces: dict[int, list[dict[str, Any]]] = {}
    for annotation in coco["annotations"]:
        faces.setdefault(annotation["image_id"], []).append(annotation)
    for image in coco["images"][::every]:
        bgr = cv2.imread(str(images / image["file_name"]))
        if bgr is None:
            raise FileNotFoundError(f"{images / image['file_name']}: cannot be read")
        found = faces.get(image["id"], [])
        boxes = [f["bbox"] for f in found] + image.get("ignore", [])
        classes = [IGNORE if f.get("iscrowd") else f["category_id"] - 1 for f in found]
        classes += [IGNORE] * len(image.get("ignore", []))
        approximate = image.get("box_convention", "face") != "face"
        weights = [
            approximate_weight if approximate and "bbox_before_teacher" not in one else 1.0
            for one in found
        ]
        weights += [1.0] * len(image.get("ignore", []))
        yield Picture(
            rgb=np.ascontiguousarray(bgr[:, :, ::-1]),
            boxes=_corners(boxes),
            classes=np.array(classes, np.int32),
            box_weight=np.array(weights, np.float32),
            source=image.get("source", file.stem),
        )


def leave_out_unseen(pictures: list[Picture], labels: Path) -> list[Picture]:
    """Returns the pictures with regions to ignore where the teacher sees a face without a label.

    Of these the surer ones were looked at (`missing`); those that are no face stay background.

    pictures: all of a mended COCO file, in its order. labels: the start of the names of the
    teacher's files beside it.
    """
    beside = {
        kind: json.loads(labels.with_name(f"{labels.name}.{kind}.json").read_text())
        for kind in ("mended", "teacher", "missing")
    }
    no_face = {
        (one["image_id"], tuple(one["bbox"]))
        for one in beside["missing"]["items"]
        if one["state"] == "not_a_face"
    }
    seen = {
        image["id"]: [
            one["bbox"]
            for one in image["boxes"]
            if not one["covered"] and (image["id"], tuple(one["bbox"])) not in no_face
        ]
        for image in beside["teacher"]["images"]
    }
    added = (_corners(seen.get(image["id"], [])) for image in beside["mended"]["images"])
    return [
        replace(
            picture,
            boxes=np.concatenate([picture.boxes, boxes]),
            classes=np.concatenate([picture.classes, np.full(len(boxes), IGNORE, np.int32)]),
            box_weight=np.concatenate([picture.box_weight, np.ones(len(boxes), np.float32)]),
        )
        for picture, boxes in zip(pictures, added, strict=True)
    ]


def load_crops(folder: Path) -> list[Picture]:
    """Reads the pictures of `mask_crops` that a face fills; the name of a folder is their class.

    They come without boxes. Those in crop_boxes.json were found by an earlier model of this
    project: kept where it saw one face and its class agreed, and looked at by eye.
    """
    pictures = []
    for name, box in json.loads(_CROP_BOXES.read_text()).items():
        bgr = cv2.imread(str(folder / name))
        if bgr is None:
            raise FileNotFoundError(f"{folder / name}: cannot be read")
        kind = WITH_MASK if name.startswith("with_mask/") else WITHOUT_MASK
        pictures.append(
            Picture(
                rgb=np.ascontiguousarray(bgr[:, :, ::-1]),
                boxes=np.array([box], np.float32),
                classes=np.array([kind], np.int32),
                box_weight=np.ones(1, np.float32),
                source=CROPS,
            )
        )
    return pictures


def load_distractors(images: Path) -> list[Picture]:
    """Cuts hands, signs, wheels and the like, one per picture, out of the pictures of `faces`.

    not_faces.json lists where: an earlier model of this project took these places for faces,
    though no face and no region to ignore of that well-labelled set is near.
    """
    pictures = []
    for name, boxes in json.loads(_NOT_FACES.read_text()).items():
        bgr = cv2.imread(str(images / name))
        if bgr is None:
            raise FileNotFoundError(f"{images / name}: cannot be read")
        for x0, y0, x1, y1 in boxes:
            margin = max(x1 - x0, y1 - y0) // 2
            left, top = max(0, x0 - margin), max(0, y0 - margin)
            cut = bgr[top : y1 + margin, left : x1 + margin, ::-1]
            pictures.append(
                Picture(
                    rgb=np.ascontiguousarray(cut),
                    boxes=np.array([[x0 - left, y0 - top, x1 - left, y1 - top]], np.float32),
                    classes=np.array([IGNORE], np.int32),
                    box_weight=np.ones(1, np.float32),
                    source="not faces",
                )
            )
    return pictures


def _within(picture: Picture, longest_px: int) -> Picture:
    scale = longest_px / max(picture.rgb.shape)
    if scale >= 1:
        return picture
    size = round(picture.rgb.shape[1] * scale), round(picture.rgb.shape[0] * scale)
    rgb = np.asarray(cv2.resize(picture.rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return replace(picture, rgb=rgb, boxes=picture.boxes * np.float32(scale))


def _corners(boxes: list[list[float]]) -> NDArray[np.float32]:
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    return corners
