"""Paints the empty street as the camera sees it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskcam.street import facade
from maskcam.street.canvas import Image, Plane, as_image
from maskcam.street.geometry import PinholeCamera
from maskcam.street.lighting import Weather

_FAR_M = 70.0
_NEAR_M = 0.6
_LONG_M = _FAR_M - _NEAR_M

_Place = tuple[float, float, float]


class _Street(NamedTuple):
    """What is painted so far, how it is seen, and where its two sides stand (x in metres)."""

    image: Image
    camera: PinholeCamera
    sky: Weather
    sides: tuple[float, float]


def paint_street(camera: PinholeCamera, sky: Weather, rng: np.random.Generator) -> Image:
    """Returns the empty street (height, width, 3), RGB."""
    image = _paint_sky(camera, sky, rng)
    sides = -float(rng.uniform(4.5, 9.0)), float(rng.uniform(4.5, 9.0))
    street = _Street(image, camera, sky, sides)
    _paint_ground(street, rng)
    for wall, dim in zip(sides, (0.8, 0.95), strict=True):
        _paint_side(street, wall, dim, rng)
    _paint_furniture(street, rng)
    _paint_lamps(street, rng)
    soft = as_image(cv2.GaussianBlur(image, (0, 0), 0.7 * camera.size[0] / 1280))
    return _add_haze(soft, camera, sky)


def _paint_ground(street: _Street, rng: np.random.Generator) -> None:
    """Paints the paving and, at most times, houses that end the street."""
    (left, right), sky = street.sides, street.sky
    ground = facade.paving(rng, right - left, _LONG_M, shade=sky.shadow)
    lies = ((left, 0, _FAR_M), (right - left, 0, 0), (0, 0, -_LONG_M))
    _paste(street, ground, lies)
    if rng.random() < 0.85:
        end = facade.house_front(rng, right - left + 16, 14, lit=sky.lamps)
        _paste(street, end, ((left - 8, 13.5, _FAR_M), (right - left + 16, 0, 0), (0, -14, 0)))
        _paste(street, ground, lies)


def _paint_side(street: _Street, wall: float, dim: float, rng: np.random.Generator) -> None:
    """Paints houses or a hedge along one side; `dim` darkens the side in sunshine."""
    if rng.random() < 0.9:
        high = float(rng.uniform(8, 16))
        front = facade.house_front(rng, _LONG_M, high, lit=street.sky.lamps)
        front = (front * (dim if street.sky.shadow > 0.3 else 0.92)).astype(np.uint8)
        _paste(street, front, ((wall, high, _NEAR_M), (0, 0, _LONG_M), (0, -high, 0)))
    else:
        hedge = facade.paving(rng, _LONG_M, 3.0, shade=0)
        hedge = (hedge * np.array([0.45, 0.62, 0.35])).astype(np.uint8)
        _paste(street, hedge, ((wall, 2.2, _NEAR_M), (0, 0, _LONG_M), (0, -2.2, 0)))


def _paint_sky(camera: PinholeCamera, sky: Weather, rng: np.random.Generator) -> Image:
    wide, high = camera.size
    down = np.clip(np.arange(high) / max(camera.horizon_px, 1.0), 0, 1)[:, None, None]
    base = sky.sky[0] * (1 - down) + sky.sky[1] * down
    clouds = np.zeros((high, wide), np.float32)
    for cells in (4, 9, 20):
        rough = rng.standard_normal((cells, cells)).astype(np.float32)
        clouds += cv2.resize(rough, (wide, high), interpolation=cv2.INTER_CUBIC) / cells * 6
    white = np.minimum(sky.sky[1] * 1.1, 255)
    weight = np.clip(clouds * 0.5, 0, 0.7)[..., None]
    out: Image = np.clip(base * (1 - weight) + white * weight, 0, 255).astype(np.uint8)
    return out


def _paste(
    street: _Street,
    texture: Image,
    plane: tuple[_Place, _Place, _Place],
    cover: Plane | None = None,
) -> None:
    """Draws a flat image into the street.

    plane: its top left corner and the vectors along its top and left edges.
    cover: its opacity 0..1.
    """
    image, camera = street.image, street.camera
    corner, along, down = (np.array(v, float) for v in plane)
    high, wide = texture.shape[:2]
    seen = camera.view(corner)
    to_view = np.stack([camera.axes @ along / wide, camera.axes @ down / high, seen], axis=1)
    lens = np.array(
        [
            [camera.focal_px, 0, camera.size[0] / 2],
            [0, camera.focal_px, camera.size[1] / 2],
            [0, 0, 1.0],
        ]
    )
    matrix = lens @ to_view
    lit = np.clip(texture * street.sky.street, 0, 255).astype(np.uint8)
    if cover is None:
        cv2.warpPerspective(
            lit,
            matrix,
            camera.size,
            dst=image,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )
        return
    drawn = cv2.warpPerspective(lit, matrix, camera.size, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(cover, matrix, camera.size)[..., None]
    image[:] = (image * (1 - weight) + drawn * weight).astype(np.uint8)


def _paint_furniture(street: _Street, rng: np.random.Generator) -> None:
    """Draws trees, cars, stalls and people far away, back to front."""
    market = rng.random() < 0.6
    for z in np.sort(rng.uniform(9, 55, int(rng.integers(6, 14))))[::-1]:
        wall = street.sides[int(rng.integers(2))]
        kind = rng.random()
        if kind < 0.3:
            _paint_tree(street, wall, z, rng)
        elif kind < 0.5 and z > 14:
            _paint_car(street, wall, z, rng)
        elif kind < 0.75 and market:
            _paint_stall(street, wall, z, rng)
        else:
            _paint_stroller(street, float(z) + 18, rng)


def _paint_tree(street: _Street, wall: float, z: float, rng: np.random.Generator) -> None:
    tree, cover = facade.tree(rng)
    x = wall - np.sign(wall) * rng.uniform(1.0, 2.0)
    tall = float(rng.uniform(5, 8))
    _paste(street, tree, ((x - tall * 0.37, tall, z), (tall * 0.75, 0, 0), (0, -tall, 0)), cover)


def _paint_car(street: _Street, wall: float, z: float, rng: np.random.Generator) -> None:
    body, cover = facade.car(rng)
    x = wall - np.sign(wall) * rng.uniform(1.2, 2.2)
    _paste(street, body, ((x - 0.9, 1.5, z), (1.8, 0, 0), (0, -1.5, 0)), cover)


def _paint_stall(street: _Street, wall: float, z: float, rng: np.random.Generator) -> None:
    x = wall - 2.4 if wall > 0 else wall + 0.2
    _paste(street, facade.stall_cloth(rng), ((x, 0.95, z), (2.2, 0, 0), (0, -0.95, 0)))
    awning = (x - 0.2, 2.9, z), (2.6, 0.0, 0.0), (0.0, -0.75, -0.4)
    _paste(street, facade.awning_cloth(rng), awning)


def _paint_lamps(street: _Street, rng: np.random.Generator) -> None:
    camera, sky = street.camera, street.sky
    left, right = street.sides
    for _ in range(int(rng.integers(0, 3))):
        x, z = float(rng.uniform(left + 0.6, right - 0.6)), float(rng.uniform(8, 30))
        foot, top = camera.project(np.array([[x, 0, z], [x, 4.2, z]]))
        foot, top = tuple(map(int, foot)), tuple(map(int, top))
        thick = max(1, int(camera.focal_px * 0.05 / z))
        metal = tuple(int(60 * s) for s in sky.street)
        cv2.line(street.image, foot, top, metal, thick, cv2.LINE_AA)
        bulb = (255, 230, 170) if sky.lamps else metal
        cv2.circle(street.image, top, thick * 3, bulb, -1, cv2.LINE_AA)


def _paint_stroller(street: _Street, z: float, rng: np.random.Generator) -> None:
    """Draws somebody far away, seen from behind."""
    camera, sky = street.camera, street.sky
    x = float(rng.uniform(street.sides[0] + 1, street.sides[1] - 1))
    coat, legs = rng.uniform(20, 200, 3) * sky.street, rng.uniform(20, 110, 3) * sky.street
    parts = (
        ((-0.1, 0.45), 0.16, legs),
        ((0.1, 0.45), 0.16, legs),
        ((0.0, 1.1), 0.44, coat),
        ((0.0, 1.58), 0.17, np.array([46, 36, 30]) * sky.street),
    )
    for (off, y), size, colour in parts:
        at = camera.project(np.array([x + off, y, z]))
        scale = camera.focal_px / z
        tall = 0.95 if size == 0.16 else (0.7 if size > 0.3 else 0.24)
        axes = (max(1, int(size * scale / 2)), max(1, int(tall * scale / 2)))
        centre = int(at[0]), int(at[1])
        cv2.ellipse(street.image, centre, axes, 0, 0, 360, colour.tolist(), -1, cv2.LINE_AA)


def _add_haze(image: Image, camera: PinholeCamera, sky: Weather) -> Image:
    """Lets the distance fade towards the sky."""
    rows = np.arange(camera.size[1]) - camera.horizon_px
    far = np.clip(1 - np.abs(rows) / (camera.size[1] * 0.16), 0, 1) ** 2
    weight = (far * 0.3)[:, None, None]
    out: Image = (image * (1 - weight) + sky.sky[1] * weight).astype(np.uint8)
    return out
