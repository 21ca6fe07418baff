"""Draws what is below the head: flat cloths, bent over the bones of a walker."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.street.canvas import Image
from maskcam.street.clothes import Sprite, wardrobe
from maskcam.street.figure import Figure
from maskcam.street.geometry import PinholeCamera, Vector
from maskcam.street.head import Lighting
from maskcam.street.look import Cover, Hair

_UP = np.array([0.0, 1.0, 0.0])

_SIDEWAYS = 0.45
"""Turned farther than this (radians), the near arm is seen in front of the trunk."""


def paste(frame: Image, sprite: Sprite, corners: Vector) -> None:
    """Draws a flat sprite onto four corners in px.

    They are top left, top right, bottom right and bottom left.
    """
    high, wide = frame.shape[:2]
    low, far = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    left, top = max(0, int(low[0]) - 1), max(0, int(low[1]) - 1)
    right, bottom = min(wide, int(far[0]) + 2), min(high, int(far[1]) + 2)
    if right <= left or bottom <= top:
        return
    colours, cover = sprite
    target = (corners - (left + 0.5, top + 0.5)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(_corners_of(cover.shape), target)
    span = (right - left, bottom - top)
    drawn = cv2.warpPerspective(colours, matrix, span, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpPerspective(cover, matrix, span)
    here = frame[top:bottom, left:right]
    frame[top:bottom, left:right] = cv2.blendLinear(here, drawn, 1 - weight, weight)


@lru_cache(maxsize=32)
def _corners_of(shape: tuple[int, ...]) -> NDArray[np.float32]:
    h, w = shape
    return np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - np.float32(0.5)


class _Bone(NamedTuple):
    """A limb from one point of the world to another, `half` metres thick on each side."""

    sprite: Sprite
    start: Vector
    end: Vector
    half: float


def draw_body(
    frame: Image, figure: Figure, camera: PinholeCamera, light: Lighting, *, shadow: float
) -> None:
    """Draws shadow, legs, trunk, arms and neck of a person onto an RGB frame, in place."""
    clothes = wardrobe(figure.look, light)
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
    _shadow(frame, camera, foot, light, tall, shadow)
    axes = (right, ahead)
    _draw_bones(frame, camera, _legs(figure, clothes, foot, swayed, axes))
    near, far = (1, -1) if turn > 0 else (-1, 1)
    arms = [_arm(figure, clothes, shoulders, across, axes, side) for side in (far, near)]
    front = [] if abs(turn) < _SIDEWAYS else arms.pop()
    for arm in arms:
        _draw_bones(frame, camera, arm)
    paste(frame, clothes["trunk"], camera.project(trunk))
    skull = figure.head_centre
    if figure.look.cover is Cover.SCARF:
        _hang(frame, camera, clothes["scarf"], (skull, shoulders), axes, (0.2, 0.17))
    else:
        if figure.look.hair in (Hair.LONG, Hair.FRINGE) and figure.look.beard == 0:
            _hang(frame, camera, clothes["hair"], (skull, shoulders), axes, (0.15, 0.09))
        nape = shoulders + ahead * 0.03 - _UP * 0.03
        front.append(_Bone(clothes["neck"], skull - _UP * 0.04, nape, 0.082))
    if front:
        _draw_bones(frame, camera, front)


def _hang(
    frame: Image,
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
    paste(frame, cloth, camera.project(corners))


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


def _draw_bones(frame: Image, camera: PinholeCamera, bones: list[_Bone]) -> None:
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
        paste(frame, bone.sprite, quad)


@lru_cache(maxsize=8)
def _soft_blot(dark: float) -> Sprite:
    """Returns a shadow: long and soft, darkest at the feet, which are a fifth down."""
    y, x = np.mgrid[0:1:64j, -1:1:48j]
    long = np.clip(1.1 - np.hypot((y - 0.5) * 2, x), 0, 1) * 0.9
    near = np.clip(1 - np.hypot((y - 0.22) / 0.22, x * 1.1), 0, 1)
    blot = np.clip(np.maximum(long, near) * dark * 1.2, 0, 0.85).astype(np.float32)
    return np.full((*blot.shape, 3), 14, np.uint8), blot


def _shadow(
    frame: Image,
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
        paste(frame, _soft_blot(dark), camera.project(quad))
