"""Paints what is over the bare face, but the mask: hair, beard, glasses and hats."""

from __future__ import annotations

import numpy as np

from maskcam.street.canvas import (
    PAINT_PX,
    RELIEF_PX,
    Plane,
    Points,
    area,
    as_plane,
    blend,
    ellipse,
    grain,
    mirrored,
    shrink,
    smooth_curve,
    softened,
    spot,
    strokes,
)
from maskcam.street.face import EYE
from maskcam.street.look import Cover, Hair, Look

_HAIR_HEIGHT = {
    Hair.SHORT: 0.07,
    Hair.FRINGE: 0.11,
    Hair.LONG: 0.11,
    Hair.CURLY: 0.24,
    Hair.TIED: 0.06,
}


def _lift(relief: Plane, cover: Plane, height: float | Plane) -> None:
    relief += shrink(cover) * np.float32(1) * height


def _outside(cover: Plane) -> Plane:
    outside: Plane = 1 - cover
    return outside


def hair(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints and raises the hair."""
    if look.hair is Hair.BALD:
        return
    line = float(rng.uniform(0.29, 0.37)) + 0.09 * look.age * (look.lips < 0.3)
    side = float(rng.uniform(0.62, 0.72))
    if look.hair is Hair.FRINGE:
        line = 0.17
    if look.hair in (Hair.LONG, Hair.FRINGE) and look.beard == 0:
        outline = mirrored(_long_hair(line, look, rng))
    else:
        outline = mirrored(_short_hair(line, side))
    cover = _outside(area(outline, soft=0.018))
    coat = _coat_of_hair(line, look, rng)
    edge = strokes([[*outline, outline[0]]], width=0.03, soft=0.03)
    blend(sheet, np.array(look.skin, np.float32) * 0.55, edge * _outside(cover), 0.6)
    blend(sheet, np.clip(coat, 0, 255), cover, 0.97)
    soft = softened((shrink(cover) * 255).astype(np.uint8), 0.05)
    rough = 0.015 + 0.02 * (look.hair is Hair.CURLY)
    relief += soft * (_HAIR_HEIGHT[look.hair] + rough * grain(rng, RELIEF_PX, 22, 1))


def _long_hair(line: float, look: Look, rng: np.random.Generator) -> Points:
    """Returns the right half of what long hair leaves free; `line` is the hairline's height."""
    near = float(rng.uniform(0.62, 0.76))
    right = [
        (0.1, line),
        (0.34, line - 0.03),
        (near * 0.84, 0.2),
        (near, -0.1),
        (near, -0.5),
        (near * 0.9, -0.9),
        (0.5, -1.6),
        (0.2, -2.5),
    ]
    if rng.random() < 0.5 and look.hair is Hair.LONG:
        right[0] = (0.03, line + 0.06)
    return right


def _short_hair(line: float, side: float) -> Points:
    """Returns the right half of what short hair leaves free; `side`: x of the temple."""
    return [
        (0.1, line),
        (0.36, line - 0.02),
        (0.56, line - 0.1),
        (side, 0.2),
        (0.8, 0.16),
        (0.86, -0.06),
        (0.93, 0.12),
        (1.2, 0.24),
        (1.4, -0.1),
        (1.3, -0.5),
        (1.0, -1.6),
        (0.3, -2.5),
    ]


def _coat_of_hair(line: float, look: Look, rng: np.random.Generator) -> Plane:
    """Returns streaks in the colour of the hair, with a gloss above the hairline."""
    base = np.array(look.hair_colour, np.float32)
    streaks = grain(rng, PAINT_PX, (46, 9), 2)
    if look.hair is Hair.CURLY:
        streaks = grain(rng, PAINT_PX, 40, 2)
    coat = base * (1 + 0.16 * streaks[..., None]) + 5 * streaks[..., None]
    gloss = area(ellipse(0, line + 0.28, 0.6, 0.07), soft=0.08)
    coat += gloss[..., None] * (18 + 0.16 * base)
    return as_plane(coat)


def beard(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints and raises the beard; 0.35 is stubble, 1 a full beard."""
    if look.beard == 0:
        return
    jaw = area(
        smooth_curve(
            [
                spot(0.86, -0.1),
                spot(0.72, -0.3),
                spot(0.46, -0.44),
                spot(0.22, -0.4),
                spot(0, -0.41),
                spot(-0.22, -0.4),
                spot(-0.46, -0.44),
                spot(-0.72, -0.3),
                spot(-0.86, -0.1),
                (-0.98, -0.5),
                (-0.6, -0.98),
                (0, -1.12),
                (0.6, -0.98),
                (0.98, -0.5),
            ]
        ),
        soft=0.035,
    )
    mouth = area(
        smooth_curve([spot(-0.27, -0.54), spot(0, -0.5), spot(0.27, -0.54), spot(0, -0.64)]),
        soft=0.012,
    )
    cover = np.clip(jaw - mouth, 0, 1)
    coat = np.array(look.hair_colour, np.float32) * (
        0.9 + 0.2 * grain(rng, PAINT_PX, 60, 1)[..., None]
    )
    blend(sheet, np.clip(coat, 0, 255), cover, 0.32 if look.beard < 0.5 else 0.9)
    _lift(relief, cover, 0.05 if look.beard > 0.5 else 0.0)


def glasses(sheet: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints the glasses."""
    if not look.glasses:
        return
    x, y = EYE
    round_ = rng.random() < 0.4
    frame = np.array(
        [(24, 22, 24), (70, 44, 28), (120, 120, 124), (40, 30, 60)][int(rng.integers(4))],
        np.float32,
    )
    width = float(rng.uniform(0.018, 0.034))
    rims = []
    for sign in (1, -1):
        if round_:
            rim = [
                spot(sign * x + 0.2 * np.cos(a), y - 0.02 + 0.15 * np.sin(a))
                for a in np.linspace(0, 2 * np.pi, 24)
            ]
        else:
            rim = [
                spot(sign * (x + u), y + v)
                for u, v in smooth_curve([(-0.22, 0.08), (0.22, 0.1), (0.2, -0.13), (-0.18, -0.13)])
            ]
        rims.append([*rim, rim[0]])
        glass = area(rim)
        if look.dark_glasses:
            blend(sheet, (22, 22, 26), glass, 0.93)
            blend(
                sheet,
                (120, 130, 140),
                glass * area(ellipse(*spot(sign * x, y + 0.09), 0.1, 0.02), soft=0.03),
                0.5,
            )
        else:
            streak = [spot(sign * x - 0.1, y - 0.08), spot(sign * x + 0.05, y + 0.08)]
            blend(sheet, (235, 240, 245), glass, 0.07)
            blend(sheet, (245, 248, 250), glass * strokes([streak], width=0.03, soft=0.02), 0.35)
    temples = [[spot(sign * 0.58, y + 0.04), (sign * 1.02, 0.06)] for sign in (1, -1)]
    bridge = [spot(-0.16, y + 0.02), spot(0, y + 0.05), spot(0.16, y + 0.02)]
    blend(sheet, frame, strokes([*rims, *temples, bridge], width=width, soft=0.004), 0.95)


def headwear(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints and raises a cap, a beanie or a head scarf."""
    if look.cover is Cover.SCARF:
        _scarf(sheet, relief, look, rng)
    elif look.cover is not Cover.NONE:
        _hat(sheet, relief, look, rng)


def _scarf(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    right = [
        (0.1, 0.31),
        (0.36, 0.26),
        (0.56, 0.1),
        (0.63, -0.2),
        (0.56, -0.6),
        (0.36, -0.88),
        (0.1, -0.97),
    ]
    outline = mirrored(right)
    cover = _outside(area(outline, soft=0.012))
    folds = 0.1 * grain(rng, PAINT_PX, (10, 4), 2)
    rim = strokes([[*outline, outline[0]]], width=0.05, soft=0.02)
    base = np.array(look.cover_colour, np.float32)
    blend(sheet, np.array(look.skin, np.float32) * 0.5, rim * _outside(cover), 0.7)
    blend(sheet, np.clip(base * (1 + folds[..., None]), 0, 255), cover)
    _lift(relief, cover, 0.1 + 0.03 * grain(rng, RELIEF_PX, (9, 4), 1))


def _hat(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints and raises a beanie or a cap; the visor is drawn with the person."""
    knitted = look.cover is Cover.BEANIE
    edge = 0.2 if knitted else 0.23
    right = [
        (0.1, edge),
        (0.4, edge),
        (0.75, edge - 0.02),
        (1.0, edge - 0.05),
        (1.5, edge - 0.2),
        (2.4, -0.4),
        (2.2, -1.6),
        (0.5, -2.6),
    ]
    cover = _outside(area(mirrored(right), soft=0.008))
    base = np.array(look.cover_colour, np.float32)
    knit = 0.12 * np.sin(np.arange(PAINT_PX) * (1.4 if knitted else 0.0))[None, :, None]
    shade = 1 + 0.04 * grain(rng, PAINT_PX, 8, 3)[..., None] + knit
    blend(sheet, np.clip(base * shade, 0, 255).astype(np.float32), cover)
    seam = [(-x, edge + 0.11) for x in (-1.1, -0.5, 0, 0.5, 1.1)]
    blend(sheet, base * 0.6, strokes([seam], width=0.02, soft=0.008) * cover, 0.6)
    _lift(relief, cover, 0.11)
    if not knitted:
        under = area(ellipse(0, 0.12, 0.62, 0.1), soft=0.07)
        blend(sheet, np.array(look.skin, np.float32) * 0.4, under * _outside(cover), 0.5)
