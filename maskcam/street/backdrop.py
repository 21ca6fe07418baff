"""Paints the empty street as the camera sees it."""

from __future__ import annotations

import cv2
import numpy as np

from maskcam.street import facade
from maskcam.street.canvas import Picture, Plane, as_picture
from maskcam.street.geometry import PinholeCamera
from maskcam.street.lighting import Weather

_FAR_M = 70.0
_NEAR_M = 0.6


def paint_street(camera: PinholeCamera, sky: Weather, rng: np.random.Generator) -> Picture:
    """Returns the empty street (height, width, 3), RGB."""
    picture = _sky(camera, sky, rng)
    left, right = -float(rng.uniform(4.5, 9.0)), float(rng.uniform(4.5, 9.0))
    long = _FAR_M - _NEAR_M
    ground = facade.paving(rng, right - left, long, shade=sky.shadow)
    _paste(picture, camera, ground, ((left, 0, _FAR_M), (right - left, 0, 0), (0, 0, -long)), sky)
    if rng.random() < 0.85:
        end = facade.house_front(rng, right - left + 16, 14, lit=sky.lamps)
        _paste(
            picture,
            camera,
            end,
            ((left - 8, 13.5, _FAR_M), (right - left + 16, 0, 0), (0, -14, 0)),
            sky,
        )
        _paste(
            picture, camera, ground, ((left, 0, _FAR_M), (right - left, 0, 0), (0, 0, -long)), sky
        )
    for wall, dim in ((left, 0.8), (right, 0.95)):
        if rng.random() < 0.9:
            high = float(rng.uniform(8, 16))
            front = facade.house_front(rng, long, high, lit=sky.lamps)
            front = (front * (dim if sky.shadow > 0.3 else 0.92)).astype(np.uint8)
            _paste(
                picture, camera, front, ((wall, high, _NEAR_M), (0, 0, long), (0, -high, 0)), sky
            )
        else:
            hedge = facade.paving(rng, long, 3.0, shade=0)
            hedge = (hedge * np.array([0.45, 0.62, 0.35])).astype(np.uint8)
            _paste(picture, camera, hedge, ((wall, 2.2, _NEAR_M), (0, 0, long), (0, -2.2, 0)), sky)
    _furniture(picture, camera, (left, right), sky, rng)
    picture = as_picture(cv2.GaussianBlur(picture, (0, 0), 0.7 * camera.size[0] / 1280))
    return _haze(picture, camera, sky)


def _sky(camera: PinholeCamera, sky: Weather, rng: np.random.Generator) -> Picture:
    wide, high = camera.size
    down = np.clip(np.arange(high) / max(camera.horizon_px, 1.0), 0, 1)[:, None, None]
    base = sky.sky[0] * (1 - down) + sky.sky[1] * down
    clouds = np.zeros((high, wide), np.float32)
    for cells in (4, 9, 20):
        rough = rng.standard_normal((cells, cells)).astype(np.float32)
        clouds += cv2.resize(rough, (wide, high), interpolation=cv2.INTER_CUBIC) / cells * 6
    white = np.minimum(sky.sky[1] * 1.1, 255)
    weight = np.clip(clouds * 0.5, 0, 0.7)[..., None]
    out: Picture = np.clip(base * (1 - weight) + white * weight, 0, 255).astype(np.uint8)
    return out


def _paste(
    picture: Picture,
    camera: PinholeCamera,
    texture: Picture,
    plane: tuple[
        tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]
    ],
    sky: Weather,
    cover: Plane | None = None,
) -> None:
    """Draws a flat picture into the street.

    plane: its top left corner and the vectors along its top and left edges.
    """
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
    lit = np.clip(texture * sky.street, 0, 255).astype(np.uint8)
    if cover is None:
        cv2.warpPerspective(
            lit,
            matrix,
            camera.size,
            dst=picture,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )
        return
    drawn = cv2.warpPerspective(lit, matrix, camera.size, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(cover, matrix, camera.size)[..., None]
    picture[:] = (picture * (1 - weight) + drawn * weight).astype(np.uint8)


def _furniture(
    picture: Picture,
    camera: PinholeCamera,
    sides: tuple[float, float],
    sky: Weather,
    rng: np.random.Generator,
) -> None:
    """Draws trees, cars, stalls and people far away, back to front."""
    market = rng.random() < 0.6
    for z in np.sort(rng.uniform(9, 55, int(rng.integers(6, 14))))[::-1]:
        wall = sides[int(rng.integers(2))]
        inward = -np.sign(wall)
        kind = rng.random()
        if kind < 0.3:
            trunk, cover = facade.tree(rng)
            x = wall + inward * rng.uniform(1.0, 2.0)
            tall = float(rng.uniform(5, 8))
            _paste(
                picture,
                camera,
                trunk,
                ((x - tall * 0.37, tall, z), (tall * 0.75, 0, 0), (0, -tall, 0)),
                sky,
                cover,
            )
        elif kind < 0.5 and z > 14:
            body, cover = facade.car(rng)
            x = wall + inward * rng.uniform(1.2, 2.2)
            _paste(
                picture, camera, body, ((x - 0.9, 1.5, z), (1.8, 0, 0), (0, -1.5, 0)), sky, cover
            )
        elif kind < 0.75 and market:
            x = wall if wall > 0 else wall + 0.0
            start = x - 2.4 if wall > 0 else x + 0.2
            _paste(
                picture,
                camera,
                facade.stall_cloth(rng),
                ((start, 0.95, z), (2.2, 0, 0), (0, -0.95, 0)),
                sky,
            )
            _paste(
                picture,
                camera,
                facade.awning_cloth(rng),
                ((start - 0.2, 2.9, z), (2.6, 0, 0), (0, -0.75, -0.4)),
                sky,
            )
        else:
            _stroller(picture, camera, sides, float(z) + 18, sky, rng)
    for _ in range(int(rng.integers(0, 3))):
        x, z = float(rng.uniform(sides[0] + 0.6, sides[1] - 0.6)), float(rng.uniform(8, 30))
        foot, top = camera.project(np.array([[x, 0, z], [x, 4.2, z]]))
        thick = max(1, int(camera.focal_px * 0.05 / z))
        metal = tuple(int(60 * s) for s in sky.street)
        cv2.line(picture, tuple(map(int, foot)), tuple(map(int, top)), metal, thick, cv2.LINE_AA)
        bulb = (255, 230, 170) if sky.lamps else metal
        cv2.circle(picture, tuple(map(int, top)), thick * 3, bulb, -1, cv2.LINE_AA)


def _stroller(
    picture: Picture,
    camera: PinholeCamera,
    sides: tuple[float, float],
    z: float,
    sky: Weather,
    rng: np.random.Generator,
) -> None:
    """Draws somebody far away, seen from behind."""
    x = float(rng.uniform(sides[0] + 1, sides[1] - 1))
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
        cv2.ellipse(
            picture, (int(at[0]), int(at[1])), axes, 0, 0, 360, colour.tolist(), -1, cv2.LINE_AA
        )


def _haze(picture: Picture, camera: PinholeCamera, sky: Weather) -> Picture:
    """Lets the distance fade towards the sky."""
    rows = np.arange(camera.size[1]) - camera.horizon_px
    far = np.clip(1 - np.abs(rows) / (camera.size[1] * 0.16), 0, 1) ** 2
    weight = (far * 0.3)[:, None, None]
    out: Picture = (picture * (1 - weight) + sky.sky[1] * weight).astype(np.uint8)
    return out
