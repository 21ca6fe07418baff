"""A second renderer, written apart from the first, to test what the first was tuned on.

Heads are flat photographs thrown from the front onto a smooth ellipsoid, in colour, under a
perspective camera; some have no body at all. Shakes are plain sines or triangles. Boxes
are those of the outline, of the face that turns, or of the head that stays.

scripts/make-head-clips --renderer second --out clips --seed 1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from headclips.second_acts import Moves, acts_of

Colour = NDArray[np.float32]
_FACE = 160  # px of a flat picture of a head, half its width at the middle


class Drawn(NamedTuple):
    """A clip: frames (T, H, W, 3) uint8 RGB, boxes (T, 4) px, timestamps (T,) s."""

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    timestamps: NDArray[np.float64]
    facts: dict[str, Any]


def _floats(values: Any) -> Colour:
    return np.asarray(values, np.float32)


class _Head:
    """A look: pictures of the front with shut and open mouth, and the colour behind."""

    def __init__(self, rng: np.random.Generator, photographs: Sequence[Path], masked: bool) -> None:
        self.radii = np.array([rng.uniform(0.35, 0.42), 0.5, rng.uniform(0.4, 0.5)])
        self.axis = float(rng.uniform(0, 0.2))  # of the neck, behind the middle
        self.hair = _floats(rng.uniform(10, 90) * np.array([1.0, 0.85, 0.7]))
        self.skin = _floats(rng.uniform(60, 215) * np.array([1.0, 0.8, 0.68]))
        self.hairline = float(rng.uniform(-0.75, -0.45))
        self.bald_from = float(rng.uniform(-0.1, 0.35))  # depth from which on hair covers the head
        self.photographed = bool(photographs) and rng.random() < 0.5
        if self.photographed:
            self.front = self._photograph(rng, photographs)
        else:
            self.front = self._paint(rng, masked)
        self.open = self.front.copy()
        at = slice(int(1.3 * _FACE), int(1.55 * _FACE))
        self.open[at] = cv2.GaussianBlur(self.front[at.start - 6 : at.stop - 6] * 0.85, (0, 0), 2)

    def _photograph(self, rng: np.random.Generator, photographs: Sequence[Path]) -> Colour:
        photograph = cv2.imread(str(photographs[int(rng.integers(len(photographs)))]))
        assert photograph is not None
        high, wide = photograph.shape[:2]
        side = 0.86 * min(high, wide)
        left, top = (wide - side) / 2, max(0.0, (high - 1.2 * side) / 2)
        part = photograph[int(top) : int(top + min(1.2 * side, high)), int(left) : int(left + side)]
        return _floats(cv2.resize(part[..., ::-1], (2 * _FACE, 2 * _FACE)))

    def _paint(self, rng: np.random.Generator, masked: bool) -> Colour:
        face = np.tile(self.skin, (2 * _FACE, 2 * _FACE, 1))
        plain = rng.random() < 0.4  # a face of few, faint features
        dark = tuple(float(c) for c in self.skin * rng.uniform(0.45 if plain else 0.15, 0.7))

        def spot(x: float, y: float, a: float, b: float, colour: Any) -> None:
            at = (int((1 + x) * _FACE), int((1 + y) * _FACE))
            size = (max(1, int(a * _FACE)), max(1, int(b * _FACE)))
            cv2.ellipse(face, at, size, 0, 0, 360, colour, -1, cv2.LINE_AA)

        for side in (-0.34, 0.34):
            if not plain:
                spot(side, -0.1, 0.16, 0.07, (235, 235, 230))
            spot(side, -0.1, 0.07, 0.07, dark)
            spot(side, -0.27, 0.19, 0.03, dark)
        spot(0, 0.16, 0.09, 0.05, tuple(float(c) for c in self.skin * 0.8))
        spot(0, 0.45, 0.25, 0.05, tuple(float(c) for c in self.skin * [0.75, 0.5, 0.5]))
        if rng.random() < 0.2:
            for side in (-0.34, 0.34):
                at = (int((1 + side) * _FACE), int(0.9 * _FACE))
                cv2.circle(face, at, int(0.22 * _FACE), (25, 25, 25), 5, cv2.LINE_AA)
        if masked:
            cloth = tuple(rng.uniform(20, 240, 3)) if rng.random() < 0.5 else (150, 190, 215)
            edge = [(-1, 0.15), (0, 0.0), (1, 0.15), (1, 0.62), (0.4, 1), (-0.4, 1), (-1, 0.62)]
            cv2.fillPoly(
                face, [((np.array(edge) + 1) * _FACE).astype(np.int32)], cloth, cv2.LINE_AA
            )
        return cv2.GaussianBlur(face, (0, 0), 1.5).astype(np.float32)

    def draw(self, whole: Colour, middle: tuple[float, float], height: float, m: Moves) -> Colour:
        """Draws the head; returns its cover (H, W) 0..1."""
        all_cover = np.zeros(whole.shape[:2], np.float32)
        x0, y0 = (max(0, int(c - 0.85 * height)) for c in middle)
        x1, y1 = (max(0, int(c + 0.85 * height)) for c in middle)
        canvas = whole[y0:y1, x0:x1]
        if not canvas.size:
            return all_cover
        yaw, pitch, roll = np.radians([m.yaw, m.pitch, m.roll])
        about_y = np.array(
            [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
        )
        about_x = np.array(
            [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
        )
        about_z = np.array(
            [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
        )
        turn = about_z @ about_y @ about_x
        joint = np.array([0, 0.45, -self.axis])  # the head turns and tilts there
        centre = joint - turn @ joint
        far = 8.0  # heights from the camera to the head
        ys, xs = np.mgrid[: canvas.shape[0], : canvas.shape[1]].astype(np.float32)
        xs, ys = xs + x0, ys + y0
        ray = np.stack([(xs - middle[0]) / height / far, (ys - middle[1]) / height / far,
                        -np.ones_like(xs)], axis=-1)  # fmt: skip
        start = (turn.T @ (np.array([0, 0, far]) - centre)) / self.radii
        along = (ray @ turn) / self.radii
        a = (along * along).sum(-1)
        b = along @ start
        inside = b * b - a * (start @ start - 1)
        near = (-b - np.sqrt(np.maximum(inside, 0))) / a
        point = start + near[..., None] * along  # on the unit sphere, of the head
        u, v = ((1 + point[..., i]) * _FACE - 0.5 for i in (0, 1))
        looks = [
            cv2.remap(f, _floats(u), _floats(v), cv2.INTER_AREA, borderMode=1)
            for f in (self.front, self.open)
        ]
        front = looks[0] + np.float32(m.mouth) * (looks[1] - looks[0])
        hair = point[..., 2] < self.bald_from * (point[..., 1] < 0.4)
        if not self.photographed:
            hair |= point[..., 1] < self.hairline
        colour = np.where(hair[..., None], self.hair, front)
        normal = (point / self.radii) @ turn.T
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
        shade = 0.65 + 0.45 * np.maximum(0, normal @ np.array([-0.4, -0.5, 0.75]))
        cover = np.clip(inside / (a * (start @ start) * 0.0006 * 40 / height) + 0.5, 0, 1)
        cover = _floats(np.where(inside > -1e-3, cover, 0))[..., None]
        canvas += cover * (_floats(colour * shade[..., None]) - canvas)
        all_cover[y0:y1, x0:x1] = cover[..., 0]
        return all_cover


def _background(rng: np.random.Generator, photographs: Sequence[Path], w: int, h: int) -> Colour:
    kind = rng.integers(4) if photographs else rng.integers(3)
    if kind == 0:
        coarse = rng.normal(0, 1, (h // 9 + 2, 3 * w // 9 + 2, 3)).astype(np.float32)
        wall = 120 + rng.uniform(5, 50) * cv2.resize(coarse, (3 * w, h))
    elif kind == 1:
        wall = np.tile(_floats(rng.uniform(60, 200, 3)), (h, 3 * w, 1))
        for _ in range(25):
            x, y = rng.integers(3 * w), rng.integers(h)
            corner = (int(x + rng.integers(4, w // 2)), int(y + rng.integers(4, h)))
            cv2.rectangle(wall, (int(x), int(y)), corner, tuple(rng.uniform(20, 235, 3)), -1)
    elif kind == 2:
        wall = np.tile(np.linspace(80, 180, h, dtype=np.float32)[:, None, None], (1, 3 * w, 3))
    else:
        photograph = cv2.imread(str(photographs[int(rng.integers(len(photographs)))]))
        assert photograph is not None
        wall = _floats(cv2.resize(photograph[..., ::-1], (3 * w, h), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(wall, np.float32)


def make(
    kind: str,
    rng: np.random.Generator,
    *,
    faces: Mapping[bool, Sequence[Path]],
    streets: Sequence[Path],
) -> Drawn:
    """Returns a clip.

    Args:
        kind: one of `KINDS`, "even shake", "hand held", or a kind that begins with "shake".
        rng: all that is drawn by lot.
        faces: photographs that a face fills, by whether it wears a mask.
        streets: photographs for backgrounds.
    """
    facts: dict[str, Any] = {"seconds": rng.uniform(3, 6), "boxes": ""}
    if kind.startswith(("shake", "even shake", "hand held")):
        facts["start_s"] = float(rng.uniform(0.5, 1.5))
    acts = acts_of(kind, rng, facts)
    fps = int(rng.choice([10, 15, 30]))
    size = float(np.exp(rng.uniform(np.log(32), np.log(110))))
    masked = bool(rng.random() < 0.5)
    head, other = (_Head(rng, faces[masked], masked) for _ in range(2))
    behind = rng.random() < 0.5
    w, h = int(size * rng.uniform(2.4, 4)), int(size * rng.uniform(2.2, 3))
    wall = _background(rng, streets, w, h)
    scroll, growth = rng.uniform(-0.6, 0.6) * (rng.random() < 0.6), rng.uniform(1, 1.12)
    body = str(rng.choice(["none", "plain", "striped"], p=[0.25, 0.4, 0.35]))
    cloth = _floats(rng.uniform(20, 220, 3))
    boxes_of = str(rng.choice(["outline", "face", "head"]))
    jitter, noise = rng.choice([0.0, 0.02, 0.04]), rng.choice([0, 2, 5])
    stamps = np.arange(0, facts.pop("seconds"), 1 / fps)
    if rng.random() < 0.5:
        stamps = stamps + rng.uniform(-0.25, 0.25, len(stamps)) / fps
    if rng.random() < 0.3:
        stamps = stamps[rng.random(len(stamps)) > 0.08]
    stamps = stamps - stamps[0]
    frames, boxes = [], []
    for t in stamps:
        m = acts(float(t))
        height = size * growth ** (t - stamps[-1] / 2)
        middle = w / 2 + (m.x + m.pan) * size, 0.4 * h + m.y * size
        shift = (-w + (scroll * t + m.pan) * size) if body != "none" else (-w + m.pan * size)
        transform = np.array([[1, 0, shift], [0, 1, 0]])
        canvas = _floats(cv2.warpAffine(wall, transform, (w, h), borderMode=cv2.BORDER_WRAP))
        passing = None if m.other is None else (middle[0] + m.other * size, middle[1] + 0.1 * size)
        if passing and behind:
            other.draw(canvas, passing, height, Moves())
        _draw_body(canvas, body, cloth, head.skin, middle, height)
        cover = head.draw(canvas, middle, height, m)
        if passing and not behind:
            _draw_body(canvas, body, cloth[::-1], other.skin, passing, height)
            other.draw(canvas, passing, height, Moves())
        if m.hand is not None:
            at = (middle[0] + m.hand[0] * size, middle[1] + m.hand[1] * size)
            _ellipse(canvas, at, (0.17 * size, 0.24 * size), head.skin)
            _ellipse(canvas, (at[0], at[1] + 0.7 * size), (0.12 * size, 0.6 * size), cloth)
        light = canvas * m.light + rng.normal(0, noise, canvas.shape)
        frames.append(np.clip(light, 0, 255).astype(np.uint8))
        boxes.append(_box(boxes_of, cover, middle, height, head, m, m.box))
    jittered = np.array(boxes)
    wide = (jittered[:, 2] - jittered[:, 0]).mean()
    jittered += rng.normal(0, jitter, jittered.shape) * wide
    facts.update(fps=fps, head_px=round(size, 1), masked=masked, boxes=boxes_of, body=body,
                 photograph=head.photographed)  # fmt: skip
    return Drawn(np.stack(frames), jittered, stamps, facts)


def _ellipse(
    canvas: Colour, at: tuple[float, float], half: tuple[float, float], colour: Colour
) -> None:
    cover = np.zeros(canvas.shape[:2], np.uint8)
    fixed = tuple(round(16 * v) for v in at), tuple(round(16 * v) for v in half)
    cv2.ellipse(cover, *fixed, 0, 0, 360, (255,), -1, cv2.LINE_AA, 4)
    canvas += _floats(cover)[..., None] / 255 * (colour - canvas)


def _draw_body(
    canvas: Colour,
    body: str,
    cloth: Colour,
    skin: Colour,
    middle: tuple[float, float],
    height: float,
) -> None:
    if body == "none":
        return
    x, y = middle
    _ellipse(canvas, (x, y + 0.5 * height), (0.2 * height, 0.35 * height), skin * 0.8)
    _ellipse(canvas, (x, y + 2.1 * height), (height, 1.45 * height), cloth)
    if body == "striped":
        for i in (-0.6, -0.2, 0.2, 0.6):
            at = (x + i * height, y + 2.0 * height)
            _ellipse(canvas, at, (0.07 * height, 1.1 * height), _floats(255 - cloth))


def _box(
    boxes_of: str,
    cover: Colour,
    middle: tuple[float, float],
    height: float,
    head: _Head,
    m: Moves,
    error: float,
) -> tuple[float, float, float, float]:
    x, y = middle
    if boxes_of == "outline":
        rows, columns = np.nonzero(cover.max(1) > 0.5)[0], np.nonzero(cover.max(0) > 0.5)[0]
        if len(rows) and len(columns):
            e = error * height
            return columns[0] + e, float(rows[0]), columns[-1] + 1 + e, float(rows[-1] + 1)
    half = head.radii[0] * height
    x += error * height
    if boxes_of == "face":  # follows the face as it turns
        x += 0.5 * half * np.sin(np.radians(m.yaw))
        y += 0.2 * height * np.sin(np.radians(m.pitch))
        return x - 0.8 * half, y - 0.25 * height, x + 0.8 * half, y + 0.45 * height
    return x - half, y - 0.5 * height, x + half, y + 0.5 * height
