"""Draws what is below the head: flat cloths, bent over the bones of a walker."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from maskcam.camera.scene.canvas import Picture, Plane
from maskcam.camera.scene.figure import Figure
from maskcam.camera.scene.geometry import PinholeCamera, Vector
from maskcam.camera.scene.head import Lighting
from maskcam.camera.scene.look import Cover, Hair, Look

Sprite = tuple[Picture, Plane]


def paste(picture: Picture, sprite: Sprite, corners: Vector) -> None:
    """Draws a flat sprite onto four corners in px: top left, top right, bottom right, bottom left."""
    high, wide = picture.shape[:2]
    left, top = np.floor(corners.min(axis=0)).astype(int) - 1
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
    left, top, right, bottom = max(0, left), max(0, top), min(wide, right), min(high, bottom)
    if right <= left or bottom <= top:
        return
    colours, cover = sprite
    h, w = cover.shape
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - np.float32(0.5)
    target = (corners - np.array([left, top]) - 0.5).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    span = (int(right - left), int(bottom - top))
    drawn = cv2.warpPerspective(colours, matrix, span, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(cover, matrix, span)
    here = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = cv2.blendLinear(here, drawn, 1 - weight, weight)


def _round_shade(wide: int, light: Lighting) -> Plane:
    """Returns RGB factors (1, wide, 3) across an upright cylinder that faces the camera."""
    across = np.linspace(-0.97, 0.97, wide)
    normal = np.stack([across, np.full(wide, 0.15), -np.sqrt(1 - across**2)], axis=1)
    lit = np.maximum(normal @ light.towards, 0)[:, None] * light.sun
    around = (light.sky * 0.55 + light.ground * 0.45) * (0.7 + 0.3 * np.sqrt(1 - across**2))[
        :, None
    ]
    return (lit + around)[None].astype(np.float32)


def _light_key(light: Lighting) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(np.round(part, 3).tolist()) for part in light)


@lru_cache(maxsize=256)
def _wardrobe(look: Look, key: tuple[tuple[float, ...], ...]) -> dict[str, Sprite]:
    light = Lighting(*(np.array(part) for part in key))
    rng = np.random.default_rng([look.seed, 0xB0D7])
    return {
        "trunk": _trunk(look, light, rng),
        "sleeve": _limb(look.top, light, rng, (0.95, 0.62)),
        "leg": _limb(look.legs, light, rng, (1.0, 0.6)),
        "neck": _limb(tuple(c * 0.72 for c in look.skin), light, rng, (0.85, 1.0), plain=True),
        "hand": _limb(look.skin, light, rng, (1.0, 0.8), plain=True),
        "shoe": _limb((38, 34, 32), light, rng, (0.9, 1.0), plain=True),
        "hair": _drape(look.hair_colour, light, rng, 0.62),
        "scarf": _drape(look.cover_colour, light, rng, 0.9),
    }


def _folds(rng: np.random.Generator, high: int, wide: int, strength: float) -> Plane:
    coarse = rng.standard_normal((5, 4)).astype(np.float32)
    fine = rng.standard_normal((12, 7)).astype(np.float32)
    both = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
    both = both + 0.6 * cv2.resize(fine, (wide, high), interpolation=cv2.INTER_CUBIC)
    return (1 + strength * both)[..., None].astype(np.float32)


def _limb(
    colour: tuple[float, ...],
    light: Lighting,
    rng: np.random.Generator,
    taper: tuple[float, float],
    *,
    plain: bool = False,
) -> Sprite:
    high, wide = 96, 40
    sheet = np.array(colour, np.float32) * _round_shade(wide, light)
    sheet = sheet * _folds(rng, high, wide, 0.01 if plain else 0.07)
    y = np.linspace(0, 1, high)[:, None]
    half = taper[0] + (taper[1] - taper[0]) * y
    half = half * np.sqrt(np.clip(1 - np.maximum(0, (np.abs(y - 0.5) - 0.44) / 0.06) ** 2, 0, 1))
    x = np.abs(np.linspace(-1, 1, wide))[None]
    cover = np.clip((half - x) * wide / 2, 0, 1).astype(np.float32)
    return np.clip(sheet, 0, 255).astype(np.uint8), cover


def _drape(
    colour: tuple[float, ...], light: Lighting, rng: np.random.Generator, low: float
) -> Sprite:
    high, wide = 80, 96
    sheet = np.array(colour, np.float32) * _round_shade(wide, light) * 0.8
    sheet = sheet * _folds(rng, high, wide, 0.1)
    y = np.linspace(0, 1, high)[:, None]
    half = 0.55 + (low - 0.55) * y**0.7
    half = half * np.sqrt(np.clip(1 - np.maximum(0, (y - 0.8) / 0.2) ** 2, 0, 1))
    x = np.abs(np.linspace(-1, 1, wide))[None]
    cover = np.clip((half - x) * wide / 6, 0, 1).astype(np.float32)
    return np.clip(sheet, 0, 255).astype(np.uint8), cover


def _trunk(look: Look, light: Lighting, rng: np.random.Generator) -> Sprite:
    high, wide = 200, 160
    base = np.empty((high, wide, 3), np.float32)
    base[:] = look.top
    inner = np.array((230, 228, 222) if sum(look.top) < 360 else (60, 64, 80), np.float32)
    if look.garment == 0:
        base[::10] *= 0.72
        base[1::10] *= 0.72
        base[2::10] *= 0.72
    elif look.garment == 1:
        cv2.fillPoly(base, [np.array([(62, 0), (98, 0), (80, 90)])], inner.tolist())
        cv2.line(base, (80, 90), (80, 200), (base[150, 80] * 0.5).tolist(), 2)
        for side in (-1, 1):
            lapel = [(80 + side * 20, 0), (80 + side * 34, 34), (80 + side * 6, 84)]
            cv2.fillPoly(base, [np.array(lapel)], (base[150, 80] * 0.8).tolist())
    elif look.garment == 2:
        cv2.line(base, (80, 0), (80, 200), (base[150, 80] * 0.45).tolist(), 3)
        cv2.fillPoly(
            base,
            [np.array([(58, 0), (102, 0), (94, 16), (66, 16)])],
            (base[150, 80] * 0.7).tolist(),
        )
    elif look.garment == 3:
        cv2.rectangle(base, (58, 50), (102, 96), inner.tolist(), -1)
        cv2.circle(base, (80, 72), 12, base[150, 80].tolist(), -1)
    elif look.garment == 4:
        cv2.line(base, (52, 0), (124, 190), (70, 48, 34), 9, cv2.LINE_AA)
    elif look.garment == 5:
        for x in (50, 110):
            cv2.line(base, (x, 0), (x + (4 if x < 80 else -4), 120), (34, 36, 44), 10, cv2.LINE_AA)
    collar = np.array(look.skin) * 0.8
    if look.garment in (0, 3, 4, 5):
        cv2.ellipse(base, (80, 0), (24, 16), 0, 0, 360, collar.tolist(), -1, cv2.LINE_AA)
    sheet = base * _round_shade(wide, light) * _folds(rng, high, wide, 0.07)
    sheet[:12] *= np.linspace(0.6, 1, 12)[:, None, None]
    y = np.linspace(0, 1, high)[:, None]
    slope = 0.34 + 0.66 * np.sqrt(np.clip(1 - (1 - np.clip(y / 0.15, 0, 1)) ** 2, 0, 1))
    half = slope * (0.98 - 0.2 * np.exp(-(((y - 0.7) / 0.2) ** 2)))
    x = np.abs(np.linspace(-1, 1, wide))[None]
    cover = np.clip((half - x) * wide / 3, 0, 1).astype(np.float32)
    return np.clip(sheet, 0, 255).astype(np.uint8), cover


def draw_body(
    picture: Picture, figure: Figure, camera: PinholeCamera, light: Lighting, *, shadow: float
) -> None:
    """Draws shadow, legs, trunk, arms and neck of a person onto an RGB picture, in place."""
    clothes = _wardrobe(figure.look, _light_key(light))
    tall, turn = figure.tall, figure.heading
    right = np.array([math.cos(turn), 0.0, math.sin(turn)])
    ahead = np.array([math.sin(turn), 0.0, -math.cos(turn)])
    foot = np.array([figure.x, 0.0, figure.z])
    swayed = foot + np.array([figure.sway, figure.bob, 0.0])
    up = np.array([0.0, 1.0, 0.0])
    _shadow(picture, camera, foot, light, tall, shadow)
    hips = swayed + up * (0.5 * tall)
    for side in (-1, 1):
        swing = math.sin(figure.stride + (0 if side > 0 else math.pi)) * min(1.0, figure.speed)
        lift = (
            max(0.0, math.cos(figure.stride + (0 if side > 0 else math.pi)))
            * 0.12
            * min(1.0, figure.speed)
        )
        hip = hips + right * side * 0.085
        knee = hip - up * (0.235 * tall - lift * 0.4) + ahead * (0.2 * swing + lift)
        ankle = foot + right * side * 0.085 + up * (0.07 + lift) + ahead * (0.33 * swing)
        _bone(
            picture,
            camera,
            clothes["shoe"],
            ankle + up * 0.01 - ahead * 0.06,
            ankle + ahead * 0.17 - up * 0.05,
            0.055,
        )
        _bone(picture, camera, clothes["leg"], knee + up * 0.06, ankle - up * 0.03, 0.085)
        _bone(picture, camera, clothes["leg"], hip + up * 0.08, knee - up * 0.06, 0.11)
    broad = (0.118 + 0.005 * (figure.look.beard > 0)) * tall
    across = right * broad * max(0.72, abs(math.cos(turn)))
    shoulders = swayed + up * (0.845 * tall)
    low = swayed + up * (0.47 * tall)
    quad = np.stack(
        [shoulders - across, shoulders + across, low + across * 0.9, low - across * 0.9]
    )
    if _near(camera, quad):
        return
    order = (-1, 1) if turn > 0 else (1, -1)
    for index, side in enumerate(order):
        if index == 1:
            paste(picture, clothes["trunk"], camera.project(quad))
        swing = (
            -math.sin(figure.stride + (0 if side > 0 else math.pi)) * 0.5 * min(1.0, figure.speed)
        )
        top = shoulders + across * side * 0.88 - up * 0.05
        elbow = top - up * (0.17 * tall) + right * side * 0.04 + ahead * 0.12 * swing
        wrist = elbow - up * (0.14 * tall) + ahead * (0.06 + 0.22 * max(0.0, swing))
        _bone(picture, camera, clothes["hand"], wrist + up * 0.03, wrist - up * 0.1, 0.042)
        _bone(picture, camera, clothes["sleeve"], elbow + up * 0.03, wrist, 0.055)
        _bone(picture, camera, clothes["sleeve"], top + up * 0.05, elbow - up * 0.03, 0.065)
    skull = figure.head_centre
    if figure.look.cover is not Cover.SCARF:
        _bone(
            picture,
            camera,
            clothes["neck"],
            skull - up * 0.02,
            shoulders + ahead * 0.05 - up * 0.035,
            0.058,
        )
    drape = None
    if figure.look.cover is Cover.SCARF:
        drape = clothes["scarf"]
    elif figure.look.hair in (Hair.LONG, Hair.FRINGE) and figure.look.beard == 0:
        drape = clothes["hair"]
    if drape is not None:
        wide = right * 0.165 * figure.head_size
        base = shoulders - up * (0.05 if drape is clothes["scarf"] else 0.02) + ahead * 0.04
        cloth = np.stack([skull - wide, skull + wide, base + wide * 1.1, base - wide * 1.1])
        paste(picture, drape, camera.project(cloth))


def _near(camera: PinholeCamera, points: Vector) -> bool:
    return bool((camera.view(points)[..., 2] < 0.25).any())


def _bone(
    picture: Picture,
    camera: PinholeCamera,
    sprite: Sprite,
    start: Vector,
    end: Vector,
    half_m: float,
) -> None:
    """Draws a limb between two points of the world."""
    both = np.stack([start, end])
    if _near(camera, both):
        return
    seen = camera.project(both)
    depth = camera.view(both)[:, 2]
    along = seen[1] - seen[0]
    length = float(np.hypot(*along)) or 1.0
    aside = np.array([along[1], -along[0]]) / length
    wide = (half_m * camera.focal_px / depth)[:, None]
    grow = along / length * wide * 0.3
    first, last = seen[0] - grow[0], seen[1] + grow[1]
    paste(
        picture,
        sprite,
        np.stack(
            [
                first + aside * wide[0],
                first - aside * wide[0],
                last - aside * wide[1],
                last + aside * wide[1],
            ]
        ),
    )


@lru_cache(maxsize=1)
def _soft_blot() -> Plane:
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    return np.clip(1.2 - 1.2 * np.sqrt(x * x + y * y), 0, 1).astype(np.float32)


def _shadow(
    picture: Picture, camera: PinholeCamera, foot: Vector, light: Lighting, tall: float, dark: float
) -> None:
    away = -light.towards * np.array([1.0, 0.0, 1.0])
    away = away / (np.linalg.norm(away) + 1e-9) * tall * 0.55
    aside = np.array([-away[2], 0.0, away[0]]) * 0.35
    back = foot - away * 0.2
    for reach, strength in ((1.0, dark), (0.3, dark * 0.8)):
        tip = foot + away * reach
        wide = aside if reach == 1.0 else aside * 0.9
        quad = np.stack([back - wide, back + wide, tip + wide, tip - wide])
        if not _near(camera, quad):
            blot = _soft_blot() * np.float32(strength)
            paste(picture, (np.full((*blot.shape, 3), 14, np.uint8), blot), camera.project(quad))
