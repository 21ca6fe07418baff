"""What the second look learns from: faces, and what a detector took for some, each cut out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.evaluate.detections import frame_of
from maskcam.records import Box
from maskcam.vision.detector import Detector
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import describe
from training.photo_street import load_photographs, render_pictures
from training.pictures import (
    IGNORE,
    Picture,
    leave_out_unseen,
    load_coco,
    load_crops,
    load_distractors,
    read_coco,
)

if TYPE_CHECKING:
    from training.teacher_boxes import Teacher

NO_FACE = 3
_REACH = 2.4  # side of a cut in longer sides of the face: more than the unit cuts, to move it
_MOST_PX = 112
_SMALLEST_FACE_PX = 8.0
_LOWEST_SCORE = 0.15
_HIT, _MISS = 0.5, 0.25  # overlap from which a box is that face, and below which it is none
_CLEAR = 0.2  # overlap with no face from which a place beside one is cut out
_IGNORED = 0.4  # share of a box in a region to ignore
_INCOMPLETE = ("face-mask-detection-853", "face-mask-jk4nr")  # sets that lack some of their faces
_BESIDE = 0.4  # share of faces beside which a place is cut that is none: an ear, a neck, hair
RENDERED = "rendered"
_PHOTO_FRAMES = 240  # of streets of photographed heads
_POINTED_PX = 16.0  # longer side from which on the points of a face are sought
# The nose beside the middle of the eyes, in widths of the face, and below them, in its height
# above the mouth (1.5 where a face looks at the camera): beyond, a head is turned or bowed.
_ASIDE, _BOWED = 0.12, 2.6


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One box of a picture with its surroundings.

    rgb: (n, n, 3) uint8. box: x0 y0 x1 y1 in its px. kind: 0 with, 1 without, 2 incorrect,
    3 no face. rendered: of the rendered street. points: (5, 2) eyes, nose and corners of the
    mouth in its px, where the teacher sees them.
    """

    rgb: NDArray[np.uint8]
    box: NDArray[np.float32]
    kind: int
    rendered: bool
    points: NDArray[np.float32] | None = None

    @property
    def is_turned(self) -> bool:
        """Whether the head is seen from its side, or bowed, as far as its points say."""
        if self.points is None:
            return False
        right, left, nose, *mouth = self.points
        eyes, lips = (right + left) / 2, (mouth[0] + mouth[1]) / 2
        aside = abs(float(nose[0] - eyes[0])) / float(self.box[2] - self.box[0])
        bowed = float(nose[1] - eyes[1]) > _BOWED * max(float(lips[1] - nose[1]), 0.0)
        return aside > _ASIDE or bowed


def load_cuts(data: Path, teacher: Path, stills: Path, model: Path) -> list[Cut]:
    """Returns the cuts of all training pictures.

    data: the folder with masks, faces, people, mask_crops and teacher_labels.
    teacher: the folder of the teacher, who finds the points of faces.
    stills: of the rendered street, in full resolution.
    model: the detector whose boxes are cut out, so that the second look sees in training what
        it will see on a unit.
    """
    cv2.setNumThreads(1)
    description = describe(model)
    detector = Detector(
        Interpreter(description.file, threads=1),
        labels=description.labels,
        score_threshold=_LOWEST_SCORE,
    )
    labels = data / "teacher_labels/masks_train"
    masks = load_coco(labels.with_name(f"{labels.name}.mended.json"), data / "masks/images")
    cuts = list(harvest(leave_out_unseen(masks, labels), detector))
    for file, images in (
        (data / "teacher_labels/faces_train.mended.json", data / "faces/images"),
        (data / "people/train.json", data / "people/images"),
        (stills / "stills.json", stills),
    ):
        cuts += harvest(read_coco(file, images), detector)
    photographs = load_photographs(data, validation=False)
    cuts += harvest(render_pictures(photographs, _PHOTO_FRAMES), detector)
    cuts += [_cut(p, p.boxes[0], int(p.classes[0])) for p in load_crops(data / "mask_crops")]
    cuts += [_cut(p, p.boxes[0], NO_FACE) for p in load_distractors(data / "faces/images")]
    from training.teacher_boxes import Teacher  # here: its runtime is only where one trains

    eye = Teacher(teacher)
    return [_with_points(cut, eye) for cut in cuts]


