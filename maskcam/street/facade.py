"""Paints flat things of a street: house fronts, paving, stalls, cars and trees."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskcam.street.canvas import Image, Plane, as_image, as_plane

_WALLS = (
    (206, 186, 150),
    (190, 150, 120),
    (214, 204, 184),
    (176, 168, 158),
    (160, 110, 90),
    (222, 190, 140),
    (150, 152, 156),
    (198, 160, 150),
)
_CLOTHS = (
    (170, 40, 40),
    (40, 90, 60),
    (40, 70, 130),
    (210, 190, 150),
    (90, 40, 60),
    (220, 150, 50),
)

PX_PER_M = 30


def _colour(
    rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]
) -> tuple[int, int, int]:
    base = np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, 10, 3)
    red, green, blue = (int(c) for c in np.clip(base, 10, 245))
    return red, green, blue


def _noisy(image: Image, rng: np.random.Generator, strength: float) -> Image:
    high, wide = image.shape[:2]
    fine = rng.standard_normal((high // 2 + 1, wide // 2 + 1)).astype(np.float32)
    coarse = rng.standard_normal((high // 40 + 2, wide // 40 + 2)).astype(np.float32)
    total = cv2.resize(fine, (wide, high)) * 0.6 + cv2.resize(
        coarse, (wide, high), interpolation=cv2.INTER_CUBIC
    )
    return as_image(image + total[..., None] * strength)


def house_front(rng: np.random.Generator, wide_m: float, high_m: float, *, lit: bool) -> Image:
    """Returns a row of house fronts, RGB, PX_PER_M pixels per metre."""
    wide, high = int(wide_m * PX_PER_M), int(high_m * PX_PER_M)
    image = np.zeros((high, wide, 3), np.uint8)
    left = 0
    while left < wide:
        right = min(wide, left + int(rng.uniform(5, 12) * PX_PER_M))
        wall = _colour(rng, _WALLS)
        cv2.rectangle(image, (left, 0), (right, high), wall, -1)
        _windows(image, rng, (left, right), wall, lit=lit)
        _shop(image, rng, (left, right), lit=lit)
        cv2.line(image, (left, 0), (left, high), _darker(wall, 0.6), 3)
        left = right
    return _noisy(image, rng, 5.0)


class _WindowStyle(NamedTuple):
    """What the windows of one house have in common; measures in px."""

    half: int
    tall: int
    shutter: tuple[int, int, int] | None
    frame: tuple[int, ...]
    balcony: bool


def _windows(
    image: Image,
    rng: np.random.Generator,
    span: tuple[int, int],
    wall: tuple[int, int, int],
    *,
    lit: bool,
) -> None:
    high = image.shape[0]
    floor, pitch = int(rng.uniform(2.8, 3.4) * PX_PER_M), int(rng.uniform(1.9, 3.0) * PX_PER_M)
    style = _WindowStyle(
        half=int(rng.uniform(0.4, 0.65) * PX_PER_M),
        tall=int(rng.uniform(1.3, 1.9) * PX_PER_M),
        shutter=_colour(rng, _CLOTHS) if rng.random() < 0.5 else None,
        frame=(225, 222, 214) if rng.random() < 0.7 else _darker(wall, 0.7),
        balcony=rng.random() < 0.4,
    )
    for base in range(high - int(4.0 * PX_PER_M), 0, -floor):
        cv2.line(image, (span[0], base + 14), (span[1], base + 14), _darker(wall, 0.82), 3)
        for x in range(span[0] + pitch // 2, span[1] - style.half, pitch):
            _window(image, rng, (x, base), style, lit=lit)
            if style.shutter:
                _shutters(image, (x, base), style, style.shutter)
            if style.balcony:
                _balcony(image, (x, base), style.half)


def _darker(colour: tuple[int, ...], factor: float) -> tuple[int, ...]:
    return tuple(int(c * factor) for c in colour)


def _window(
    image: Image,
    rng: np.random.Generator,
    foot: tuple[int, int],
    style: _WindowStyle,
    *,
    lit: bool,
) -> None:
    """Draws the glass, sometimes half in shade, and the frame; `foot`: middle of the sill."""
    x, base = foot
    corner, other = (x - style.half, base - style.tall), (x + style.half, base)
    glass = (
        (238, 196, 120)
        if lit and rng.random() < 0.3
        else _colour(rng, ((60, 70, 82), (84, 98, 112)))
    )
    cv2.rectangle(image, corner, other, glass, -1)
    if rng.random() < 0.5:
        cv2.rectangle(image, corner, (x, base), _darker(glass, 0.8), -1)
    cv2.rectangle(image, corner, other, style.frame, 3)
    cv2.line(image, (x, base - style.tall), (x, base), style.frame, 2)


def _shutters(
    image: Image, foot: tuple[int, int], style: _WindowStyle, colour: tuple[int, int, int]
) -> None:
    x, base = foot
    half, top = style.half, base - style.tall
    for edge in (x - half - half, x + half):
        cv2.rectangle(image, (edge, top), (edge + half, base), colour, -1)
        for slat in range(top, base, 6):
            cv2.line(image, (edge, slat), (edge + half, slat), _darker(colour, 0.75), 1)


def _balcony(image: Image, foot: tuple[int, int], half: int) -> None:
    x, base = foot
    for bar in range(x - half - 6, x + half + 6, 5):
        cv2.line(image, (bar, base - 26), (bar, base + 6), (40, 40, 44), 1)
    floor = (x - half - 8, base + 4), (x + half + 8, base + 12)
    cv2.rectangle(image, *floor, (150, 146, 140), -1)


def _shop(image: Image, rng: np.random.Generator, span: tuple[int, int], *, lit: bool) -> None:
    high = image.shape[0]
    top = high - int(3.3 * PX_PER_M)
    sign = _colour(rng, _CLOTHS)
    cv2.rectangle(image, (span[0] + 8, top), (span[1] - 8, top + 16), sign, -1)
    for x in range(span[0] + 30, span[1] - 40, 13):
        if rng.random() < 0.7:
            tall = int(rng.integers(5, 10))
            cv2.rectangle(image, (x, top + 3), (x + 7, top + 3 + tall), (232, 226, 210), -1)
    at = span[0] + 12
    while at < span[1] - 40:
        until = min(span[1] - 12, at + int(rng.uniform(1.2, 3.0) * PX_PER_M))
        inside = (
            (226, 186, 120)
            if lit and rng.random() < 0.6
            else _colour(rng, ((46, 50, 56), (70, 76, 84), (96, 100, 104)))
        )
        cv2.rectangle(image, (at, top + 22), (until, high - 12), inside, -1)
        for _ in range(int(rng.integers(3, 12))):
            x, y = int(rng.integers(at, until)), int(rng.integers(top + 40, high - 20))
            size = int(rng.integers(3, 14))
            cv2.rectangle(
                image, (x, y), (x + size, y + size * 2), _colour(rng, _WALLS + _CLOTHS), -1
            )
        cv2.rectangle(image, (at, top + 22), (until, high - 12), _darker(sign, 0.7), 4)
        at = until + 4
    if rng.random() < 0.5:
        stripe, other = _colour(rng, _CLOTHS), (232, 228, 218)
        for index, x in enumerate(range(span[0] + 6, span[1] - 6, 12)):
            colour = stripe if index % 2 else other
            cv2.rectangle(image, (x, top + 14), (x + 12, top + 48), colour, -1)
            cv2.circle(image, (x + 6, top + 48), 6, colour, -1)


def paving(rng: np.random.Generator, wide_m: float, long_m: float, *, shade: float) -> Image:
    """Returns the ground, RGB, PX_PER_M pixels per metre; `shade` darkens a wall's shadow."""
    wide, long = int(wide_m * PX_PER_M), int(long_m * PX_PER_M)
    base = np.array(
        [(158, 154, 148), (128, 126, 124), (176, 160, 140), (108, 110, 114)][int(rng.integers(4))],
        np.float32,
    )
    image = np.zeros((long, wide, 3), np.float32)
    image[:] = base
    slab = int(rng.uniform(0.3, 0.9) * PX_PER_M)
    tint = rng.normal(0, 7, (long // slab + 1, wide // slab + 1, 1)).astype(np.float32)
    image += cv2.resize(tint, (wide, long), interpolation=cv2.INTER_NEAREST)[..., None]
    if rng.random() < 0.75:
        image[::slab] *= 0.72
        image[:, ::slab] *= 0.72
    road = int(wide * rng.uniform(0.28, 0.4))
    if rng.random() < 0.5:
        image[:, :road] = (image[:, :road] - base) * 0.5 + np.array([92, 93, 96])
        image[:, road : road + 8] = (196, 194, 188)
        image[:, road // 2 : road // 2 + 4][(np.arange(long) // 60 % 2) == 0] = (214, 214, 208)
    edge = int(wide * rng.uniform(0.3, 0.9))
    if rng.random() < 0.6:
        dark = slice(edge, wide) if rng.random() < 0.5 else slice(0, edge)
        image[:, dark] *= 1 - shade
    for _ in range(60):
        spot = (int(rng.integers(wide)), int(rng.integers(long)))
        cv2.circle(image, spot, int(rng.integers(1, 4)), (base * 0.6).tolist(), -1)
    return _noisy(np.clip(image, 0, 255).astype(np.uint8), rng, 6.0)


def stall_cloth(rng: np.random.Generator) -> Image:
    """Returns the front of a market table with produce on it."""
    image = np.zeros((90, 220, 3), np.uint8)
    cv2.rectangle(image, (0, 40), (220, 90), _colour(rng, _CLOTHS + _WALLS), -1)
    for x in range(0, 220, 22):
        cv2.line(image, (x, 42), (x + 4, 90), _darker(image[60, 5], 0.8), 3)
    cv2.rectangle(image, (0, 0), (220, 40), (96, 70, 46), -1)
    for left in range(4, 216, 36):
        goods = _colour(
            rng, ((200, 60, 40), (230, 140, 30), (90, 140, 50), (220, 200, 70), (120, 40, 70))
        )
        for _ in range(45):
            spot = (left + int(rng.integers(2, 30)), int(rng.integers(4, 36)))
            shade = float(rng.uniform(0.6, 1.1))
            cv2.circle(image, spot, 4, tuple(int(min(255, c * shade)) for c in goods), -1)
    return image


def awning_cloth(rng: np.random.Generator) -> Image:
    """Returns a striped or plain awning."""
    image = np.zeros((70, 220, 3), np.uint8)
    first = _colour(rng, _CLOTHS)
    second = (232, 230, 222) if rng.random() < 0.6 else first
    for index, x in enumerate(range(0, 220, 20)):
        cv2.rectangle(image, (x, 0), (x + 20, 70), first if index % 2 else second, -1)
    image[48:] = (image[48:] * 0.72).astype(np.uint8)
    return image


def car(rng: np.random.Generator) -> tuple[Image, Plane]:
    """Returns the front of a car and its coverage."""
    image, cover = np.zeros((150, 180, 3), np.uint8), np.zeros((150, 180), np.uint8)
    paint = _colour(
        rng, ((190, 192, 196), (40, 42, 48), (130, 30, 34), (40, 60, 110), (230, 230, 228))
    )
    dark = _darker(paint, 0.6)
    body = np.array(
        [(8, 140), (6, 80), (30, 64), (48, 14), (132, 14), (150, 64), (174, 80), (172, 140)]
    )
    cv2.fillPoly(image, [body], paint)
    cv2.fillPoly(cover, [body], 255)
    cv2.fillPoly(image, [np.array([(38, 62), (54, 20), (126, 20), (142, 62)])], (70, 84, 96))
    cv2.fillPoly(image, [np.array([(60, 60), (74, 22), (96, 22), (82, 60)])], (120, 136, 148))
    cv2.rectangle(image, (8, 108), (172, 140), dark, -1)
    cv2.rectangle(image, (50, 92), (130, 112), (28, 28, 30), -1)
    cv2.rectangle(image, (70, 118), (110, 130), (226, 226, 220), -1)
    for x in (26, 154):
        cv2.ellipse(image, (x, 92), (16, 9), 0, 0, 360, (222, 226, 230), -1)
        for plane, colour in ((image, (22, 22, 24)), (cover, (255,))):
            cv2.rectangle(plane, (x - 16, 138), (x + 16, 149), colour, -1)
    return image, as_plane(cover) / np.float32(255)


def tree(rng: np.random.Generator) -> tuple[Image, Plane]:
    """Returns a tree and its coverage."""
    cover = np.zeros((320, 240), np.float32)
    noise = rng.standard_normal((26, 20)).astype(np.float32)
    y, x = np.mgrid[0:320, 0:240].astype(np.float32)
    crown = 1.1 - ((x - 120) / 110) ** 2 - ((y - 105) / 105) ** 2
    fine = rng.standard_normal((80, 60)).astype(np.float32)
    ragged = crown + 0.22 * cv2.resize(noise, (240, 320)) + 0.25 * cv2.resize(fine, (240, 320))
    cover[:] = np.clip(ragged * 4, 0, 1)
    green = np.array([(70, 96, 44), (54, 80, 40), (96, 110, 50)][int(rng.integers(3))], np.float32)
    light = 0.75 + 0.3 * cv2.resize(fine, (240, 320)) + 0.4 * (120 - y) / 200
    image = green * np.clip(light, 0.25, 1.6)[..., None]
    trunk = (np.abs(x - 120 - 4 * np.sin(y / 30)) < 9) & (y > 150) & (cover < 0.5)
    image[trunk] = (74, 60, 48)
    cover[trunk] = 1
    return as_image(image), as_plane(cover)
