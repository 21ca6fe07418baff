"""Paints the bare face: the relief of the skull and the colours of the skin."""

from __future__ import annotations

from functools import cache

import numpy as np

from maskcam.street.canvas import (
    PAINT_PX,
    RELIEF_PX,
    Plane,
    area,
    as_plane,
    blend,
    directions,
    ellipse,
    grain,
    smooth_curve,
    spot,
    strokes,
)
from maskcam.street.look import Look

EYE = (0.395, 0.0)
"""Direction parts x and y of an eye; chin and crown are at y -1 and +1."""


@cache
def _bump(x: float, y: float, rx: float, ry: float) -> Plane:
    d = directions(RELIEF_PX)
    front = 1 / (1 + np.exp(-12 * (d[..., 2] + 0.05)))
    both = ((np.abs(d[..., 0]) - x) / rx) ** 2 + ((d[..., 1] - y) / ry) ** 2
    return as_plane(np.exp(-both) * front)


@cache
def _side_bump(y: float, z: float, ry: float, rz: float) -> Plane:
    d = directions(RELIEF_PX)
    both = ((d[..., 1] - y) / ry) ** 2 + ((d[..., 2] - z) / rz) ** 2
    return as_plane(np.exp(-both))


def skull(look: Look) -> Plane:
    """Returns the relative radius of the bare head over its ellipsoid, per direction."""
    d = directions(RELIEF_PX)
    nose = np.zeros((RELIEF_PX, RELIEF_PX), np.float32)
    for y, height, width in ((0.02, 0.05, 0.09), (-0.12, 0.10, 0.10), (-0.27, 0.20, 0.12)):
        nose = np.maximum(nose, height * look.nose * _bump(0.0, y, width, 0.14))
    nose = np.maximum(nose, 0.09 * look.nose * _bump(0.13, -0.30, 0.07, 0.07))
    lower = np.clip(-d[..., 1] - 0.25, 0, 1)
    radius = (
        1.0
        + nose
        - 0.055 * _bump(0.36, 0.02, 0.19, 0.13)
        + 0.03 * _bump(0.3, 0.19, 0.3, 0.09)
        + 0.035 * _bump(0.52, -0.2, 0.2, 0.2)
        + 0.05 * _bump(0.0, -0.52, 0.3, 0.16)
        + 0.035 * _bump(0.0, -0.5, 0.2, 0.07)
        + 0.09 * _bump(0.0, -0.84, 0.27, 0.14)
        + 0.03 * _bump(0.0, 0.45, 0.55, 0.3)
        - 0.10 * lower * np.abs(d[..., 0]) ** 1.5 * (2 - look.wide)
        + 0.06 * _bump(0.55, -0.66, 0.2, 0.2)
        - 0.12 * lower * (d[..., 2] < 0) * -d[..., 2]
        + 0.17 * _side_bump(-0.08, -0.04, 0.2, 0.09) * (np.abs(d[..., 0]) > 0.6)
    )
    # A cranium is squarer than an ellipsoid: flat on top, full at the temples.
    full = (np.abs(d) ** 2.5).sum(axis=-1) ** (-1 / 2.5) - 1
    radius *= 1 + full * np.clip(d[..., 1] * 2 + 0.3, 0, 1)
    radius *= 1 - 0.04 * np.clip(d[..., 1] - 0.6, 0, 1)
    return as_plane(radius)


def _pair(points: list[tuple[float, float]]) -> tuple[list[tuple[float, float]], ...]:
    return points, [(-x, y) for x, y in points]


def _front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [spot(x, y) for x, y in points]


def skin(look: Look, rng: np.random.Generator) -> Plane:
    """Returns the painted bare face (PAINT_PX, PAINT_PX, 3), RGB 0..255."""
    tone = np.array(look.skin, np.float32)
    dark = tone * np.array([0.62, 0.5, 0.45], np.float32)
    red = tone * np.array([1.0, 0.78, 0.74], np.float32)
    light = np.minimum(tone * 1.14 + 10, 255)
    sheet = np.empty((PAINT_PX, PAINT_PX, 3), np.float32)
    sheet[:] = tone
    sheet *= (1 + 0.018 * grain(rng, PAINT_PX, 9, 4))[..., None]
    _blot_pair(sheet, red, (0.5, -0.22), (0.16, 0.12), soft=0.08, strength=0.45)
    blend(sheet, red, area(ellipse(*spot(0, -0.27), 0.07, 0.06), soft=0.04), 0.5)
    _hollows(sheet, dark, look.age)
    _highlights(sheet, light)
    _blot_pair(sheet, dark * 0.35, (0.10, -0.345), (0.024, 0.012), soft=0.006, strength=0.9)
    _creases(sheet, dark, look.age)
    _mouth(sheet, look, rng)
    _eyes(sheet, look, rng)
    _ears(sheet, dark, red)
    return sheet


