"""Composes training pictures: mosaics, small faces, pasted heads, drawn masks, tilted views."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from training.drawn_masks import draw_mask
from training.photometry import vary
from training.pictures import CROPS, IGNORE, INCORRECT, WITH_MASK, WITHOUT_MASK, Picture

_SMALLEST_FACE_PX = 5.0
_HEAD_MARGIN = (0.30, 0.50, 0.30, 0.25)  # left, top, right, bottom, in box sizes
_PADDING = 128  # grey of the detector's letterbox


@dataclass(frozen=True, slots=True)
class Recipe:
    """How often each trick is used; see config.toml for what each does."""

    canvas: tuple[int, int]
    deploy_input: tuple[int, int]
    mosaic: float
    shrink_to_face: float
    paste_heads: float
    draw_masks: float
    tilt: float
    rendered: float


@dataclass(slots=True)
class _Labels:
    boxes: list[NDArray[np.float32]]
    classes: list[int]
    weights: list[float]

    def add(self, box: NDArray[np.float32], kind: int, weight: float) -> None:
        self.boxes.append(box)
        self.classes.append(kind)
        self.weights.append(weight)


class Composer:
    """Makes training pictures from a corpus; the same seed gives the same picture.

    pictures: photographs. rendered: stills of the rendered street. distractors: cuts that look
    like a face to a network, but are none.
    """

    def __init__(
        self,
        pictures: list[Picture],
        rendered: list[Picture],
        distractors: list[Picture],
        recipe: Recipe,
    ) -> None:
        self._pictures = pictures
        self._rendered = rendered
        self._recipe = recipe
        weights = np.array([_picture_weight(p) for p in pictures])
        self._chance = weights / weights.sum()
        self._empty = [p for p in pictures if not len(p.boxes)]
        self._heads: dict[int, list[tuple[Picture, int]]] = {
            IGNORE: [(picture, 0) for picture in distractors]
        }
        for picture in pictures:
            for face in picture.faces:
                box = picture.boxes[face]
                if min(box[2] - box[0], box[3] - box[1]) >= 26:
                    times = 1 if picture.sought is None else math.ceil(picture.sought[face])
                    heads = self._heads.setdefault(int(picture.classes[face]), [])
                    heads += times * [(picture, int(face))]

    def compose(self, rng: np.random.Generator) -> Picture:
        """Returns a picture of the size of the canvas, before `finish`."""
        recipe = self._recipe
        height, width = recipe.canvas
        rgb = self._background(rng)
        labels = _Labels([], [], [])
        rendered = bool(self._rendered) and rng.random() < recipe.rendered
        if rendered and rng.random() < 0.7:
            self._place(self._pick(rng, rendered=True), rgb, (0, 0, width, height), labels, rng)
        elif rng.random() < recipe.mosaic:
            x = int(width * rng.uniform(0.3, 0.7))
            y = int(height * rng.uniform(0.3, 0.7))
            for region in (
                (0, 0, x, y),
                (x, 0, width, y),
                (0, y, x, height),
                (x, y, width, height),
            ):
                one = rendered and rng.random() < 0.5
                self._place(self._pick(rng, rendered=one), rgb, region, labels, rng)
        else:
            self._place(self._pick(rng, rendered=False), rgb, (0, 0, width, height), labels, rng)
        if rng.random() < recipe.paste_heads:
            self._paste_heads(rgb, labels, rng)
        boxes = np.array(labels.boxes, np.float32).reshape(-1, 4)
        weights = np.array(labels.weights, np.float32)
        return Picture(rgb, boxes, np.array(labels.classes, np.int32), weights, "composed")

    def _background(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        height, width = self._recipe.canvas
        if rng.random() < 0.35 or not self._empty:
            return np.full((height, width, 3), _PADDING if rng.random() < 0.8 else 0, np.uint8)
        rgb = self._empty[int(rng.integers(len(self._empty)))].rgb
        part = rng.uniform(0.4, 1.0)
        rows, columns = int(rgb.shape[0] * part), int(rgb.shape[1] * part)
        y, x = (
            int(rng.integers(rgb.shape[0] - rows + 1)),
            int(rng.integers(rgb.shape[1] - columns + 1)),
        )
        cut = cv2.resize(rgb[y : y + rows, x : x + columns], (width, height))
        return np.asarray(cut, np.uint8)

    def _pick(self, rng: np.random.Generator, *, rendered: bool) -> Picture:
        if rendered:
            return self._rendered[int(rng.integers(len(self._rendered)))]
        picture = self._pictures[int(rng.choice(len(self._pictures), p=self._chance))]
        bare = [f for f in picture.faces if picture.classes[f] == WITHOUT_MASK]
        if bare and rng.random() < self._recipe.draw_masks:
            picture = _with_drawn_masks(picture, bare, rng)
        return picture

    def _place(
        self,
        picture: Picture,
        rgb: NDArray[np.uint8],
        region: tuple[int, int, int, int],
        labels: _Labels,
        rng: np.random.Generator,
    ) -> None:
        x0, y0, x1, y1 = region
        width, height = x1 - x0, y1 - y0
        source_height, source_width = picture.rgb.shape[:2]
        faces = picture.faces
        scale = min(
            self._recipe.deploy_input[1] / source_width,
            self._recipe.deploy_input[0] / source_height,
        ) * np.exp(rng.normal(-0.05, 0.3))
        focus = np.array([rng.uniform(0, source_width), rng.uniform(0, source_height)])
        if len(faces):
            chance = None if picture.sought is None else picture.sought[faces]
            chosen = rng.choice(faces, p=None if chance is None else chance / chance.sum())
            face = picture.boxes[int(chosen)]
            side = float(np.sqrt((face[2] - face[0]) * (face[3] - face[1])))
            # What a face fills is there to be a small face.
            if rng.random() < self._recipe.shrink_to_face or picture.source == CROPS:
                scale = min(scale, np.exp(rng.uniform(np.log(6.5), np.log(64))) / side)
            scale = min(scale, 0.9 * min(width, height) / side)
            if rng.random() < 0.8:
                focus = (face[:2] + face[2:]) / 2
        scale = float(np.clip(scale, 0.08, 3.0))
        source, shrunk = picture.rgb, 1.0
        if scale < 0.6:  # no aliasing: halve by areas first
            shrunk = max(scale * 1.25, 0.05)
            size = (max(1, round(source_width * shrunk)), max(1, round(source_height * shrunk)))
            area = rng.random() < 0.85
            mode = cv2.INTER_AREA if area else cv2.INTER_LINEAR
            source = np.asarray(cv2.resize(source, size, interpolation=mode), np.uint8)
        target = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.85) * height])
        if scale * source_width <= width and scale * source_height <= height:
            free = np.array([width - scale * source_width, height - scale * source_height])
            target, focus = free * rng.random(2), np.zeros(2)
        matrix = _view(focus, target, scale, self._recipe.tilt, rng)
        from_shrunk = matrix @ np.diag([1 / shrunk, 1 / shrunk, 1.0])
        ground = np.ascontiguousarray(rgb[y0:y1, x0:x1])
        rgb[y0:y1, x0:x1] = cv2.warpPerspective(
            source,
            from_shrunk,
            (width, height),
            dst=ground,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )
        _add_labels(picture, matrix, region, labels)

    def _paste_heads(
        self, rgb: NDArray[np.uint8], labels: _Labels, rng: np.random.Generator
    ) -> None:
        height, width = rgb.shape[:2]
        taken = list(labels.boxes)
        for _ in range(int(rng.integers(1, 6))):
            # The distractors also keep the seam of a paste from giving a face away.
            kinds = [WITH_MASK, WITHOUT_MASK, INCORRECT, IGNORE]
            kind = int(rng.choice(kinds, p=[0.18, 0.45, 0.12, 0.25]))
            heads = self._heads.get(kind)
            if not heads:
                continue
            picture, face = heads[int(rng.integers(len(heads)))]
            cut, box = _cut_head(picture, face)
            side = float(np.sqrt((box[2] - box[0]) * (box[3] - box[1])))
            if kind == WITHOUT_MASK and rng.random() < 0.3:
                cut = cut.copy()
                worn = ("well", "nose_out", "chin")[int(rng.integers(3))]
                draw_mask(cut, box, worn, rng)
                kind = WITH_MASK if worn == "well" else INCORRECT
            scale = np.exp(rng.uniform(np.log(7), np.log(64))) / side
            if scale > 1:
                continue
            size = (max(3, round(cut.shape[1] * scale)), max(3, round(cut.shape[0] * scale)))
            if size[0] >= width or size[1] >= height:
                continue
            cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
            x, y = int(rng.integers(width - size[0])), int(rng.integers(height - size[1]))
            place = np.array([x, y, x + size[0], y + size[1]], np.float32)
            if any(_touch(place, other) for other in taken):
                continue
            taken.append(place)
            ground = rgb[y : y + size[1], x : x + size[0]]
            tone = 0.5 * (float(ground.mean()) + 30) / (float(cut.mean()) + 30) + 0.5
            alpha = _soft_ellipse(size)
            blend = cut * np.clip(tone, 0.55, 1.4) * alpha + ground * (1 - alpha)
            ground[:] = np.clip(blend, 0, 255).astype(np.uint8)
            if kind == IGNORE:
                continue
            placed = box * scale + np.array([x, y, x, y], np.float32)
            labels.add(placed.astype(np.float32), kind, float(picture.box_weight[face]))


def _add_labels(
    picture: Picture,
    matrix: NDArray[np.float64],
    region: tuple[int, int, int, int],
    labels: _Labels,
) -> None:
    """Adds the boxes of a picture that `matrix` puts into a region, as far as they are seen."""
    x0, y0, x1, y1 = region
    width, height = x1 - x0, y1 - y0
    boxes = _transform(picture.boxes, matrix)
    for box, kind, weight in zip(boxes, picture.classes, picture.box_weight, strict=True):
        seen = np.clip(box, 0, (width, height, width, height))
        area = (box[2] - box[0]) * (box[3] - box[1])
        visible = (seen[2] - seen[0]) * (seen[3] - seen[1]) / max(area, 1e-6)
        if visible < 0.1 or not np.isfinite(box).all():
            continue
        small = min(seen[2] - seen[0], seen[3] - seen[1]) < _SMALLEST_FACE_PX
        kind = IGNORE if visible < 0.55 or small else int(kind)
        labels.add(seen + np.array([x0, y0, x0, y0], np.float32), kind, float(weight))


def finish(picture: Picture, rng: np.random.Generator) -> Picture:
    """Returns the picture mirrored or not, in another light, blurred, noisy."""
    rgb, boxes = picture.rgb, picture.boxes
    if rng.random() < 0.5:
        width = rgb.shape[1]
        rgb = np.asarray(cv2.flip(rgb, 1), np.uint8)
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    return Picture(vary(rgb, rng), boxes, picture.classes, picture.box_weight, picture.source)


def _picture_weight(picture: Picture) -> float:
    kinds = set(picture.classes[picture.faces].tolist())
    if not kinds:
        return 0.35
    weight = 0.3 if picture.source == CROPS else 1.0
    if WITHOUT_MASK in kinds:
        weight *= 1.5
    if INCORRECT in kinds:
        weight = 2.0
    if picture.sought is not None:
        weight *= float(picture.sought[picture.faces].mean())
    return weight


def _with_drawn_masks(picture: Picture, bare: list[int], rng: np.random.Generator) -> Picture:
    rgb, classes = picture.rgb.copy(), picture.classes.copy()
    for face in bare:
        box = picture.boxes[face]
        if min(box[2] - box[0], box[3] - box[1]) < 14 or rng.random() < 0.3:
            continue
        worn = str(rng.choice(["well", "nose_out", "chin"], p=[0.5, 0.25, 0.25]))
        draw_mask(rgb, box, worn, rng)
        classes[face] = WITH_MASK if worn == "well" else INCORRECT
    return replace(picture, rgb=rgb, classes=classes)


def _view(
    focus: NDArray[np.float64],
    target: NDArray[np.float64],
    scale: float,
    tilt: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Returns the 3x3 map that puts `focus` at `target`, scaled, rolled and sometimes tilted."""
    roll = np.deg2rad(np.clip(rng.normal(0, 6), -15, 15))
    stretch = np.exp(rng.normal(0, 0.06))
    turn = scale * np.array(
        [[np.cos(roll) * stretch, -np.sin(roll)], [np.sin(roll) * stretch, np.cos(roll)]]
    )
    move = np.eye(3)
    move[:2, :2] = turn
    move[:2, 2] = -turn @ focus
    if rng.random() < tilt:
        pitch = np.deg2rad(rng.uniform(-10, 30))
        distance = 400.0  # of the eye from the picture, in canvas pixels
        look = np.array(
            [[1, 0, 0], [0, np.cos(pitch), 0], [0, -np.sin(pitch) / distance, 1]], float
        )
        move = look @ move
    back = np.eye(3)
    back[:2, 2] = target
    return back @ move


