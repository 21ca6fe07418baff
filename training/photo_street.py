"""A street made of photographs: photographed heads walk through photographed places.

Who walks where, when, and how the mask is worn comes from the rendered street; so does the body
below the head. Photographs come from ../shared/data: the heads of training pictures for training,
those of validation pictures for measuring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Box, MaskState
from maskcam.street import Scene, SceneConfig
from maskcam.street.body import draw_body
from maskcam.street.figure import Figure, face_box, is_turned_by
from training.pictures import IGNORE, Picture, load_coco
from training.street_samples import label

_STATES = (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT)
_LEAST_PX = 40.0  # shorter side of a face that is cut out
_MARGINS = (0.45, 0.65, 0.45, 0.2)  # left, top, right, bottom of the head, in box sizes
_HEAD_PX = 160  # longer side of a cut
_OF_STREET, _STREET_S = 12, 60.0  # frames of a street for training, and how long it lasts
_FRONTAL_DEG = 65.0  # turned farther, a head would need another photograph: not shown at all


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head cut out: rgb (h, w, 3) uint8, alpha (h, w) 0..1, and its face's box in px."""

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    box: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Photographs:
    """What streets are made of; `seed` decides which are used where."""

    heads: dict[MaskState, list[Head]]
    places: list[NDArray[np.uint8]]


def load_photographs(data: Path, *, validation: bool) -> Photographs:
    """Returns the heads of the training or of the validation pictures, and places without people.

    data: the folder with masks, people and faces.
    """
    parts = ("val", "test") if validation else ("train",)
    files = [(data / f"masks/{part}.json", data / "masks/images") for part in parts]
    files.append((data / f"people/{'val' if validation else 'train'}.json", data / "people/images"))
    heads: dict[MaskState, list[Head]] = {state: [] for state in _STATES}
    for file, images in files:
        for picture in load_coco(file, images):
            for face in picture.faces:
                head = cut_head(picture, int(face))
                if head is not None:
                    heads[_STATES[picture.classes[face]]].append(head)
    empty = [
        one
        for one in load_coco(data / "faces/train.json", data / "faces/images")
        if not len(one.boxes)
    ]
    return Photographs(heads, [one.rgb for one in empty[int(validation) :: 2]])


def cut_head(picture: Picture, face: int) -> Head | None:
    """Returns a head with hair and hat, its background made transparent; None if it is unfit."""
    box = picture.boxes[face].astype(np.float64)
    width, height = box[2:] - box[:2]
    if min(width, height) < _LEAST_PX:
        return None
    left, top, right, bottom = _MARGINS
    outer = np.array(
        [
            box[0] - left * width,
            box[1] - top * height,
            box[2] + right * width,
            box[3] + bottom * height,
        ]
    )
    limits = (picture.rgb.shape[1], picture.rgb.shape[0]) * 2
    inner = np.clip(outer, 0, limits).astype(int)
    if np.abs(inner - outer).max() > 0.3 * height:
        return None  # cut by the picture's edge
    rgb = picture.rgb[inner[1] : inner[3], inner[0] : inner[2]]
    scale = min(1.0, _HEAD_PX / max(rgb.shape[:2]))
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    placed = (box - np.tile(inner[:2], 2)) * scale
    return Head(rgb, _alpha(rgb, placed), placed)


def _alpha(rgb: NDArray[np.uint8], box: NDArray[np.float64]) -> NDArray[np.float32]:
    """Parts a head from what is behind it (GrabCut), with the face as a sure part."""
    mask = np.full(rgb.shape[:2], cv2.GC_PR_BGD, np.uint8)
    centre = ((box[:2] + box[2:]) / 2).astype(int).tolist()
    half = ((box[2:] - box[:2]) / 2).astype(int)
    cv2.ellipse(
        mask, centre, (half * (1.3, 1.5)).astype(int).tolist(), 0, 0, 360, cv2.GC_PR_FGD, -1
    )
    cv2.ellipse(mask, centre, (half * 0.9).astype(int).tolist(), 0, 0, 360, cv2.GC_FGD, -1)
    mask[:2], mask[:, :2], mask[:, -2:] = cv2.GC_BGD, cv2.GC_BGD, cv2.GC_BGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(rgb, mask, (0, 0, 1, 1), *models, 2, cv2.GC_INIT_WITH_MASK)
    inside = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
    inside[int(box[3]) :] *= np.linspace(1, 0, max(1, len(inside) - int(box[3])))[:, None]
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), 1.2), np.float32)