def _with_points(cut: Cut, teacher: Teacher) -> Cut:
    if cut.rendered or cut.kind == NO_FACE or longer_side(cut.box) < _POINTED_PX:
        return cut
    return replace(cut, points=teacher.find_points(cut.rgb, cut.box))


def harvest(pictures: Iterable[Picture], detector: Detector) -> Iterator[Cut]:
    """Yields each face once, as the detector boxed it where it did, and what is none."""
    rng = np.random.default_rng(0)
    for picture in pictures:
        faces = [Box(*map(float, picture.boxes[index])) for index in picture.faces]
        kinds = picture.classes[picture.faces]
        ignored = [Box(*map(float, box)) for box in picture.boxes[picture.classes == IGNORE]]
        missed = set(range(len(faces)))
        for found in detector.detect(frame_of(picture.rgb, detector.input_size)):
            overlaps = [found.box.iou(face) for face in faces]
            best = int(np.argmax(overlaps)) if overlaps else 0
            overlap = max(overlaps, default=0.0)
            if max(found.box.width, found.box.height) < _SMALLEST_FACE_PX:
                continue
            if overlap >= _HIT and best in missed:
                missed.remove(best)
                yield _cut(picture, np.array(found.box), int(kinds[best]))
            elif (
                overlap < _MISS
                and picture.source not in _INCOMPLETE
                and not any(found.box.share_in(one) > _IGNORED for one in ignored)
            ):
                yield _cut(picture, np.array(found.box), NO_FACE)
        for index in missed:
            if max(faces[index].width, faces[index].height) >= _SMALLEST_FACE_PX:
                yield _cut(picture, np.array(faces[index]), int(kinds[index]))
        for face in faces:
            box = _beside(face, rng)
            if (
                max(face.width, face.height) >= _SMALLEST_FACE_PX
                and rng.random() < _BESIDE
                and all(box.iou(one) < _CLEAR for one in faces)
                and not any(box.share_in(one) > _IGNORED for one in ignored)
            ):
                yield _cut(picture, np.array(box), NO_FACE)


def _beside(face: Box, rng: np.random.Generator) -> Box:
    """Returns a box of the size of a face beside, above or below it."""
    aside, low, high = (0.75, -0.3, 0.6) if rng.random() < 0.75 else (0.0, 0.95, 1.3)
    across = float(rng.choice([-1, 1]) * rng.uniform(aside, 1.15 * aside + 0.2)) * face.width
    down = float(rng.uniform(low, high) * (1 if aside else rng.choice([-1, 1]))) * face.height
    return Box(face.x0 + across, face.y0 + down, face.x1 + across, face.y1 + down)


def longer_side(box: NDArray[np.floating]) -> float:
    """Returns the longer side of x0 y0 x1 y1."""
    return float(max(box[2] - box[0], box[3] - box[1]))


def _cut(picture: Picture, box: NDArray[np.floating], kind: int) -> Cut:
    side = max(4, round(_REACH * longer_side(box)))
    left, top = (round(float(box[k] + box[k + 2] - side) / 2) for k in (0, 1))
    high, wide = picture.rgb.shape[:2]
    rgb = picture.rgb[max(top, 0) : top + side, max(left, 0) : left + side]
    spare = max(-top, 0), max(top + side - high, 0), max(-left, 0), max(left + side - wide, 0)
    rgb = np.asarray(cv2.copyMakeBorder(rgb, *spare, cv2.BORDER_REPLICATE), np.uint8)
    placed = (box - np.array([left, top, left, top])).astype(np.float32)
    if side > _MOST_PX:
        small = cv2.resize(rgb, (_MOST_PX, _MOST_PX), interpolation=cv2.INTER_AREA)
        rgb = np.asarray(small, np.uint8)
        placed *= np.float32(_MOST_PX / side)
    return Cut(rgb, placed, kind, picture.source == RENDERED)
