"""A head that turns: an ellipsoid with relief and a painted or photographed skin.

Lengths are in head heights (crown to chin), angles in degrees; x is to the right, y
down and z towards the camera. The projection is orthographic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[Any]  # float32 0..255, as far as OpenCV has types

SKIN_SIZE = (512, 256)  # longitude 360 degrees, latitude 180 degrees


@dataclass(frozen=True)
class Head:
    """What one head looks like. Skins are (256, 512) float32 luma 0..255."""

    skin: Grey
    skin_mouth_open: Grey
    relief: Grey  # (256, 512), how far the surface stands out, in parts of the radius
    half_width: float = 0.36
    depth: float = 0.45
    pivot_behind: float = 0.08  # how far the axis of the neck lies behind the centre


@dataclass(frozen=True)
class Pose:
    """Where a head is and looks, in pixels of the canvas and degrees."""

    x: float
    y: float
    height_px: float
    yaw: float
    pitch: float
    roll: float
    mouth: float = 0.0


def face_box(head: Head, pose: Pose) -> tuple[float, float, float, float]:
    """Returns forehead to chin and ear to ear, of the head itself and not of its look."""
    half = head.half_width * pose.height_px / 1.2 * 1.15
    return (
        pose.x - half,
        pose.y - 0.27 * pose.height_px,
        pose.x + half,
        pose.y + 0.48 * pose.height_px,
    )


def rotation(*, yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Returns the matrix of a turn to the right, then down, then clockwise."""
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(tilt @ nod @ turn)


