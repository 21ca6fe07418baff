"""Draws pairs of pictures of one head, from which is learned whether its face is in view.

Heads are photographs thrown onto an ellipsoid, or those that `headclips` paints. Between the
two pictures the head turns and travels, the light changes, and often something comes
before the face: a hand and its arm, another head, a thing. How much of the face is covered is
known from the drawing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips import head as heads
from headclips.head import Grey, Pose
from headclips.picture import HAND, Person, Photographs, polygon, shadows
from headclips.samples import Pictures
from maskcam.vision.patch import CENTRE, FACE_PX, SIZE

# All is drawn at twice the size of a patch, as the patches themselves are.
_WIDTH, _HEIGHT = 2 * SIZE[0], 2 * SIZE[1]
_X, _Y = 2.0 * CENTRE[0], 2.0 * CENTRE[1]
_FACE = 2.0 * FACE_PX
_HEAD = 1.25 * _FACE
_SMALLEST_FACE_PX = 26  # of a photograph
_PEOPLE = 250  # painted people who are kept to be drawn again

_ACROSS, _DOWN = (grid.astype(np.float32) for grid in np.meshgrid(range(_WIDTH), range(_HEIGHT)))
_INNER = ((_ACROSS - _X) / 11) ** 2 + ((_DOWN - _Y - 1) / 15) ** 2 < 1

Rng = np.random.Generator
Occlude = Callable[[Grey, float, float, float], NDArray[np.float32]]


class Pairs(NamedTuple):
    """n pairs: patches (n, 2, 50, 36) uint8; covered (n, 2) 0..1, of the inner face of each."""

    patches: NDArray[np.uint8]
    covered: NDArray[np.float32]


class Face(NamedTuple):
    """A face in a photograph: its file and its box x, y, width, height in px."""

    path: Path
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Sources:
    """What pairs are made of: faces in photographs, streets, and what paints people."""

    faces: Sequence[Face]
    streets: Sequence[NDArray[np.uint8]]
    painted: Photographs


class _Move(NamedTuple):
    """Angles in degrees, lengths in px, growth as a factor; the body may go its own way."""

    yaw: float
    pitch: float
    roll: float
    x: float
    y: float
    growth: float
    body_x: float


class _Head(Protocol):
    """Somebody who can be drawn in any pose; the luma of the skin and of the clothes."""

    skin: float
    cloth: float

    def draw(self, move: _Move) -> Grey: ...


def sources(data: Path, *, half: int) -> Sources:
    """Returns the half of the photographs that `headclips` also deals out, and no other picture."""
    pictures, others = Pictures.of(data, half=half), Pictures.of(data, half=1 - half)
    kept_back = {face[0] for face in others.first.faces} | set(others.streets)
    faces = [
        face
        for name in ("masks", "faces")
        for face in _faces(data / name)
        if face.path not in kept_back
    ]
    streets = [_luma(path) for path in pictures.streets]
    large = [street for street in streets if min(street.shape) > 2 * _HEIGHT]
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
    head, camera = _somebody(rng, made_of, people), _Camera(rng)
    # Neither covered, the first, the second, both; or the second shows somewhere else.
    case = int(rng.choice(5, p=[0.55, 0.05, 0.22, 0.15, 0.03]))
    occlude = (
        _occluder(rng, head, made_of, people) if 1 <= case <= 3 or rng.random() < 0.2 else None
    )
    hand = np.array([_X + rng.normal(0, 8), _Y + rng.normal(2, 9), rng.normal(0, 25)])
    patches, covered = [], np.zeros(2)
    for i, move in enumerate(_moves(rng, head)):
        drawn = head.draw(move)
        if i == 1 and case == 4:
            drawn, covered[i] = _elsewhere(rng, made_of, drawn), 1.0
        elif occlude is not None:
            x, y, turned = hand + rng.normal(0, [9, 5, 12])
            before = case in (3, i + 1)
            if not before:  # but near the face
                x = _X + rng.choice([-1, 1]) * rng.uniform(22, 34)
                y = _Y + rng.uniform(10, 45)
            if before or rng.random() < 0.4:
                covered[i] = occlude(drawn, x, y, turned)[_INNER].mean()
        patches.append(camera.take(drawn))
    return np.stack(patches), covered


def _moves(rng: Rng, head: _Head) -> tuple[_Move, _Move]:
    """Returns a usual pose, and one from which it turned little, much, or another way."""
    spread = (10, 7, 4) if isinstance(head, _Photographed) else (18, 9, 4)
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

    def move(angles: NDArray[np.float64], growth: float, body_x: float) -> _Move:
        yaw, pitch, roll = np.clip(angles, (-58, -32, -32), (58, 38, 32))
        x, y = rng.normal(0, travel, 2)
        return _Move(yaw, pitch, roll, x, y, growth * (1 + rng.normal(0, 0.05)), body_x)

    return move(first, 1.0, 0.0), move(second, nearer, body)


def _somebody(rng: Rng, made_of: Sources, people: list[Person]) -> _Head:
    if rng.random() < 0.6:
        return _Photographed(rng, made_of.faces[int(rng.integers(len(made_of.faces)))])
    return _Painted(rng, made_of, people)


class _Photographed:
    """A face of a photograph, with what is around it, that turns on an ellipsoid."""

    def __init__(self, rng: Rng, face: Face) -> None:
        x, y, width, height = face.box
        zoom = rng.uniform(0.8, 1.12)  # boxes are drawn by several conventions
        scale = np.sqrt(width * 1.25 * height) / _FACE * zoom
        middle_x = x + width * (0.5 + rng.normal(0, 0.04))
        middle_y = y + height * ((0.5 if rng.random() < 0.6 else 0.4) + rng.normal(0, 0.04))
        luma = _luma(face.path)
        if scale > 2:
            luma = cv2.GaussianBlur(luma, (0, 0), 0.35 * scale).astype(np.uint8)
        way = np.array(
            [
                [scale, 0, middle_x - _WIDTH * scale],
                [0, scale, middle_y - (_Y + _HEIGHT / 2) * scale],
            ]
        )
        self._picture: Grey = cv2.warpAffine(
            luma,
            way,
            (2 * _WIDTH, 2 * _HEIGHT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        if rng.random() < 0.5:
            self._picture = self._picture[:, ::-1].copy()
        self._half_width = 18 / zoom * rng.uniform(0.9, 1.1)
        self._half_height = 25 / zoom * rng.uniform(0.95, 1.1)
        self._depth = self._half_width * rng.uniform(1, 1.25)
        self._behind = self._half_width * rng.uniform(0, 0.3)  # of the neck's axis
        self._middle_y = _Y - 3 / zoom
        centre = self._picture[_HEIGHT // 2 :, _WIDTH // 2 :]
        self.skin = float(np.median(centre[28:50, 26:46]))
        self.cloth = float(np.median(centre[66:90, 16:56]))

    def draw(self, move: _Move) -> Grey:
        x = (_ACROSS - _X - move.x) / move.growth
        y = (_DOWN - _Y - move.y) / move.growth + _Y - self._middle_y
        tilt, neck = np.radians(move.roll), 0.95 * self._half_height
        cos, sin = np.cos(tilt), np.sin(tilt)
        across, down = cos * x + sin * (y - neck), -sin * x + cos * (y - neck) + neck
        square = (across / self._half_width) ** 2 + (down / self._half_height) ** 2
        depth = np.sqrt(np.maximum(0, 1 - square)) * self._depth
        turned = heads.rotation(yaw=move.yaw, pitch=move.pitch, roll=0)
        point = np.stack([across, down, depth + self._behind], axis=-1) @ turned
        u, v, out = point[..., 0], point[..., 1], point[..., 2] - self._behind
        # What the photograph does not show looks like the rim.
        rim = np.sqrt((u / self._half_width) ** 2 + (v / self._half_height) ** 2)
        back = np.where((out < 0) | (rim > 0.97), 0.97 / np.maximum(rim, 1e-3), 1)
        cover = np.clip((1 - square) / 0.06 + 0.5, 0, 1)
        face = self._at(u * back, v * back)
        rest = self._at(x - move.body_x, y)
        return np.asarray(rest + cover * (face - rest), np.float32)

    def _at(self, x: NDArray[Any], y: NDArray[Any]) -> Grey:
        return cv2.remap(
            self._picture,
            (x + _X + _WIDTH / 2).astype(np.float32),
            (y + self._middle_y + _HEIGHT / 2).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )


class _Painted:
    """One of the people of the first renderer of `headclips`, before a wall."""

    def __init__(self, rng: Rng, made_of: Sources, people: list[Person]) -> None:
        if len(people) < _PEOPLE:
            people.append(Person(rng, made_of.painted))
        elif rng.random() < 0.03:
            people[rng.integers(_PEOPLE)] = Person(rng, made_of.painted)
        self._person = people[rng.integers(len(people))]
        self._wall = _wall(rng, made_of.streets)
        self._sun = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0), rng.uniform(0.1, 0.4)])
        self._height = _HEAD * rng.uniform(0.82, 1.15)
        self._above = rng.uniform(-5, 2)
        self._has_body = rng.random() < 0.75
        self.skin, self.cloth = self._person.skin_tone, float(self._person.cloth.mean())

    def draw(self, move: _Move) -> Grey:
        left = int(np.clip(_WIDTH / 2 - 0.3 * move.x - move.body_x, 0, _WIDTH))
        top = int(np.clip(_HEIGHT / 2 - 0.3 * move.y, 0, _HEIGHT))
        canvas = self._wall[top : top + _HEIGHT, left : left + _WIDTH].copy()
        x, y = _X + move.x, _Y + self._above + move.y
        height = self._height * move.growth
        if self._has_body:
            self._person.draw_body(canvas, x=x + move.body_x, y=y, lean=0, height=height)
        pose = Pose(x, y, height, move.yaw, move.pitch, move.roll)
        heads.draw(canvas, self._person.head, pose, sun=self._sun)
        return canvas


def _wall(rng: Rng, streets: Sequence[NDArray[np.uint8]]) -> Grey:
    """Returns a background of twice the size in each direction."""
    if streets and rng.random() < 0.5:
        return _part_of_street(rng, streets, 2)
    coarse = int(rng.integers(4, 40))
    cells = 2 * _HEIGHT // coarse + 2, 2 * _WIDTH // coarse + 2
    field = cv2.resize(
        rng.normal(0, 1, cells).astype(np.float32),
        (2 * _WIDTH, 2 * _HEIGHT),
        interpolation=int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC])),
    )
    return np.asarray(rng.uniform(60, 190) + field * rng.uniform(2, 40), np.float32)


def _part_of_street(rng: Rng, streets: Sequence[NDArray[np.uint8]], times: int) -> Grey:
    street = streets[int(rng.integers(len(streets)))]
    top = rng.integers(street.shape[0] - times * _HEIGHT + 1)
    left = rng.integers(street.shape[1] - times * _WIDTH + 1)
    part = street[top : top + times * _HEIGHT, left : left + times * _WIDTH]
    return np.asarray(part, np.float32)


def _elsewhere(rng: Rng, made_of: Sources, drawn: Grey) -> Grey:
    """Returns what the camera shows where the track lost the head."""
    if rng.random() < 0.5:
        return _part_of_street(rng, made_of.streets, 1)
    aside = int(rng.choice([-1, 1]) * rng.integers(26, 40))
    return np.roll(drawn, aside, axis=1)


_FIST = np.array(
    [(-0.15, 0.2), (-0.18, -0.05), (-0.16, -0.3), (-0.08, -0.38), (0.06, -0.38), (0.15, -0.28),
     (0.17, 0.0), (0.14, 0.2)]
)  # fmt: skip
_ROUND = np.stack([f(np.linspace(0, 2 * np.pi, 24, endpoint=False)) for f in (np.cos, np.sin)], 1)


def _occluder(rng: Rng, head: _Head, made_of: Sources, people: list[Person]) -> Occlude:
    """Returns what draws something before the face, at x and y and turned, and tells its cover."""
    if rng.random() < 0.2:
        return _passer(rng, made_of, people)
    size = _HEAD * rng.uniform(0.8, 1.25)
    texture = cv2.resize(
        rng.normal(0, 1, (9, 7)).astype(np.float32),
        (_WIDTH, _HEIGHT),
        interpolation=cv2.INTER_CUBIC,
    ) * rng.uniform(0, 8)
    tone = head.skin * rng.uniform(0.75, 1.25) if rng.random() < 0.75 else rng.uniform(15, 240)
    sleeve = head.cloth * rng.uniform(0.8, 1.2) if rng.random() < 0.7 else rng.uniform(15, 235)
    kind = rng.random()
    if kind < 0.45:
        outline = HAND * rng.uniform(0.85, 1.15, 2) * [rng.choice([-1, 1]), 1]
        outline = outline + rng.normal(0, 0.015, outline.shape)
    elif kind < 0.65:
        outline = _FIST * rng.uniform(0.8, 1.2, 2)
    elif kind < 0.9:
        outline = _ROUND * [rng.uniform(0.12, 0.22), rng.uniform(0.18, 0.3)]
    else:
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        outline = corners * [rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.5)]
    if rng.random() < 0.1:
        texture, tone = _part_of_street(rng, made_of.streets, 1), 0.0
    bends = rng.uniform(-0.9, 0.9)
    arm = np.array([(-0.13, 0.2), (0.13, 0.2), (0.25 + bends, 3), (-0.2 + bends, 3)])
    has_arm = kind < 0.9 and rng.random() < 0.75
    fingers = (-0.08, 0.02, 0.1) if kind < 0.45 and rng.random() < 0.5 else ()
    soft, shading = rng.uniform(0.3, 1.2), rng.normal(0, 0.25, 2)

    def occlude(canvas: Grey, x: float, y: float, turned: float) -> NDArray[np.float32]:
        a = np.radians(turned)
        way = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) * size
        light = 1 + shading[0] * (_ACROSS - x) / size + shading[1] * (_DOWN - y) / size
        covered = np.zeros((_HEIGHT, _WIDTH), np.float32)

        def paint(corners: NDArray[np.float64], luma: Any) -> None:
            cover = cv2.GaussianBlur(
                polygon(canvas.shape, corners @ way.T + [x, y]), (0, 0), soft
            ).astype(np.float32)
            canvas[:] += cover * (luma - canvas)
            np.maximum(covered, cover, out=covered)

        if has_arm:
            paint(arm, sleeve * light)
        paint(outline, tone * light + texture)
        for at in fingers:
            gap = np.array([(-0.006, -0.35), (0.006, -0.35), (0.006, -0.05), (-0.006, -0.05)])
            paint(gap + np.array([at, 0]), 0.7 * tone * light)
        return covered

    return occlude


def _passer(rng: Rng, made_of: Sources, people: list[Person]) -> Occlude:
    """Returns what draws somebody else before the face."""
    other = _somebody(rng, made_of, people)
    yaw, pitch = rng.normal(0, (25, 8))
    drawn = other.draw(_Move(yaw, pitch, 0, 0, 0, 1, 0))
    shoulders = np.array([(-8, 15), (8, 15), (40, 36), (40, 120), (-40, 120), (-40, 36)])

    def occlude(canvas: Grey, x: float, y: float, turned: float) -> NDArray[np.float32]:
        way = np.array([[1, 0, x - _X], [0, 1, y - _Y]])
        moved = cv2.warpAffine(drawn, way, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        outline = _ROUND * [19, 25] + [x, y - 3]
        covered = np.maximum(
            polygon(canvas.shape, outline), polygon(canvas.shape, shoulders + np.array([x, y]))
        ).astype(np.float32)
        canvas += covered * (moved - canvas)
        return covered

    return occlude


class _Camera:
    """Light, blur, contrast, noise and compression of one camera; a shadow may roll."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._level = rng.uniform(0.6, 1.1)
        self._contrast = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 1)
        self._blur = 0.0 if rng.random() < 0.4 else rng.uniform(0.5, 3)
        self._noise = rng.uniform(0.5, 2) if rng.random() < 0.5 else rng.uniform(1, 10)
        self._jpeg = int(rng.integers(35, 92)) if rng.random() < 0.3 else 0
        self._shadow = shadows(rng, _HEAD) if rng.random() < 0.25 else None
        self._shadow_depth = rng.uniform(0.1, 0.4)

    def take(self, light: Grey) -> NDArray[np.uint8]:
        """Returns the patch (50, 36)."""
        rng = self._rng
        if rng.random() < 0.4:  # it moves while the shutter is open
            light = cv2.blur(light, (int(rng.uniform(1, 9)), 1)).astype(np.float32)
        light = 128 + (light * self._level * (1 + rng.normal(0, 0.06)) - 128) * self._contrast
        if self._shadow is not None:
            way = np.array([[1, 0, rng.uniform(-60, 60)], [0, 1, rng.uniform(-60, 60)]])
            field = cv2.warpAffine(self._shadow, way, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_WRAP)
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


def _luma(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(f"{path}: no readable picture")
    return picture.astype(np.uint8, copy=False)