def _transform(boxes: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Maps each box as the ellipse inside it, so that a roll does not make it larger."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    point = np.concatenate([centre, np.ones((len(boxes), 1))], 1) @ matrix.T
    depth = np.where(np.abs(point[:, 2:]) < 1e-3, np.nan, point[:, 2:])
    depth[depth < 0] = np.nan
    xy = point[:, :2] / depth
    # derivative of the projective map at the centre: (A - xy g) / depth
    slope = (matrix[None, :2, :2] - xy[:, :, None] * matrix[None, 2:, :2]) / depth[:, :, None]
    extent = np.sqrt(((slope * half[:, None, :]) ** 2).sum(2))
    return np.concatenate([xy - extent, xy + extent], 1).astype(np.float32)


def _cut_head(picture: Picture, face: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    box = picture.boxes[face]
    width, height = box[2] - box[0], box[3] - box[1]
    left = int(max(0, box[0] - _HEAD_MARGIN[0] * width))
    top = int(max(0, box[1] - _HEAD_MARGIN[1] * height))
    right = int(min(picture.rgb.shape[1], box[2] + _HEAD_MARGIN[2] * width))
    bottom = int(min(picture.rgb.shape[0], box[3] + _HEAD_MARGIN[3] * height))
    return picture.rgb[top:bottom, left:right], box - np.array([left, top, left, top], np.float32)


def _soft_ellipse(size: tuple[int, int]) -> NDArray[np.float32]:
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    radius = np.hypot((columns + 0.5) / width * 2 - 1, (rows + 0.5) / height * 2 - 1)
    return np.asarray(np.clip((1.05 - radius) / 0.25, 0, 1), np.float32)[..., None]


def _touch(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return bool(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3])