def _blot_pair(
    sheet: Plane,
    colour: Plane,
    at: tuple[float, float],
    radii: tuple[float, float],
    *,
    soft: float,
    strength: float,
) -> None:
    """Paints a soft ellipse on each half of the face; `at` is a place on the front."""
    for side in _pair([spot(*at)]):
        blend(sheet, colour, area(ellipse(*side[0], *radii), soft=soft), strength)


def _hollows(sheet: Plane, dark: Plane, age: float) -> None:
    """Paints what light from above never reaches: eye sockets, under nose, lip and chin."""
    _blot_pair(sheet, dark, EYE, (0.13, 0.075), soft=0.045, strength=0.42 + 0.1 * age)
    under_nose = smooth_curve([(-0.2, -0.36), (0.2, -0.36), (0, -0.43)])
    blend(sheet, dark, area(_front(under_nose), soft=0.02), 0.5)
    under_lip = [(-0.18, -0.68), (0.18, -0.68), (0.1, -0.74), (-0.1, -0.74)]
    blend(sheet, dark, area(_front(under_lip), soft=0.03), 0.4)
    blend(sheet, dark * 0.8, area(ellipse(0, -1.2, 0.8, 0.28), soft=0.09), 0.85)
    nose_sides = _pair(_front([(0.07, 0.05), (0.1, -0.12), (0.17, -0.24)]))
    blend(sheet, dark, strokes(nose_sides, width=0.05, soft=0.025), 0.35)


def _highlights(sheet: Plane, light: Plane) -> None:
    """Paints what shines: the ridge of the nose, the forehead and the cheekbones."""
    blend(sheet, light, strokes([_front([(0, 0.02), (0, -0.26)])], width=0.045, soft=0.018), 0.6)
    blend(sheet, light, area(ellipse(0, 0.2, 0.2, 0.08), soft=0.08), 0.35)
    _blot_pair(sheet, light, (0.45, -0.12), (0.07, 0.04), soft=0.04, strength=0.4)


def _creases(sheet: Plane, dark: Plane, age: float) -> None:
    """Paints the wings of the nose and the lines that deepen with age (0..1)."""
    wings = _pair(_front([(0.16, -0.24), (0.2, -0.3), (0.165, -0.36)]))
    blend(sheet, dark, strokes(wings, width=0.016, soft=0.008), 0.6)
    folds = _pair(_front([(0.22, -0.34), (0.32, -0.46), (0.36, -0.58)]))
    blend(sheet, dark, strokes(folds, width=0.015, soft=0.014), 0.25 + 0.45 * age)
    if age > 0.6:
        lines = [_front([(-0.35, y), (0, y + 0.02), (0.35, y)]) for y in (0.36, 0.44)]
        bags = _pair(_front([(0.24, -0.1), (0.36, -0.13), (0.48, -0.09)]))
        blend(sheet, dark, strokes([*lines, *bags], width=0.012, soft=0.014), 0.4 * age)


def _mouth(sheet: Plane, look: Look, rng: np.random.Generator) -> None:
    tone = np.array(look.skin, np.float32)
    lip = tone * np.array([0.86, 0.58, 0.56], np.float32)
    lip += (np.array([172, 62, 70], np.float32) - lip) * (0.5 * look.lips * (look.age < 0.7))
    half = float(rng.uniform(0.24, 0.3))
    smile = float(rng.uniform(-0.015, 0.03))
    corner = -0.545 + smile
    upper = [
        (-half, corner),
        (-0.1, -0.475),
        (0, -0.49),
        (0.1, -0.475),
        (half, corner),
        (0, -0.555),
    ]
    lower = [(-half, corner), (0, -0.55), (half, corner), (0.13, -0.635), (-0.13, -0.635)]
    blend(sheet, lip * 0.88, area(_front(upper), soft=0.008), 0.85)
    blend(sheet, lip * 1.05, area(_front(lower), soft=0.008), 0.85)
    shine = area(ellipse(*spot(0, -0.6), 0.06, 0.012), soft=0.012)
    blend(sheet, np.minimum(lip * 1.25 + 15, 255), shine, 0.5)
    slit = [
        (-half - 0.02, corner),
        (-0.12, -0.548),
        (0, -0.556),
        (0.12, -0.548),
        (half + 0.02, corner),
    ]
    gap = 0.036 if rng.random() < 0.25 else 0.02
    blend(sheet, tone * 0.22, strokes([_front(slit)], width=gap, soft=0.006), 0.85)


