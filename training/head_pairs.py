"""Draws pairs of patches of one head, from which is learned whether its face is in view.

Heads are photographs thrown onto an ellipsoid, or those that `headclips` paints
(`drawn_heads.py`). From one patch to the other the head turns and travels, the light changes,
and often something comes before the face (`occluders.py`). How much of the face is covered is
known from the drawing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips.head import Grey
from headclips.picture import Person, shadows
from headclips.samples import Pictures
from maskcam.vision.patch import SIZE
from training.drawn_heads import (
    ACROSS,
    DOWN,
    HEAD,
    HEIGHT,
    WIDTH,
    Face,
    Head,
    Move,
    Photographed,
    Rng,
    Sources,
    X,
    Y,
    choose_head,
    part_of_street,
    read_luma,
)
from training.occluders import Place, draw_occluder

_SMALLEST_FACE_PX = 26  # of a photograph
_INNER = ((ACROSS - X) / 11) ** 2 + ((DOWN - Y - 1) / 15) ** 2 < 1


class Pairs(NamedTuple):
    """n pairs: patches (n, 2, 50, 36) uint8; covered (n, 2) 0..1, of the inner face of each."""

    patches: NDArray[np.uint8]
    covered: NDArray[np.float32]


def sources(data: Path, *, half: int) -> Sources:
    """Returns those of the half of the photographs that `headclips` deals out, and no others."""
    pictures, others = Pictures.of(data, half=half), Pictures.of(data, half=1 - half)
    kept_back = {face[0] for face in others.first.faces} | set(others.streets)
    faces = [
        face
        for name in ("masks", "faces")
        for face in _faces(data / name)
        if face.path not in kept_back
    ]
    streets = [read_luma(path) for path in pictures.streets]
    large = [street for street in streets if min(street.shape) > 2 * HEIGHT]
    return Sources(faces, large, pictures.first)


def draw_pairs(made_of: Sources, count: int, seed: int) -> Pairs:
    """Draws `count` pairs, the same for the same seed."""
    rng = np.random.default_rng(seed)
    patches = np.zeros((count, 2, SIZE[1], SIZE[0]), np.uint8)
    covered = np.zeros((count, 2), np.float32)
    people: list[Person] = []
    for number in range(count):
        patches[number], covered[number] = _pair(rng, made_of, people)
    return Pairs(patches, covered)


def _pair(
    rng: Rng, made_of: Sources, people: list[Person]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    head, camera = choose_head(rng, made_of, people), _Camera(rng)
    # Neither covered, the first, the second, both; or the second shows somewhere else.
    case = int(rng.choice(5, p=[0.55, 0.05, 0.22, 0.15, 0.03]))
    occlude = None
    if 1 <= case <= 3 or rng.random() < 0.2:
        occlude = draw_occluder(rng, head, made_of, people)
    hand = np.array([X + rng.normal(0, 8), Y + rng.normal(2, 9), rng.normal(0, 25)])
    patches, covered = [], np.zeros(2)
    for i, move in enumerate(_moves(rng, head)):
        drawn = head.draw(move)
        if i == 1 and case == 4:
            drawn, covered[i] = _elsewhere(rng, made_of, drawn), 1.0
        elif occlude is not None:
            x, y, turned = hand + rng.normal(0, [9, 5, 12])
            before = case in (3, i + 1)
            if not before:  # but near the face
                x = X + rng.choice([-1, 1]) * rng.uniform(22, 34)
                y = Y + rng.uniform(10, 45)
            if before or rng.random() < 0.4:
                covered[i] = occlude(drawn, Place(x, y, turned))[_INNER].mean()
        patches.append(camera.take(drawn))
    return np.stack(patches), covered


def _moves(rng: Rng, head: Head) -> tuple[Move, Move]:
    """Returns a usual pose, and one from which it turned little, much, or in another direction."""
    spread = (10, 7, 4) if isinstance(head, Photographed) else (18, 9, 4)
    base = rng.normal((0, 3, 0), spread)
    first = base + rng.normal(0, (6, 3, 2))
    kind = rng.random()
    if kind < 0.35:
        second = first + rng.normal(0, (5, 2, 1.5))
    elif kind < 0.8:
        second = base + rng.normal(0, (18, 6, 4))
    else:
        second = base + rng.normal(0, (10, 12, 14))
    travel = 5.0 if rng.random() < 0.15 else 2.0
    body = rng.normal(0, 1.5) if rng.random() < 0.5 else 0.0
    nearer = np.exp(rng.uniform(-0.1, 0.3)) if rng.random() < 0.4 else 1.0  # who walks towards us

    def move(angles: NDArray[np.float64], growth: float, body_x: float) -> Move:
        yaw, pitch, roll = np.clip(angles, (-58, -32, -32), (58, 38, 32))
        x, y = rng.normal(0, travel, 2)
        return Move(yaw, pitch, roll, x, y, growth * (1 + rng.normal(0, 0.05)), body_x)

    return move(first, 1.0, 0.0), move(second, nearer, body)


def _elsewhere(rng: Rng, made_of: Sources, drawn: Grey) -> Grey:
    """Returns what the camera shows where the track lost the head."""
    if rng.random() < 0.5:
        return part_of_street(rng, made_of.streets, 1)
    aside = int(rng.choice([-1, 1]) * rng.integers(26, 40))
    return np.roll(drawn, aside, axis=1)


class _Camera:
    """Light, blur, contrast, noise and compression of one camera; a shadow may roll."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._level = rng.uniform(0.6, 1.1)
        self._contrast = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 1)
        self._blur = 0.0 if rng.random() < 0.4 else rng.uniform(0.5, 3)
        self._noise = rng.uniform(0.5, 2) if rng.random() < 0.5 else rng.uniform(1, 10)
        self._jpeg = int(rng.integers(35, 92)) if rng.random() < 0.3 else 0
        self._shadow = shadows(rng, HEAD) if rng.random() < 0.25 else None
        self._shadow_depth = rng.uniform(0.1, 0.4)

    def take(self, light: Grey) -> NDArray[np.uint8]:
        """Returns the patch (50, 36)."""
        rng = self._rng
        if rng.random() < 0.4:  # it moves while the shutter is open
            light = cv2.blur(light, (int(rng.uniform(1, 9)), 1)).astype(np.float32)
        light = 128 + (light * self._level * (1 + rng.normal(0, 0.06)) - 128) * self._contrast
        if self._shadow is not None:
            shift = np.array([[1, 0, rng.uniform(-60, 60)], [0, 1, rng.uniform(-60, 60)]])
            field = cv2.warpAffine(self._shadow, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_WRAP)
            light = light * (1 - self._shadow_depth * field)
        if self._blur:
            light = cv2.GaussianBlur(light, (0, 0), self._blur)
        light = light + rng.normal(0, self._noise, light.shape)
        luma = np.clip(light, 0, 255).astype(np.uint8)
        if self._jpeg:
            quality = [cv2.IMWRITE_JPEG_QUALITY, self._jpeg]
            file = cv2.imencode(".jpg", luma, quality)[1]
            luma = np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)
        return cv2.pyrDown(luma).astype(np.uint8)


def _faces(folder: Path) -> list[Face]:
    labels = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in labels["images"]}
    return [
        Face(folder / "images" / names[annotation["image_id"]], tuple(annotation["bbox"]))
        for annotation in labels["annotations"]
        if annotation["bbox"][3] >= _SMALLEST_FACE_PX
        and 0.55 < annotation["bbox"][2] / annotation["bbox"][3] < 1.05
    ]
