"""Paints what is worn over the bare face: hair, beard, glasses, hats and masks."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from maskcam.street.canvas import (
    PAINT_PX,
    REACH,
    RELIEF_PX,
    Plane,
    area,
    blend,
    ellipse,
    grain,
    smooth_curve,
    softened,
    spot,
    strokes,
)
from maskcam.street.face import EYE, shrink
from maskcam.street.look import Cover, Hair, Look, MaskKind, Wearing

Points = list[tuple[float, float]]


def _window(right_half: Points) -> Points:
    """Returns the symmetric outline that stays free of hair, from its right half."""
    return smooth_curve(right_half + [(-x, y) for x, y in reversed(right_half)])


def _lift(relief: Plane, cover: Plane, height: float | Plane) -> None:
    relief += shrink(cover) * np.float32(1) * height


def _over(cover: Plane) -> Plane:
    rest: Plane = 1 - cover
    return rest


def hair(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints and raises the hair."""
    if look.hair is Hair.BALD:
        return
    line = float(rng.uniform(0.29, 0.37)) + 0.09 * look.age * (look.lips < 0.3)
    side = float(rng.uniform(0.62, 0.72))
    if look.hair is Hair.FRINGE:
        line = 0.17
    long = look.hair in (Hair.LONG, Hair.FRINGE) and look.beard == 0
    if long:
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
    else:
        right = [
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
    cover = _over(area(_window(right), soft=0.018))
    base = np.array(look.hair_colour, np.float32)
    streaks = grain(rng, PAINT_PX, (46, 9), 2)
    if look.hair is Hair.CURLY:
        streaks = grain(rng, PAINT_PX, 40, 2)
    coat = base * (1 + 0.16 * streaks[..., None]) + 5 * streaks[..., None]
    gloss = area(ellipse(0, line + 0.28, 0.6, 0.07), soft=0.08)
    coat += gloss[..., None] * (18 + 0.16 * base)
    edge = strokes([[*_window(right), _window(right)[0]]], width=0.03, soft=0.03)
    blend(sheet, np.array(look.skin, np.float32) * 0.55, edge * _over(cover), 0.6)
    blend(sheet, np.clip(coat, 0, 255), cover, 0.97)
    height = {
        Hair.SHORT: 0.07,
        Hair.FRINGE: 0.11,
        Hair.LONG: 0.11,
        Hair.CURLY: 0.24,
        Hair.TIED: 0.06,
    }
    soft = softened((shrink(cover) * 255).astype(np.uint8), 0.05)
    rough = 0.015 + 0.02 * (look.hair is Hair.CURLY)
    relief += soft * (height[look.hair] + rough * grain(rng, RELIEF_PX, 22, 1))


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
    if look.cover is Cover.NONE:
        return
    base = np.array(look.cover_colour, np.float32)
    if look.cover is Cover.SCARF:
        right = [
            (0.1, 0.31),
            (0.36, 0.26),
            (0.56, 0.1),
            (0.63, -0.2),
            (0.56, -0.6),
            (0.36, -0.88),
            (0.1, -0.97),
        ]
        cover = _over(area(_window(right), soft=0.012))
        folds = 0.1 * grain(rng, PAINT_PX, (10, 4), 2)
        rim = strokes([[*_window(right), _window(right)[0]]], width=0.05, soft=0.02)
        blend(sheet, np.array(look.skin, np.float32) * 0.5, rim * _over(cover), 0.7)
        blend(sheet, np.clip(base * (1 + folds[..., None]), 0, 255), cover)
        _lift(relief, cover, 0.1 + 0.03 * grain(rng, RELIEF_PX, (9, 4), 1))
        return
    edge = 0.2 if look.cover is Cover.BEANIE else 0.23
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
    cover = _over(area(_window(right), soft=0.008))
    knit = (
        0.12
        * np.sin(np.arange(PAINT_PX) * (1.4 if look.cover is Cover.BEANIE else 0.0))[None, :, None]
    )
    shade = 1 + 0.04 * grain(rng, PAINT_PX, 8, 3)[..., None] + knit
    blend(sheet, np.clip(base * shade, 0, 255), cover)
    seam = [(-x, edge + 0.11) for x in (-1.1, -0.5, 0, 0.5, 1.1)]
    blend(sheet, base * 0.6, strokes([seam], width=0.02, soft=0.008) * cover, 0.6)
    _lift(relief, cover, 0.11)
    if look.cover is Cover.CAP:
        under = area(ellipse(0, 0.12, 0.62, 0.1), soft=0.07)
        blend(sheet, np.array(look.skin, np.float32) * 0.4, under * _over(cover), 0.5)


def _mask_outline(top: float, kind: MaskKind) -> Points:
    """Returns the outline; `top` is the height of its upper edge over the nose."""
    side = min(top - 0.05, -0.1)
    if kind is MaskKind.FFP2:
        right = [
            spot(0.06, top),
            spot(0.3, side - 0.08),
            spot(0.62, side - 0.1),
            spot(0.78, side - 0.16),
            (0.8, -0.52),
            (0.56, -0.86),
            (0.24, -1.08),
        ]
    elif kind is MaskKind.CLOTH:
        right = [
            spot(0.08, top + 0.02),
            spot(0.34, side - 0.02),
            spot(0.7, side - 0.06),
            spot(0.84, side - 0.12),
            (0.84, -0.52),
            (0.56, -0.88),
            (0.24, -1.06),
        ]
    else:
        right = [
            spot(0.06, top),
            spot(0.34, side - 0.02),
            spot(0.66, side - 0.05),
            spot(0.8, side - 0.1),
            (0.78, -0.5),
            (0.5, -0.88),
            (0.24, -1.04),
        ]
    return _window(right)


def mask(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
    """Paints and raises the mask where the look says it sits."""
    if look.wearing is Wearing.NONE:
        return
    top = float(rng.uniform(-0.12, -0.02))
    if look.wearing is Wearing.NOSE_OUT:
        top = float(rng.uniform(-0.43, -0.37))
    elif look.wearing is Wearing.ON_CHIN:
        top = float(rng.uniform(-0.7, -0.64))
    outline = _mask_outline(top, look.mask)
    cover = area(outline, soft=0.006)
    small = shrink(cover)
    tent = cv2.GaussianBlur(relief, (0, 0), 11)
    rise = 0.09 if look.mask is MaskKind.FFP2 else 0.06
    inner = np.clip(softened((small * 255).astype(np.uint8), 0.09) * 1.6 - 0.6, 0, 1)
    # Cloth spans from the bridge of the nose to the chin; only a hint of the tip shows.
    span = tent + rise * (0.3 + 0.7 * inner)
    raised = np.clip(relief + 0.015, span, span + 0.035)
    if look.mask is MaskKind.FFP2:
        middle = np.abs(np.linspace(-REACH, REACH, RELIEF_PX, dtype=np.float32))[None, :]
        raised += np.float32(0.1) * np.exp(-((middle / 0.16) ** 2)) * inner
    relief += (raised - relief) * small
    base = np.array(look.mask_colour, np.float32)
    loops = [
        [(sign * 0.78, y), (sign * 0.95, (y - 0.1) / 2), (sign * 1.1, at)]
        for sign in (1, -1)
        for y, at in ((max(-0.55, top - 0.12 if top > -0.3 else -0.25), 0.1), (-0.55, -0.3))
    ]
    string = (232, 232, 230) if look.mask is not MaskKind.CLOTH else tuple(base)
    blend(sheet, np.asarray(string, np.float32), strokes(loops, width=0.02, soft=0.004), 0.85)
    shadow = strokes([[*outline, outline[0]]], width=0.05, soft=0.03)
    blend(sheet, np.array(look.skin, np.float32) * 0.4, shadow * _over(cover), 0.55)
    cloth = np.empty_like(sheet)
    cloth[:] = base
    cloth *= (1 + 0.02 * grain(rng, PAINT_PX, 14, 3))[..., None]
    _DRESSING[look.mask](cloth, look, rng, top)
    blend(sheet, np.clip(cloth, 0, 255), cover)
    hem = strokes([[*outline, outline[0]]], width=0.022, soft=0.006)
    blend(sheet, base * 0.78, hem * cover, 0.6)


def _surgical(cloth: Plane, look: Look, _rng: np.random.Generator, top: float) -> None:
    base = np.array(look.mask_colour, np.float32)
    first = min(top, -0.1) / 2 - 0.14
    for y in np.linspace(first, -0.62, 3 if top > -0.5 else 1):
        bow = [(x, float(y) - 0.07 * (1 - x * x)) for x in np.linspace(-0.85, 0.85, 9)]
        below = [(x, v - 0.025) for x, v in bow]
        blend(cloth, base * 0.66, strokes([below], width=0.022, soft=0.01), 0.75)
        blend(cloth, np.minimum(base * 1.12 + 8, 255), strokes([bow], width=0.02, soft=0.008), 0.7)
    if top > -0.3:
        wire = [spot(-0.36, top - 0.07), spot(0, top - 0.035), spot(0.36, top - 0.07)]
        blend(cloth, base * 0.8, strokes([wire], width=0.025, soft=0.01), 0.5)


def _ffp2(cloth: Plane, look: Look, _rng: np.random.Generator, _top: float) -> None:
    base = np.array(look.mask_colour, np.float32)
    if look.mask_pattern % 2:
        fold = [(-0.85, -0.34), (-0.4, -0.42), (0, -0.44), (0.4, -0.42), (0.85, -0.34)]
        upper = [spot(-0.5, -0.22), spot(0, -0.2), spot(0.5, -0.22)]
        blend(cloth, base * 0.72, strokes([fold], width=0.03, soft=0.012), 0.8)
        blend(cloth, base * 0.85, strokes([upper], width=0.014, soft=0.006), 0.6)
    else:
        fold = [(0.0, -0.02), (0.0, -1.1)]
        blend(cloth, base * 0.7, strokes([fold], width=0.026, soft=0.01), 0.85)
    sides = [[(s * 0.74, -0.18), (s * 0.7, -0.5), (s * 0.6, -0.8)] for s in (1, -1)]
    blend(cloth, base * 0.8, strokes(sides, width=0.016, soft=0.005), 0.6)


def _cloth(cloth: Plane, look: Look, rng: np.random.Generator, _top: float) -> None:
    base = np.array(look.mask_colour, np.float32)
    other = np.clip(255 - base * 0.8, 20, 240) if look.mask_pattern > 1 else base * 0.8
    if look.mask_pattern == 2:
        dots = np.zeros((PAINT_PX, PAINT_PX), np.uint8)
        for x in range(0, PAINT_PX, 15):
            for y in range(0, PAINT_PX, 15):
                cv2.circle(dots, (x + (y // 15 % 2) * 7, y), 3, 255, -1, cv2.LINE_AA)
        blend(cloth, other, softened(dots, 0.004), 0.8)
    elif look.mask_pattern == 3:
        wave = np.sin(np.arange(PAINT_PX) * 0.42).astype(np.float32)
        check = np.clip(wave[:, None] + wave[None, :], 0, 1).astype(np.float32)
        blend(cloth, other, check, 0.6)
    elif look.mask_pattern == 4:
        blobs = np.clip(grain(rng, PAINT_PX, 26, 1) * 2 - 1.2, 0, 1).astype(np.float32)
        blend(cloth, other, blobs, 0.75)
    seam = [(0.0, 0.0), (0.0, -1.1)]
    blend(cloth, base * 0.6, strokes([seam], width=0.018, soft=0.008), 0.5)


_DRESSING: dict[MaskKind, Callable[[Plane, Look, np.random.Generator, float], None]] = {
    MaskKind.SURGICAL: _surgical,
    MaskKind.FFP2: _ffp2,
    MaskKind.CLOTH: _cloth,
}
