"""Paints the mask: its outline, how it spans the face, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from maskcam.street.canvas import (
    PAINT_PX,
    REACH,
    RELIEF_PX,
    Plane,
    Points,
    area,
    blend,
    grain,
    mirrored,
    shrink,
    softened,
    spot,
    strokes,
)
from maskcam.street.look import Look, MaskKind, Wearing


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
    return mirrored(right)


def paint_mask(sheet: Plane, relief: Plane, look: Look, rng: np.random.Generator) -> None:
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
    blend(sheet, np.array(look.skin, np.float32) * 0.4, shadow * (1 - cover), 0.55)
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
