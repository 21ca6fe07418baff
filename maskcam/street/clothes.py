"""Sprites of what is worn below the head: limbs, trunk, neck, long hair and scarf, lit."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from maskcam.street.canvas import Image, Plane, as_image, as_plane
from maskcam.street.head import Lighting
from maskcam.street.look import Colour, Look

Sprite = tuple[Image, Plane]
"""A flat RGB image and its opacity 0..1."""


def _round_shade(wide: int, light: Lighting) -> Plane:
    """Returns RGB factors (1, wide, 3) across an upright cylinder that faces the camera."""
    across = np.linspace(-0.97, 0.97, wide)
    normal = np.stack([across, np.full(wide, 0.15), -np.sqrt(1 - across**2)], axis=1)
    lit = np.maximum(normal @ light.towards, 0)[:, None] * light.sun
    around = (light.sky * 0.55 + light.ground * 0.45) * (0.7 + 0.3 * np.sqrt(1 - across**2))[
        :, None
    ]
    return (lit + around)[None].astype(np.float32)


def wardrobe(look: Look, light: Lighting) -> dict[str, Sprite]:
    """Returns the sprites of a person: trunk, arm, sleeve, leg, shin, neck, hair and scarf."""
    return _wardrobe(look, tuple(tuple(np.round(part, 3).tolist()) for part in light))


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
    return as_image(sheet), cover


def _neck(look: Look, light: Lighting) -> Sprite:
    """Returns a neck, dark under the chin and spreading into the shoulders."""
    high, wide = 64, 64
    y = np.linspace(0, 1, high)[:, None]
    sheet = np.array(look.skin, np.float32) * _round_shade(wide, light)
    sheet = sheet * (0.42 + 0.42 * np.clip((y - 0.35) / 0.5, 0, 1))[..., None]
    half = 0.66 + 0.34 * np.clip((y - 0.55) / 0.45, 0, 1) ** 2
    cover = np.clip((half - np.abs(np.linspace(-1, 1, wide))[None]) * wide / 3, 0, 1)
    return as_image(sheet), as_plane(cover)


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
    return as_image(sheet), as_plane(cover)


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
    return as_image(sheet), as_plane(cover)


def _trunk(look: Look, light: Lighting, rng: np.random.Generator) -> Sprite:
    high, wide = 200, 160
    base = np.empty((high, wide, 3), np.float32)
    base[:] = look.top
    _paint_garment(base, look)
    sheet = base * _round_shade(wide, light) * _folds(rng, high, wide, 0.07)
    sheet[:12] *= np.linspace(0.6, 1, 12)[:, None, None]
    y = np.linspace(0, 1, high)[:, None]
    slope = 0.27 + 0.56 * np.clip(y / 0.14, 0, 1) ** 0.8
    slope = slope + 0.15 * np.sqrt(np.clip(1 - (1 - np.clip((y - 0.1) / 0.18, 0, 1)) ** 2, 0, 1))
    half = slope * (0.98 - 0.2 * np.exp(-(((y - 0.7) / 0.2) ** 2)))
    edge = np.abs(np.linspace(-1, 1, wide))[None]
    cover = as_plane(np.clip((half - edge) * wide / 3, 0, 1))
    return as_image(sheet), cover


def _paint_garment(base: Plane, look: Look) -> None:
    """Paints the cut of the upper garment over its colour: stripes, jacket, straps..."""
    inner = (230, 228, 222) if sum(look.top) < 360 else (60, 64, 80)
    match look.garment:
        case 0:
            for row in range(3):
                base[row::10] *= 0.72
        case 1:
            _paint_jacket(base, inner)
        case 2:
            cv2.line(base, (80, 0), (80, 200), (base[150, 80] * 0.45).tolist(), 3)
            collar = np.array([(58, 0), (102, 0), (94, 16), (66, 16)])
            cv2.fillPoly(base, [collar], (base[150, 80] * 0.7).tolist())
        case 3:
            cv2.rectangle(base, (58, 50), (102, 96), inner, -1)
            cv2.circle(base, (80, 72), 12, base[150, 80].tolist(), -1)
        case 4:
            cv2.line(base, (52, 0), (124, 190), (70, 48, 34), 9, cv2.LINE_AA)
        case 5:
            for x, lean in ((50, 4), (110, -4)):
                cv2.line(base, (x, 0), (x + lean, 120), (34, 36, 44), 10, cv2.LINE_AA)
    if look.garment in (0, 3, 4, 5):
        throat = (np.array(look.skin) * 0.8).tolist()
        cv2.ellipse(base, (80, 0), (21, 12), 0, 0, 360, throat, -1, cv2.LINE_AA)


def _paint_jacket(base: Plane, shirt: Colour) -> None:
    cv2.fillPoly(base, [np.array([(62, 0), (98, 0), (80, 90)])], shirt)
    cv2.line(base, (80, 90), (80, 200), (base[150, 80] * 0.5).tolist(), 2)
    for side in (-1, 1):
        lapel = [(80 + side * 20, 0), (80 + side * 34, 34), (80 + side * 6, 84)]
        cv2.fillPoly(base, [np.array(lapel)], (base[150, 80] * 0.8).tolist())
