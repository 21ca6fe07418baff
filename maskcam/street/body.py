"""Draws what is below the head: flat cloths, bent over the bones of a walker."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.street.canvas import Picture, Plane, as_picture, as_plane
from maskcam.street.figure import Figure
from maskcam.street.geometry import PinholeCamera, Vector
from maskcam.street.head import Lighting
from maskcam.street.look import Colour, Cover, Hair, Look

Sprite = tuple[Picture, Plane]

_UP = np.array([0.0, 1.0, 0.0])

_SIDEWAYS = 0.45
"""Turned farther than this (radians), the near arm is seen in front of the trunk."""


def paste(picture: Picture, sprite: Sprite, corners: Vector) -> None:
    """Draws a flat sprite onto four corners in px.

    They are top left, top right, bottom right and bottom left.
    """
    high, wide = picture.shape[:2]
    low, far = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    left, top = max(0, int(low[0]) - 1), max(0, int(low[1]) - 1)
    right, bottom = min(wide, int(far[0]) + 2), min(high, int(far[1]) + 2)
    if right <= left or bottom <= top:
        return
    colours, cover = sprite
    target = (corners - (left + 0.5, top + 0.5)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(_frame_of(cover.shape), target)
    span = (right - left, bottom - top)
    drawn = cv2.warpPerspective(colours, matrix, span, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(cover, matrix, span)
    here = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = cv2.blendLinear(here, drawn, 1 - weight, weight)


@lru_cache(maxsize=32)
def _frame_of(shape: tuple[int, ...]) -> NDArray[np.float32]:
    h, w = shape
    return np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - np.float32(0.5)


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


@lru_cache(maxsize=32)
def _wardrobe(look: Look, key: tuple[tuple[float, ...], ...]) -> dict[str, Sprite]:
    light = Lighting(*(np.array(part) for part in key))
    rng = np.random.default_rng([look.seed, 0xB0D7])
    return {
        "trunk": _trunk(look, light, rng),
        "arm": _limb(look.top, light, rng, (1.0, 0.75), cap=0.3),
        "sleeve": _limb(look.top, light, rng, (0.95, 0.66), tip=(0.66, 0.62, look.skin)),
        "leg": _limb(look.legs, light, rng, (1.0, 0.6)),
        "neck": _neck(look, light),
        "shin": _limb(look.legs, light, rng, (1.0, 0.72), tip=(0.84, 0.8, (38, 34, 32))),
        "hair": _hair(look, light, rng),
        "scarf": _scarf(look, light, rng),
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
    cap: float = 0.06,
    tip: tuple[float, float, Colour] | None = None,
) -> Sprite:
    """Returns a limb, drawn upright.

    taper: half widths at its upper and lower end. cap: share of its length that
    is rounded at the top. tip: share from which on a hand or shoe is seen, its
    half width and its colour.
    """
    high, wide = 96, 40
    sheet = np.array(colour, np.float32) * _round_shade(wide, light)
    sheet = sheet * _folds(rng, high, wide, 0.07)
    y = np.linspace(0, 1, high)[:, None]
    half = taper[0] + (taper[1] - taper[0]) * y
    if tip is not None:
        start = int(tip[0] * high)
        sheet[start:] = np.array(tip[2], np.float32) * _round_shade(wide, light)
        half[start:] = tip[1]
    half = half * np.sqrt(np.clip(1 - np.maximum(0, 1 - y / cap) ** 2, 0, 1))
    half = half * np.sqrt(np.clip(1 - np.maximum(0, (y - 0.94) / 0.06) ** 2, 0, 1))
    x = np.abs(np.linspace(-1, 1, wide))[None]
    cover = np.clip((half - x) * wide / 2, 0, 1).astype(np.float32)
    return as_picture(sheet), cover


def _neck(look: Look, light: Lighting) -> Sprite:
    """Returns a neck, dark under the chin and spreading into the shoulders."""
    high, wide = 64, 64
    y = np.linspace(0, 1, high)[:, None]
    sheet = np.array(look.skin, np.float32) * _round_shade(wide, light)
    sheet = sheet * (0.42 + 0.42 * np.clip((y - 0.35) / 0.5, 0, 1))[..., None]
    half = 0.66 + 0.34 * np.clip((y - 0.55) / 0.45, 0, 1) ** 2
    cover = np.clip((half - np.abs(np.linspace(-1, 1, wide))[None]) * wide / 3, 0, 1)
    return as_picture(sheet), as_plane(cover)


def _hair(look: Look, light: Lighting, rng: np.random.Generator) -> Sprite:
    """Returns long hair as it falls beside the neck, thinning out in strands."""
    high, wide = 96, 112
    strands = rng.standard_normal((3, 38)).astype(np.float32)
    strands = as_plane(cv2.resize(strands, (wide, high), interpolation=cv2.INTER_CUBIC))
    sheet = np.array(look.hair_colour, np.float32) * _round_shade(wide, light)
    sheet = sheet * (0.78 + 0.2 * strands)[..., None]
    y = np.linspace(0, 1, high)[:, None]
    x = np.abs(np.linspace(-1, 1, wide))[None]
    half = 0.56 + 0.12 * np.sin(y * 2.6)
    ends = np.clip((0.86 + 0.1 * strands - 0.25 * x * x - y) * 7, 0, 1)
    cover = np.clip((half + 0.03 * strands - x) * wide / 7, 0, 1) * ends
    return as_picture(sheet), as_plane(cover)


def _scarf(look: Look, light: Lighting, rng: np.random.Generator) -> Sprite:
    """Returns the part of a head scarf that lies over neck, shoulders and chest."""
    high, wide = 112, 128
    y = np.linspace(0, 1, high)[:, None]
    x = np.abs(np.linspace(-1, 1, wide))[None]
    folds = np.sin(9 * y + 5 * x * x + float(rng.uniform(0, 6))) * 0.07
    sheet = np.array(look.cover_colour, np.float32) * _round_shade(wide, light)
    sheet = sheet * (0.9 + folds)[..., None] * _folds(rng, high, wide, 0.06)
    half = 0.45 + 0.5 * np.clip((y - 0.2) / 0.8, 0, 1) ** 1.3
    hem = np.clip((0.97 - 0.3 * x**2 - y) * 30, 0, 1)
    cover = np.clip((half - x) * wide / 4, 0, 1) * hem
    return as_picture(sheet), as_plane(cover)


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
        cv2.ellipse(base, (80, 0), (21, 12), 0, 0, 360, collar.tolist(), -1, cv2.LINE_AA)
    sheet = base * _round_shade(wide, light) * _folds(rng, high, wide, 0.07)
    sheet[:12] *= np.linspace(0.6, 1, 12)[:, None, None]
    y = np.linspace(0, 1, high)[:, None]
    slope = 0.27 + 0.56 * np.clip(y / 0.14, 0, 1) ** 0.8
    slope = slope + 0.15 * np.sqrt(np.clip(1 - (1 - np.clip((y - 0.1) / 0.18, 0, 1)) ** 2, 0, 1))
    half = slope * (0.98 - 0.2 * np.exp(-(((y - 0.7) / 0.2) ** 2)))
    edge = np.abs(np.linspace(-1, 1, wide))[None]
    cover = as_plane(np.clip((half - edge) * wide / 3, 0, 1))
    return as_picture(sheet), cover


class _Bone(NamedTuple):
    """A limb from one point of the world to another, `half` metres thick on each side."""

    sprite: Sprite
    start: Vector
    end: Vector
    half: float


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
    shoulders, low = swayed + _UP * (0.85 * tall), swayed + _UP * (0.47 * tall)
    across = right * (0.117 * tall * max(0.72, abs(math.cos(turn))))
    trunk = np.stack(
        [shoulders - across, shoulders + across, low + across * 0.9, low - across * 0.9]
    )
    if float(camera.view(trunk)[:, 2].min()) < 0.3:
        return
    _shadow(picture, camera, foot, light, tall, shadow)
    axes = (right, ahead)
    _draw_bones(picture, camera, _legs(figure, clothes, foot, swayed, axes))
    near, far = (1, -1) if turn > 0 else (-1, 1)
    arms = [_arm(figure, clothes, shoulders, across, axes, side) for side in (far, near)]
    front = [] if abs(turn) < _SIDEWAYS else arms.pop()
    for arm in arms:
        _draw_bones(picture, camera, arm)
    paste(picture, clothes["trunk"], camera.project(trunk))
    skull = figure.head_centre
    if figure.look.cover is Cover.SCARF:
        _hang(picture, camera, clothes["scarf"], (skull, shoulders), axes, (0.2, 0.17))
    else:
        if figure.look.hair in (Hair.LONG, Hair.FRINGE) and figure.look.beard == 0:
            _hang(picture, camera, clothes["hair"], (skull, shoulders), axes, (0.15, 0.09))
        nape = shoulders + ahead * 0.03 - _UP * 0.03
        front.append(_Bone(clothes["neck"], skull - _UP * 0.04, nape, 0.082))
    if front:
        _draw_bones(picture, camera, front)


def _hang(
    picture: Picture,
    camera: PinholeCamera,
    cloth: Sprite,
    span: tuple[Vector, Vector],
    axes: tuple[Vector, Vector],
    extent: tuple[float, float],
) -> None:
    """Draws what hangs from the head.

    extent: its half width, and how far below the shoulders it reaches.
    """
    (skull, shoulders), (right, ahead) = span, axes
    wide = right * extent[0]
    base = shoulders - _UP * extent[1] + ahead * 0.05
    corners = np.stack([skull - wide, skull + wide, base + wide * 1.1, base - wide * 1.1])
    paste(picture, cloth, camera.project(corners))


def _legs(
    figure: Figure,
    clothes: dict[str, Sprite],
    foot: Vector,
    swayed: Vector,
    axes: tuple[Vector, Vector],
) -> list[_Bone]:
    right, ahead = axes
    tall, brisk = figure.tall, min(1.0, figure.speed)
    bones = []
    for side in (-1, 1):
        phase = figure.stride + (0 if side > 0 else math.pi)
        swing, lift = math.sin(phase) * brisk, max(0.0, math.cos(phase)) * 0.12 * brisk
        hip = swayed + right * (side * 0.085) + _UP * (0.5 * tall)
        knee = hip - _UP * (0.235 * tall - lift * 0.4) + ahead * (0.2 * swing + lift)
        ankle = foot + right * (side * 0.085) + _UP * (0.07 + lift) + ahead * (0.33 * swing)
        bones += [
            _Bone(clothes["shin"], knee + _UP * 0.06, ankle - _UP * 0.05, 0.085),
            _Bone(clothes["leg"], hip + _UP * 0.08, knee - _UP * 0.06, 0.11),
        ]
    return bones


def _arm(
    figure: Figure,
    clothes: dict[str, Sprite],
    shoulders: Vector,
    across: Vector,
    axes: tuple[Vector, Vector],
    side: int,
) -> list[_Bone]:
    right, ahead = axes
    phase = figure.stride + (0 if side > 0 else math.pi)
    swing = -math.sin(phase) * 0.5 * min(1.0, figure.speed)
    top = shoulders + across * (side * 0.84) - _UP * 0.1
    elbow = top - _UP * (0.15 * figure.tall) + right * (side * 0.045) + ahead * (0.12 * swing)
    wrist = elbow - _UP * (0.14 * figure.tall) + ahead * (0.06 + 0.22 * max(0.0, swing))
    return [
        _Bone(clothes["sleeve"], elbow + _UP * 0.03, wrist - _UP * 0.1, 0.047),
        _Bone(clothes["arm"], top + _UP * 0.03, elbow - _UP * 0.03, 0.053),
    ]


def _draw_bones(picture: Picture, camera: PinholeCamera, bones: list[_Bone]) -> None:
    ends = np.array([(bone.start, bone.end) for bone in bones])
    seen = camera.project(ends)
    depth = np.maximum(camera.view(ends)[..., 2:], 0.3)
    along = seen[:, 1] - seen[:, 0]
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    aside = np.stack([along[:, 1], -along[:, 0]], axis=1)[:, None]
    wide = np.array([bone.half for bone in bones])[:, None, None] * camera.focal_px / depth
    grow = along[:, None] * wide * 0.3
    grow[:, 0] *= -1
    tips, flanks = seen + grow, aside * wide
    one, other = tips + flanks, tips - flanks
    quads = np.stack([one[:, 0], other[:, 0], other[:, 1], one[:, 1]], axis=1)
    for bone, quad in zip(bones, quads, strict=True):
        paste(picture, bone.sprite, quad)


@lru_cache(maxsize=8)
def _soft_blot(dark: float) -> Sprite:
    """Returns a shadow: long and soft, darkest at the feet, which are a fifth down."""
    y, x = np.mgrid[0:1:64j, -1:1:48j]
    long = np.clip(1.1 - np.hypot((y - 0.5) * 2, x), 0, 1) * 0.9
    near = np.clip(1 - np.hypot((y - 0.22) / 0.22, x * 1.1), 0, 1)
    blot = np.clip(np.maximum(long, near) * dark * 1.2, 0, 0.85).astype(np.float32)
    return np.full((*blot.shape, 3), 14, np.uint8), blot


def _shadow(
    picture: Picture,
    camera: PinholeCamera,
    foot: Vector,
    light: Lighting,
    tall: float,
    dark: float,
) -> None:
    away = -light.towards * (1.0, 0.0, 1.0)
    away = away / (np.linalg.norm(away) + 1e-9) * tall * 0.6
    aside = np.array([-away[2], 0.0, away[0]]) * 0.3
    back, tip = foot - away * 0.25, foot + away
    quad = np.stack([back - aside, back + aside, tip + aside, tip - aside])
    if float(camera.view(quad)[:, 2].min()) > 0.4:
        paste(picture, _soft_blot(dark), camera.project(quad))
