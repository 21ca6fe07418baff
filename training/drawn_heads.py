"""Draws heads in any pose: photographs thrown onto an ellipsoid, and people that are painted.

All is drawn at twice the size of a patch, as the patches themselves are cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips import head as heads
from headclips.head import Grey, Pose
from headclips.picture import Person, Photographs
from maskcam.vision.patch import CENTRE, FACE_PX, SIZE

WIDTH, HEIGHT = 2 * SIZE[0], 2 * SIZE[1]
X, Y = 2.0 * CENTRE[0], 2.0 * CENTRE[1]
FACE = 2.0 * FACE_PX
HEAD = 1.25 * FACE
_PEOPLE = 250  # painted people who are kept to be drawn again

ACROSS, DOWN = (grid.astype(np.float32) for grid in np.meshgrid(range(WIDTH), range(HEIGHT)))

Rng = np.random.Generator


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


class Move(NamedTuple):
    """Angles in degrees, lengths in px, growth as a factor; the body may move by itself."""

    yaw: float
    pitch: float
    roll: float
    x: float
    y: float
    growth: float
    body_x: float


class Head(Protocol):
    """Somebody who can be drawn in any pose; the luma of the skin and of the clothes."""

    skin: float
    cloth: float

    def draw(self, move: Move) -> Grey:
        """Returns the head before its background, (HEIGHT, WIDTH) of 0..255."""
        ...


def choose_head(rng: Rng, made_of: Sources, people: list[Person]) -> Head:
    """Returns a photographed or a painted head; `people` are those painted so far."""
    if rng.random() < 0.6:
        return Photographed(rng, made_of.faces[int(rng.integers(len(made_of.faces)))])
    return Painted(rng, made_of, people)


class Photographed:
    """A face of a photograph, with what is around it, that turns on an ellipsoid."""

    def __init__(self, rng: Rng, face: Face) -> None:
        x, y, width, height = face.box
        zoom = rng.uniform(0.8, 1.12)  # boxes are drawn by several conventions
        scale = np.sqrt(width * 1.25 * height) / FACE * zoom
        middle_x = x + width * (0.5 + rng.normal(0, 0.04))
        middle_y = y + height * ((0.5 if rng.random() < 0.6 else 0.4) + rng.normal(0, 0.04))
        luma = read_luma(face.path)
        if scale > 2:
            luma = cv2.GaussianBlur(luma, (0, 0), 0.35 * scale).astype(np.uint8)
        transform = np.array(
            [
                [scale, 0, middle_x - WIDTH * scale],
                [0, scale, middle_y - (Y + HEIGHT / 2) * scale],
            ]
        )
        self._picture: Grey = cv2.warpAffine(
            luma,
            transform,
            (2 * WIDTH, 2 * HEIGHT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        if rng.random() < 0.5:
            self._picture = self._picture[:, ::-1].copy()
        self._half_width = 18 / zoom * rng.uniform(0.9, 1.1)
        self._half_height = 25 / zoom * rng.uniform(0.95, 1.1)
        self._depth = self._half_width * rng.uniform(1, 1.25)
        self._behind = self._half_width * rng.uniform(0, 0.3)  # of the neck's axis
        self._middle_y = Y - 3 / zoom
        centre = self._picture[HEIGHT // 2 :, WIDTH // 2 :]
        self.skin = float(np.median(centre[28:50, 26:46]))
        self.cloth = float(np.median(centre[66:90, 16:56]))

    def draw(self, move: Move) -> Grey:
        """Returns the face turned on its ellipsoid, in what is around it."""
        x = (ACROSS - X - move.x) / move.growth
        y = (DOWN - Y - move.y) / move.growth + Y - self._middle_y
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
            (x + X + WIDTH / 2).astype(np.float32),
            (y + self._middle_y + HEIGHT / 2).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )


class Painted:
    """One of the people of the first renderer of `headclips`, before a wall."""

    def __init__(self, rng: Rng, made_of: Sources, people: list[Person]) -> None:
        if len(people) < _PEOPLE:
            people.append(Person(rng, made_of.painted))
        elif rng.random() < 0.03:
            people[rng.integers(_PEOPLE)] = Person(rng, made_of.painted)
        self._person = people[rng.integers(len(people))]
        self._wall = _wall(rng, made_of.streets)
        self._sun = np.array([rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0), rng.uniform(0.1, 0.4)])
        self._height = HEAD * rng.uniform(0.82, 1.15)
        self._above = rng.uniform(-5, 2)
        self._has_body = rng.random() < 0.75
        self.skin, self.cloth = self._person.skin_tone, float(self._person.cloth.mean())

    def draw(self, move: Move) -> Grey:
        """Returns the person before a wall."""
        left = int(np.clip(WIDTH / 2 - 0.3 * move.x - move.body_x, 0, WIDTH))
        top = int(np.clip(HEIGHT / 2 - 0.3 * move.y, 0, HEIGHT))
        canvas = self._wall[top : top + HEIGHT, left : left + WIDTH].copy()
        x, y = X + move.x, Y + self._above + move.y
        height = self._height * move.growth
        if self._has_body:
            self._person.draw_body(canvas, x=x + move.body_x, y=y, lean=0, height=height)
        pose = Pose(x, y, height, move.yaw, move.pitch, move.roll)
        heads.draw(canvas, self._person.head, pose, sun=self._sun)
        return canvas


def _wall(rng: Rng, streets: Sequence[NDArray[np.uint8]]) -> Grey:
    """Returns a background of twice the size in each direction."""
    if streets and rng.random() < 0.5:
        return part_of_street(rng, streets, 2)
    coarse = int(rng.integers(4, 40))
    cells = 2 * HEIGHT // coarse + 2, 2 * WIDTH // coarse + 2
    field = cv2.resize(
        rng.normal(0, 1, cells).astype(np.float32),
        (2 * WIDTH, 2 * HEIGHT),
        interpolation=int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC])),
    )
    return np.asarray(rng.uniform(60, 190) + field * rng.uniform(2, 40), np.float32)


def part_of_street(rng: Rng, streets: Sequence[NDArray[np.uint8]], times: int) -> Grey:
    """Returns a part of a street, `times` as high and wide as what is drawn."""
    street = streets[int(rng.integers(len(streets)))]
    top = rng.integers(street.shape[0] - times * HEIGHT + 1)
    left = rng.integers(street.shape[1] - times * WIDTH + 1)
    part = street[top : top + times * HEIGHT, left : left + times * WIDTH]
    return np.asarray(part, np.float32)


def read_luma(path: Path) -> NDArray[np.uint8]:
    """Reads a photograph as luma (H, W)."""
    luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if luma is None:
        raise FileNotFoundError(f"{path}: no readable photograph")
    return luma.astype(np.uint8, copy=False)