def draw(canvas: Grey, head: Head, pose: Pose, *, sun: NDArray[np.float64]) -> None:
    """Draws a head onto a canvas; `sun` is the direction of the light times its strength."""
    height = pose.height_px
    reach = 0.72 * height
    x0, y0 = int(np.floor(pose.x - reach)), int(np.floor(pose.y - reach))
    x1, y1 = int(np.ceil(pose.x + reach)) + 1, int(np.ceil(pose.y + reach)) + 1
    x0, y0 = max(x0, 0), max(y0, 0)
    x1, y1 = min(x1, canvas.shape[1]), min(y1, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    turned = rotation(yaw=pose.yaw, pitch=pose.pitch, roll=pose.roll)
    axes = np.array([head.half_width, 0.5, head.depth]) * height
    # The neck carries the head: its axis stays, the centre swings around it.
    swing = turned @ np.array([0, 0, head.pivot_behind * height])
    x = np.arange(x0, x1, dtype=np.float32) - np.float32(pose.x + swing[0])
    y = np.arange(y0, y1, dtype=np.float32) - np.float32(pose.y + swing[1])
    xx, yy = np.meshgrid(x, y)

    to_sphere = (turned.T / axes[:, None]).astype(np.float32)
    base = [to_sphere[i, 0] * xx + to_sphere[i, 1] * yy for i in range(3)]
    along = to_sphere[:, 2]
    square = float(along @ along)
    dot = sum(base[i] * along[i] for i in range(3))
    length = base[0] ** 2 + base[1] ** 2 + base[2] ** 2
    size = max(64, min(SKIN_SIZE[0], int(3.2 * height) // 2 * 2))
    relief = _scaled(head.relief, size)
    radius = np.ones_like(xx)
    for step in range(3):
        inside = dot * dot - square * (length - radius * radius)
        z = (-dot + np.sqrt(np.maximum(inside, 0))) / square
        point = [(base[i] + z * along[i]) / radius for i in range(3)]
        u = (np.arctan2(point[0], point[2]) / (2 * np.pi) + 0.5) * size - 0.5
        v = (np.arcsin(np.clip(point[1], -1, 1)) / np.pi + 0.5) * (size / 2) - 0.5
        if step < 2:
            radius = 1 + _sample(relief, u, v)
    skin = _sample(_scaled(head.skin, size), u, v)
    if pose.mouth > 0:
        opened = _sample(_scaled(head.skin_mouth_open, size), u, v)
        skin = skin + pose.mouth * (opened - skin)

    normal = [point[i] / axes[i] for i in range(3)]
    scale = 1 / np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2 + 1e-12)
    light = turned.T @ sun
    shade = 0.62 + np.maximum(0, sum(normal[i] * np.float32(light[i]) for i in range(3)) * scale)
    # One pixel of soft edge: the discriminant falls to 0 at the rim, this much a pixel.
    slope = square * 2 / (0.42 * height)
    cover = np.clip(inside / slope + 0.5, 0, 1)
    part = canvas[y0:y1, x0:x1]
    part += cover.astype(np.float32) * (skin * shade - part)


def paint(rng: np.random.Generator, *, masked: bool) -> Head:
    """Returns a head nobody has: skin, hair, eyes, perhaps glasses, beard and mask."""
    tone = float(rng.uniform(70, 205))
    skin: Grey = np.full((SKIN_SIZE[1], SKIN_SIZE[0]), tone, np.float32)
    skin += _clouds(rng, 24) * 10 + _clouds(rng, 6) * 4
    relief = np.zeros_like(skin)
    dark = tone * float(rng.uniform(0.2, 0.55))

    for side in (-1, 1):
        _ellipse(skin, side * 24, -9, 15, 9, tone * 0.82)  # the hollow of the eye
        _ellipse(skin, side * 24, -9, 8, 3.4, min(255, tone * 1.25 + 25))
        _ellipse(skin, side * 24, -9, 3.6, 3.4, dark * 0.6)
        _line(skin, [(side * 13, -19), (side * 24, -22), (side * 36, -18)], dark, 5)
        _bump(relief, side * 92, 5, 7, 12, 0.16)
        _ellipse(skin, side * 92, 5, 6, 12, tone * 0.85)
        _line(skin, [(side * 7, 12), (side * 9, 17), (side * 3, 19)], tone * 0.62, 4)
        _line(skin, [(side * 12, 20), (side * 22, 36)], tone * 0.85, 4)
    _line(skin, [(0, -8), (0, 12)], min(255, tone * 1.15), 5)
    _bump(relief, 0, 12, 7, 10, float(rng.uniform(0.10, 0.2)))
    if rng.random() < 0.25:
        stubble = np.clip(_clouds(rng, 2) * 0.3 + 1, 0, 2) * dark
        zone = np.zeros_like(skin)
        cv2.fillPoly(
            zone, [_points([(-70, 5), (-30, 26), (30, 26), (70, 5), (75, 85), (-75, 85)])], 1
        )
        skin = skin + _soft(zone, 3) * (stubble - skin) * float(rng.uniform(0.5, 1))
    opened = skin.copy()
    _ellipse(skin, 0, 36, 17, 3.2, tone * 0.55)
    _ellipse(opened, 0, 39, 14, 9, tone * 0.25)

    hairline = float(rng.uniform(-52, -30))
    sides = float(rng.uniform(62, 95))
    hair_tone = float(rng.choice([20, 35, 55, 90, 150, 200]))
    hair = hair_tone * (1 + 0.25 * _streaks(rng))
    zone = np.zeros_like(skin)
    low = float(rng.choice([25, 40, 75]))
    if rng.random() > 0.1:  # else bald
        outline = [(-180, -90), (180, -90), (180, low), (sides, low), (sides - 4, -18)]
        outline += [(40, hairline + 6), (0, hairline), (-40, hairline + 6)]
        outline += [(-sides + 4, -18), (-sides, low), (-180, low)]
        cv2.fillPoly(zone, [_points(outline)], 1)
        zone = _soft(zone, 2)
    skin, opened = (s + zone * (hair - s) for s in (skin, opened))
    relief += 0.05 * zone
    if rng.random() < 0.25:
        for side in (-1, 1):
            for s in (skin, opened):
                _ring(s, side * 24, -7, 15, 11, float(rng.uniform(10, 60)), 3)
                _line(s, [(side * 39, -9), (side * 88, -6)], 40, 3)
                _line(s, [(0, -9), (side * 9, -9)], 40, 3)
    if masked:
        zone, cloth = _mask(rng)
        skin, opened = (s + zone * (cloth - s) for s in (skin, opened))
        jaw = np.roll(zone * cloth, 4, axis=0)
        opened = np.where((zone > 0.5) & (np.roll(zone, 4, axis=0) > 0.5), jaw, opened)
        relief = np.maximum(relief * (1 - 0.7 * zone), 0.07 * _soft(zone, 6))
    return Head(
        skin.astype(np.float32),
        opened.astype(np.float32),
        relief.astype(np.float32),
        half_width=float(rng.uniform(0.33, 0.39)),
        depth=float(rng.uniform(0.42, 0.48)),
        pivot_behind=float(rng.uniform(0.03, 0.12)),
    )


def from_photograph(
    photo: NDArray[np.uint8], face: tuple[float, float, float, float], rng: np.random.Generator
) -> Head:
    """Returns an ellipsoid that wears a photograph of a face.

    photo: (H, W) uint8 luma. face: its face box x, y, width, height in px.
    """
    x, y, width, height = face
    lon = np.radians((np.arange(SKIN_SIZE[0]) + 0.5) / SKIN_SIZE[0] * 360 - 180)[None, :]
    lat = np.radians((np.arange(SKIN_SIZE[1]) + 0.5) / SKIN_SIZE[1] * 180 - 90)[:, None]
    across = np.sin(lon) * np.cos(lat)
    u = x + width / 2 + 0.6 * width * across
    v = y + 0.375 * height + 0.675 * height * np.broadcast_to(np.sin(lat), across.shape)
    front = cv2.remap(
        photo,
        u.astype(np.float32),
        v.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    # What the photograph does not show: hair or skin of the rim, and streaks.
    rim = np.median(front[:, [142, 143, 368, 369]], axis=1, keepdims=True)
    back = cv2.GaussianBlur(np.repeat(rim, SKIN_SIZE[0], axis=1), (0, 0), 4)
    back = back * (1 + 0.15 * _streaks(rng))
    shown = np.clip((np.cos(lon) - 0.12) / 0.2, 0, 1)
    skin = (back + shown * (front - back)).astype(np.float32)
    opened = skin.copy()
    top, bottom = 160, 200  # latitudes 22 to 50 degrees: the mouth
    opened[top + 4 : bottom] = skin[top : bottom - 4]
    relief = np.zeros_like(skin)
    _bump(relief, 0, 12, 8, 12, float(rng.uniform(0.08, 0.18)))
    return Head(
        skin,
        opened,
        relief,
        half_width=float(rng.uniform(0.34, 0.40)),
        depth=float(rng.uniform(0.42, 0.48)),
        pivot_behind=float(rng.uniform(0.03, 0.12)),
    )


def _mask(rng: np.random.Generator) -> tuple[Grey, Grey]:
    zone = np.zeros((SKIN_SIZE[1], SKIN_SIZE[0]), np.float32)
    top = float(rng.uniform(-1, 8))
    side = float(rng.uniform(48, 62))
    outline = [(-side, top + 12), (-25, top + 8), (0, top - 2), (25, top + 8), (side, top + 12)]
    outline += [(side, 52), (35, 76), (-35, 76), (-side, 52)]
    cv2.fillPoly(zone, [_points(outline)], 1)
    cloth = np.full_like(zone, float(rng.choice([35, 60, 120, 175, 215, 235])))
    kind = rng.integers(4)
    if kind == 0:
        for lat in (28, 38, 48):
            _line(cloth, [(-70, lat), (70, lat)], float(cloth[0, 0]) * 0.8, 2)
    elif kind == 1:
        cloth *= 1 + 0.25 * np.sign(_clouds(rng, 5))
    elif kind == 2:
        cloth *= 1 + 0.2 * np.sign(np.sin(np.arange(SKIN_SIZE[0]) / float(rng.uniform(2, 6))))
    cloth += _clouds(rng, 12) * 6
    for ear in (-1, 1):
        for lat in (16, 48):
            _line(zone, [(ear * side, lat), (ear * 90, 8)], 1, 2)
    return _soft(zone, 0.8), cloth


def _scaled(skin: Grey, width: int) -> Grey:
    if width >= skin.shape[1]:
        return skin
    return cv2.resize(skin, (width, width // 2), interpolation=cv2.INTER_AREA).astype(np.float32)


def _sample(skin: Grey, u: NDArray[np.float32], v: NDArray[np.float32]) -> Grey:
    return cv2.remap(
        skin,
        u.astype(np.float32),
        v.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)


def _px(lon: float, lat: float) -> tuple[float, float]:
    return (lon + 180) / 360 * SKIN_SIZE[0], (lat + 90) / 180 * SKIN_SIZE[1]


def _points(corners: list[tuple[float, float]]) -> NDArray[np.int32]:
    return np.round([_px(*corner) for corner in corners]).astype(np.int32)


def _ellipse(skin: Grey, lon: float, lat: float, a: float, b: float, tone: float) -> None:
    centre = tuple(round(16 * c) for c in _px(lon, lat))
    half = (int(a / 360 * SKIN_SIZE[0] * 16), int(b / 180 * SKIN_SIZE[1] * 16))
    cv2.ellipse(skin, centre, half, 0, 0, 360, tone, -1, cv2.LINE_AA, 4)


def _ring(skin: Grey, lon: float, lat: float, a: float, b: float, tone: float, wide: int) -> None:
    centre = tuple(round(c) for c in _px(lon, lat))
    half = (int(a / 360 * SKIN_SIZE[0]), int(b / 180 * SKIN_SIZE[1]))
    cv2.ellipse(skin, centre, half, 0, 0, 360, tone, wide, cv2.LINE_AA)


def _line(skin: Grey, corners: list[tuple[float, float]], tone: float, wide: int) -> None:
    cv2.polylines(skin, [_points(corners)], False, tone, wide, cv2.LINE_AA)


def _bump(relief: Grey, lon: float, lat: float, a: float, b: float, high: float) -> None:
    u, v = _px(lon, lat)
    x = (np.arange(SKIN_SIZE[0]) - u) / (a / 360 * SKIN_SIZE[0])
    y = (np.arange(SKIN_SIZE[1]) - v) / (b / 180 * SKIN_SIZE[1])
    relief += (high * np.exp(-0.5 * (x[None] ** 2 + y[:, None] ** 2))).astype(np.float32)


def _soft(zone: Grey, sigma: float) -> Grey:
    return cv2.GaussianBlur(zone, (0, 0), sigma).astype(np.float32)


def _clouds(rng: np.random.Generator, coarse: int) -> Grey:
    small = rng.normal(0, 1, (SKIN_SIZE[1] // coarse + 1, SKIN_SIZE[0] // coarse + 1))
    return cv2.resize(small.astype(np.float32), SKIN_SIZE, interpolation=cv2.INTER_CUBIC)


def _streaks(rng: np.random.Generator) -> Grey:
    small = rng.normal(0, 1, (6, SKIN_SIZE[0] // 4)).astype(np.float32)
    return cv2.resize(small, SKIN_SIZE, interpolation=cv2.INTER_CUBIC)