class PhotoScene(Scene):
    """A rendered street whose heads and place are photographs; the same seed, the same frames.

    Heads that are turned too far keep looking at the camera no longer: they are not drawn.
    """

    def __init__(self, config: SceneConfig, photographs: Photographs) -> None:
        super().__init__(config)
        rng = np.random.default_rng([config.seed, 0xF070])
        self._heads: dict[int, Head] = {}
        for number, walker in enumerate(self.cast):
            of_state = photographs.heads[walker.look.state]
            self._heads[number] = of_state[int(rng.integers(len(of_state)))]
        place = photographs.places[int(rng.integers(len(photographs.places)))]
        self._place = _as_wide(place, config.size)
        self._light = float(rng.uniform(0.75, 1.1))

    def render(self, at_s: float) -> NDArray[np.uint8]:
        """Returns the frame (H, W, 3) RGB at a time of the scene's clock."""
        frame = self._place.copy()
        people = sorted(self.people(at_s).items(), key=lambda one: -one[1].z)
        for number, figure in people:
            if float(self.camera.view(figure.head_centre)[2]) < 0.4:
                continue
            draw_body(frame, figure, self.camera, self._sky.people, shadow=self._sky.shadow)
            box = face_box(figure, self.camera)
            if box is not None and not is_turned_by(_FRONTAL_DEG, figure, self.camera):
                _paste(frame, self._heads[number], figure, box, self._light)
        lot = np.random.default_rng([self.config.seed, abs(int(at_s * 1e6))])
        grain = lot.standard_normal((frame.shape[0] // 2, frame.shape[1] // 2, 1), np.float32)
        grain = cv2.resize(grain, self.camera.size)[..., None] * np.float32(3 * self.config.noise)
        noisy: NDArray[np.uint8] = np.clip(frame + grain, 0, 255).astype(np.uint8)
        return noisy


def render_pictures(photographs: Photographs, count: int) -> Iterator[Picture]:
    """Yields `count` frames of such streets, labelled; twelve of each, with other people."""
    for number in range(-(-count // _OF_STREET)):
        rng = np.random.default_rng([number, 0xF071])
        config = SceneConfig(
            seed=6_000_000 + number,
            duration_s=_STREET_S,
            people_per_minute=float(rng.uniform(12, 26)),
            with_mask=0.42,
            incorrect=0.2,
            tilt_deg=float(rng.uniform(4, 16)),
        )
        scene = PhotoScene(config, photographs)
        for _ in range(min(_OF_STREET, count - number * _OF_STREET)):
            yield _labelled(scene, float(rng.uniform(5, _STREET_S - 5)))


def _labelled(scene: PhotoScene, at_s: float) -> Picture:
    figures = list(scene.people(at_s).values())
    faces, ignored = label(figures, scene.camera)
    # Who is turned far has no head here, and is no face.
    hidden = [one for one in figures if is_turned_by(_FRONTAL_DEG, one, scene.camera)]
    gone = [box for one in hidden if (box := face_box(one, scene.camera)) is not None]
    faces = [(box, state) for box, state in faces if all(box.iou(one) < 0.5 for one in gone)]
    boxes = [box for box, _ in faces] + ignored + gone
    kinds = [_STATES.index(state) for _, state in faces] + [IGNORE] * (len(ignored) + len(gone))
    return Picture(
        rgb=scene.render(at_s),
        boxes=np.array([tuple(box) for box in boxes], np.float32).reshape(-1, 4),
        classes=np.array(kinds, np.int32),
        box_weight=np.ones(len(boxes), np.float32),
        source="photographed street",
    )


def _as_wide(place: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns a place as a frame, cut to its shape and a little out of focus."""
    scale = max(size[0] / place.shape[1], size[1] / place.shape[0])
    large = cv2.resize(place, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    left, top = (large.shape[1] - size[0]) // 2, (large.shape[0] - size[1]) // 2
    return np.ascontiguousarray(large[top : top + size[1], left : left + size[0]])


def _paste(frame: NDArray[np.uint8], head: Head, figure: Figure, box: Box, light: float) -> None:
    """Lays a head over `frame` so that its face fills `box`, rolled and lit."""
    side = np.sqrt(np.prod(head.box[2:] - head.box[:2]))
    scale = float(np.sqrt(box.area) / side)
    source, shrunk = head, 1.0
    if scale < 0.7:  # no aliasing: shrink by areas first
        shrunk = scale * 1.2
        size = tuple(max(2, round(edge * shrunk)) for edge in head.rgb.shape[1::-1])
        source = Head(
            np.asarray(cv2.resize(head.rgb, size, interpolation=cv2.INTER_AREA), np.uint8),
            np.asarray(cv2.resize(head.alpha, size, interpolation=cv2.INTER_AREA), np.float32),
            head.box * shrunk,
        )
    roll = figure.roll + 0.04 * np.sin(figure.stride)
    turn = scale / shrunk * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    centre = (source.box[:2] + source.box[2:]) / 2
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * source.alpha.shape[::-1]
    placed = (corners - centre) @ turn.T + box.centre
    low = np.floor(placed.min(0)).astype(int).clip(0, frame.shape[1::-1])
    high = np.ceil(placed.max(0)).astype(int).clip(0, frame.shape[1::-1])
    if (high - low).min() < 1:
        return
    move = np.column_stack([turn, np.array(box.centre) - turn @ centre - low])
    size = tuple((high - low).tolist())
    rgb = cv2.warpAffine(source.rgb, move, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.warpAffine(source.alpha, move, size, flags=cv2.INTER_LINEAR)[..., None]
    ground = frame[low[1] : high[1], low[0] : high[0]]
    ground[:] = (ground * (1 - alpha) + np.clip(rgb * light, 0, 255) * alpha).astype(np.uint8)
