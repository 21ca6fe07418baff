"""Draws on unmasked faces what is taken for a mask: a hand, a phone, a scarf, a beard, shade."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_ZOOM = 2  # drawn larger, so that edges are smooth at any size
_MARGIN, _BELOW = 0.6, 0.9  # beside and below the face, in its size
_SCARVES = (
    (150, 30, 40),
    (40, 60, 110),
    (60, 60, 66),
    (200, 190, 170),
    (90, 110, 80),
    (20, 20, 24),
)


def draw_cover(rgb: NDArray[np.uint8], box: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Paints one of them into `rgb`, on or below the face in `box` (x0 y0 x1 y1 px)."""
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    x0, y0, x1, y1 = (float(v) for v in box)
    width, height = x1 - x0, y1 - y0
    left, top = int(max(0, x0 - _MARGIN * width)), int(max(0, y0))
    right = int(min(rgb.shape[1], x1 + _MARGIN * width + 1))
    bottom = int(min(rgb.shape[0], y1 + _BELOW * height + 1))
    patch = rgb[top:bottom, left:right]
    if min(patch.shape[:2]) < 4:
        return
    shape = (patch.shape[0] * _ZOOM, patch.shape[1] * _ZOOM)
    transform = np.array([[width, 0, x0 - left], [0, height, y0 - top]]) * _ZOOM
    skin = np.median(_part(rgb, x0, x1, y0, y1), (0, 1))
    cover, paint = kind(_Face(shape, transform, skin, rng))
    size = (patch.shape[1], patch.shape[0])
    alpha = cv2.resize(cover, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None]
    paint = cv2.resize(paint, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    patch[:] = np.clip(patch * (1 - alpha) + paint * alpha, 0, 255).astype(np.uint8)


_Layer = tuple[NDArray[np.floating], NDArray[np.floating]]  # cover (H, W) 0..1, paint (H, W, 3)


@dataclass(frozen=True, slots=True)
class _Face:
    """A face to draw on, at twice its size.

    shape: height and width of what is drawn.
    transform: (2, 3) from the face's box, (0, 0) to (1, 1), to px of what is drawn.
    skin: (3,) its colour.
    """

    shape: tuple[int, int]
    transform: NDArray[np.float64]
    skin: NDArray[np.floating]
    rng: np.random.Generator

    def points(self, of_box: NDArray[np.float64]) -> NDArray[np.int32]:
        """Returns points (N, 2) of the box in px of what is drawn."""
        return (of_box @ self.transform[:, :2].T + self.transform[:, 2]).astype(np.int32)

    def cloud(self, sigma: float) -> NDArray[np.float32]:
        """Returns smooth noise of about -sigma..sigma."""
        height, width = self.shape
        small = self.rng.standard_normal((max(2, height // 6), max(2, width // 6)))
        small = small.astype(np.float32)
        return sigma * cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    def flat(self, colour: NDArray[np.floating]) -> NDArray[np.float32]:
        """Returns paint of one colour, with some noise."""
        paint = np.empty((*self.shape, 3), np.float32)
        paint[:] = colour
        return paint + self.cloud(6.0)[..., None]


def _part(rgb: NDArray[np.uint8], x0: float, x1: float, y0: float, y1: float) -> NDArray[np.uint8]:
    """Returns the middle of the upper half of a face: cheeks, nose, eyes."""
    xs = slice(max(0, int(x0 + 0.25 * (x1 - x0))), max(1, int(x0 + 0.75 * (x1 - x0))) + 1)
    ys = slice(max(0, int(y0 + 0.3 * (y1 - y0))), max(1, int(y0 + 0.7 * (y1 - y0))) + 1)
    return rgb[ys, xs]


def _hand(face: _Face) -> _Layer:
    rng = face.rng
    cover = np.zeros(face.shape, np.uint8)
    paint = face.flat(face.skin * rng.uniform(0.85, 1.1))
    unit = float(np.abs(face.transform[0, 0]))
    from_left = -1 if rng.random() < 0.5 else 1
    knuckles = np.array([0.5 + from_left * rng.uniform(0.2, 0.5), rng.uniform(0.8, 1.2)])
    thick = max(2, round(unit * rng.uniform(0.11, 0.16)))
    spread = rng.uniform(0.1, 0.16)
    for finger in range(int(rng.integers(2, 5))):
        tip = np.array([0.5 - from_left * rng.uniform(0, 0.25), rng.uniform(0.6, 0.75)])
        offset = np.array([0, (finger - 1.5) * spread])
        ends = face.points(np.stack([knuckles + offset, tip + offset]))
        cv2.line(cover, ends[0].tolist(), ends[1].tolist(), 255, thick)
        shade = (face.skin * rng.uniform(0.6, 0.8)).tolist()
        cv2.line(paint, (ends[0] + thick // 2).tolist(), (ends[1] + thick // 2).tolist(), shade, 2)
    wrist = face.points(np.stack([knuckles, knuckles + np.array([from_left * 0.3, 0.7])]))
    cv2.line(cover, wrist[0].tolist(), wrist[1].tolist(), 255, 3 * thick)
    return cover.astype(np.float32) / 255, paint


def _phone(face: _Face) -> _Layer:
    rng = face.rng
    cover, paint = _hand(face)
    centre = np.array([rng.uniform(0.1, 0.9), rng.uniform(0.6, 0.95)])
    half = np.array([rng.uniform(0.1, 0.2), rng.uniform(0.25, 0.4)])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    angle = rng.normal(0, 0.4)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    outline = face.points(corners @ turn.T + centre)
    cv2.fillPoly(cover, [outline], 1.0)
    grey = float(rng.choice([20, 30, 60, 210]))
    cv2.fillPoly(paint, [outline], (grey, grey, grey * 1.05))
    return cover, paint


def _scarf(face: _Face) -> _Layer:
    rng = face.rng
    upper = rng.uniform(0.96, 1.08)  # below the chin, but for a little
    xs = np.linspace(-0.7, 1.7, 9)
    edge = np.stack(
        [xs, upper + rng.uniform(-0.1, 0.3) * np.abs(xs - 0.5) + rng.normal(0, 0.015, 9)], 1
    )
    outline = np.concatenate([edge, [(1.7, 2.2), (-0.7, 2.2)]])
    cover = np.zeros(face.shape, np.uint8)
    cv2.fillPoly(cover, [face.points(outline)], 255)
    colour = np.array(_SCARVES[rng.integers(len(_SCARVES))], float) * rng.uniform(0.6, 1.1)
    paint = face.flat(colour) + face.cloud(14.0)[..., None]
    return cover.astype(np.float32) / 255, paint


def _beard(face: _Face) -> _Layer:
    rng = face.rng
    cover = np.zeros(face.shape, np.uint8)
    around = np.linspace(0, np.pi, 12)
    reach = rng.uniform(0.4, 0.5)
    outer = np.stack([0.5 - reach * np.cos(around), 0.62 + 0.42 * np.sin(around)], 1)
    inner = np.stack([0.5 + 0.3 * np.cos(around), 0.66 + 0.16 * np.sin(around)], 1)
    cv2.fillPoly(cover, [face.points(np.concatenate([outer, inner]))], 255)
    if rng.random() < 0.7:  # a moustache
        ends = face.points(np.array([(0.33, 0.7), (0.5, 0.66), (0.67, 0.7)]))
        cv2.polylines(
            cover, [ends], isClosed=False, color=255, thickness=max(2, face.shape[0] // 20)
        )
    mouth = face.points(np.array([(0.5, 0.78), (0.63, 0.8)]))
    half = (max(1, mouth[1][0] - mouth[0][0]), max(1, face.shape[0] // 40))
    cv2.ellipse(cover, mouth[0].tolist(), half, 0, 0, 360, 0, -1)
    alpha = cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), max(1.0, 0.02 * face.shape[0]))
    hair = np.minimum(face.skin * 0.6, np.array(rng.choice([18, 35, 60, 150]), float))
    hair = hair + np.array([8, 3, 0]) * rng.random()
    return alpha * np.float32(rng.uniform(0.55, 0.95)), face.flat(hair)


def _shade(face: _Face) -> _Layer:
    rng = face.rng
    cover = np.zeros(face.shape, np.uint8)
    line = rng.uniform(0.35, 0.7)
    tilt = rng.normal(0, 0.15)
    outline = np.array([(-0.7, line - tilt), (1.7, line + tilt), (1.7, 2.0), (-0.7, 2.0)])
    cv2.fillPoly(cover, [face.points(outline)], 255)
    alpha = cv2.GaussianBlur(cover.astype(np.float32) / 255, (0, 0), max(1.0, 0.03 * face.shape[0]))
    light = 0.0 if rng.random() < 0.7 else 255.0
    return alpha * np.float32(rng.uniform(0.2, 0.5)), np.full((*face.shape, 3), light, np.float32)


_KINDS = (_hand, _hand, _phone, _scarf, _beard, _beard, _shade)