def _eyes(sheet: Plane, look: Look, rng: np.random.Generator) -> None:
    tone = np.array(look.skin, np.float32)
    iris = np.array([(58, 38, 26), (70, 48, 30), (86, 104, 116), (78, 92, 62)], np.float32)
    colour = iris[0] if tone[0] < 170 else iris[int(rng.integers(4))]
    open_ = float(rng.uniform(0.045, 0.062))
    brow_y = float(rng.uniform(0.15, 0.19))
    thick = float(rng.uniform(0.022, 0.034)) * (1.0 if look.lips < 0.3 else 0.75)
    hair = np.array(look.hair_colour, np.float32) * 0.75
    for sign in (1, -1):
        _eye(sheet, sign, tone, colour, open_)
        _brow(sheet, sign, np.minimum(hair, tone * 0.6), brow_y, thick)


def _eye(sheet: Plane, sign: int, tone: Plane, iris: Plane, open_: float) -> None:
    """Paints the eye on one side: the white, the iris, a glint, then the lids."""
    x, y = EYE
    almond = [
        (sign * (x - 0.165), y - 0.015),
        (sign * (x - 0.06), y + open_ * 0.9),
        (sign * (x + 0.06), y + open_),
        (sign * (x + 0.175), y + 0.01),
        (sign * (x + 0.06), y - open_ * 0.8),
        (sign * (x - 0.07), y - open_ * 0.75),
    ]
    outline = _front(smooth_curve(almond))
    shape = area(outline, soft=0.005)
    blend(sheet, (214, 205, 198), shape, 0.92)
    centre = spot(sign * x, y + 0.008)
    blend(sheet, iris, area(ellipse(*centre, 0.045, 0.045)) * shape, 0.95)
    blend(sheet, (12, 10, 10), area(ellipse(*centre, 0.02, 0.02)) * shape)
    glint = area(ellipse(centre[0] + 0.012, centre[1] + 0.014, 0.008, 0.008), soft=0.003)
    blend(sheet, (250, 250, 250), glint * shape, 0.9)
    lashes = outline[: 6 * 3 + 1]
    blend(sheet, tone * 0.16, strokes([lashes], width=0.022, soft=0.005), 0.85)
    fold = _front([(u, v + 0.045) for u, v in almond[:4]])
    blend(sheet, tone * 0.5, strokes([fold], width=0.012, soft=0.008), 0.5)
    blend(sheet, tone * 0.5, strokes([_front(almond[3:])], width=0.01, soft=0.006), 0.5)


def _brow(sheet: Plane, sign: int, colour: Plane, y: float, thick: float) -> None:
    x = EYE[0]
    brow = [
        (sign * (x - 0.2), y + 0.012),
        (sign * (x + 0.01), y + 0.028 + thick),
        (sign * (x + 0.22), y - 0.012),
        (sign * (x + 0.01), y + 0.028 - thick),
        (sign * (x - 0.19), y - thick * 1.3),
    ]
    blend(sheet, colour, area(_front(smooth_curve(brow)), soft=0.012), 0.85)


def _ears(sheet: Plane, dark: Plane, red: Plane) -> None:
    for sign in (1, -1):
        blend(sheet, red, area(ellipse(sign * 1.1, -0.08, 0.13, 0.24), soft=0.02), 0.7)
        blend(sheet, dark * 0.6, area(ellipse(sign * 1.07, -0.08, 0.05, 0.12), soft=0.025), 0.8)
        rim = ellipse(sign * 1.1, -0.08, 0.12, 0.23)
        blend(sheet, dark, strokes([rim], width=0.02, soft=0.01), 0.5)
