"""Draws what comes before a face: a hand and its arm, another head, a thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips.head import Grey
from headclips.picture import HAND, Person, polygon
from training.drawn_heads import (
    ACROSS,
    DOWN,
    HEAD,
    HEIGHT,
    WIDTH,
    Head,
    Move,
    Rng,
    Sources,
    X,
    Y,
    choose_head,
    part_of_street,
)


class Place(NamedTuple):
    """Where something is drawn: the middle in px, and how far it is turned, in degrees."""

    x: float
    y: float
    turned: float


# Draws onto a head (HEIGHT, WIDTH); returns how much of each pixel is covered, 0..1.
Occlude = Callable[[Grey, Place], NDArray[np.float32]]

_FIST = np.array(
    [(-0.15, 0.2), (-0.18, -0.05), (-0.16, -0.3), (-0.08, -0.38), (0.06, -0.38), (0.15, -0.28),
     (0.17, 0.0), (0.14, 0.2)]
)  # fmt: skip
_ROUND = np.stack([f(np.linspace(0, 2 * np.pi, 24, endpoint=False)) for f in (np.cos, np.sin)], 1)


# Ends of the shares of what is drawn; the rest is square.
_HANDS, _FISTS, _ROUND_THINGS = 0.45, 0.65, 0.9
_GAP = np.array([(-0.006, -0.35), (0.006, -0.35), (0.006, -0.05), (-0.006, -0.05)])
_SHOULDERS = np.array([(-8, 15), (8, 15), (40, 36), (40, 120), (-40, 120), (-40, 36)])

Points = NDArray[np.float64]


def draw_occluder(rng: Rng, head: Head, made_of: Sources, people: list[Person]) -> Occlude:
    """Returns what draws a hand, a thing or a passer-by before a head."""
    if rng.random() < 0.2:
        return _passer(rng, made_of, people)
    return _thing(rng, head, made_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    """A hand and its arm, or a thing; corners (N, 2) in units of `size` px.

    texture: added to the luma `tone` of the outline, (HEIGHT, WIDTH).
    gaps: across the outline, between two fingers.
    arm: None: there is none.
    sleeve: luma of the arm.
    soft: blur of the edges, px.
    shading: slope of the light to the right and down.
    """

    size: float
    outline: Points
    tone: float
    texture: NDArray[Any]
    gaps: Sequence[float]
    arm: Points | None
    sleeve: float
    soft: float
    shading: NDArray[np.float64]

    def __call__(self, canvas: Grey, place: Place) -> NDArray[np.float32]:
        x, y, turned = place
        a = np.radians(turned)
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) * self.size
        slope_x, slope_y = self.shading
        light = 1 + slope_x * (ACROSS - x) / self.size + slope_y * (DOWN - y) / self.size
        covered = np.zeros((HEIGHT, WIDTH), np.float32)

        def paint(corners: Points, luma: Any) -> None:
            cover = cv2.GaussianBlur(
                polygon(canvas.shape, corners @ turn.T + [x, y]), (0, 0), self.soft
            ).astype(np.float32)
            canvas[:] += cover * (luma - canvas)
            np.maximum(covered, cover, out=covered)

        if self.arm is not None:
            paint(self.arm, self.sleeve * light)
        paint(self.outline, self.tone * light + self.texture)
        for at in self.gaps:
            paint(_GAP + np.array([at, 0]), 0.7 * self.tone * light)
        return covered


def _thing(rng: Rng, head: Head, made_of: Sources) -> _Thing:
    size = HEAD * rng.uniform(0.8, 1.25)
    texture = cv2.resize(
        rng.normal(0, 1, (9, 7)).astype(np.float32),
        (WIDTH, HEIGHT),
        interpolation=cv2.INTER_CUBIC,
    ) * rng.uniform(0, 8)
    tone = head.skin * rng.uniform(0.75, 1.25) if rng.random() < 0.75 else rng.uniform(15, 240)
    sleeve = head.cloth * rng.uniform(0.8, 1.2) if rng.random() < 0.7 else rng.uniform(15, 235)
    kind = rng.random()
    outline = _outline(rng, kind)
    if rng.random() < 0.1:
        texture, tone = part_of_street(rng, made_of.streets, 1), 0.0
    bends = rng.uniform(-0.9, 0.9)
    arm = np.array([(-0.13, 0.2), (0.13, 0.2), (0.25 + bends, 3), (-0.2 + bends, 3)])
    has_arm = kind < _ROUND_THINGS and rng.random() < 0.75
    gaps = (-0.08, 0.02, 0.1) if kind < _HANDS and rng.random() < 0.5 else ()
    return _Thing(
        size=size,
        outline=outline,
        tone=tone,
        texture=texture,
        gaps=gaps,
        arm=arm if has_arm else None,
        sleeve=sleeve,
        soft=rng.uniform(0.3, 1.2),
        shading=rng.normal(0, 0.25, 2),
    )


def _outline(rng: Rng, kind: float) -> Points:
    """Returns a flat hand, a fist, something round or something square; `kind` is 0..1."""
    if kind < _HANDS:
        outline = HAND * rng.uniform(0.85, 1.15, 2) * [rng.choice([-1, 1]), 1]
        return np.asarray(outline + rng.normal(0, 0.015, outline.shape))
    if kind < _FISTS:
        return np.asarray(_FIST * rng.uniform(0.8, 1.2, 2))
    if kind < _ROUND_THINGS:
        return np.asarray(_ROUND * [rng.uniform(0.12, 0.22), rng.uniform(0.18, 0.3)])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    return np.asarray(corners * [rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.5)])


def _passer(rng: Rng, made_of: Sources, people: list[Person]) -> Occlude:
    """Returns what draws somebody else before the face, upright however it is placed."""
    other = choose_head(rng, made_of, people)
    yaw, pitch = rng.normal(0, (25, 8))
    drawn = other.draw(Move(yaw, pitch, 0, 0, 0, 1, 0))

    def occlude(canvas: Grey, place: Place) -> NDArray[np.float32]:
        x, y = place.x, place.y
        shift = np.array([[1, 0, x - X], [0, 1, y - Y]])
        moved = cv2.warpAffine(drawn, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        outline = _ROUND * [19, 25] + [x, y - 3]
        covered = np.maximum(
            polygon(canvas.shape, outline), polygon(canvas.shape, _SHOULDERS + np.array([x, y]))
        ).astype(np.float32)
        canvas += covered * (moved - canvas)
        return covered

    return occlude
