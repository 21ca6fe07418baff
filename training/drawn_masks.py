"""Draws a mask on the lower part of an unmasked face, worn well or not."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# Upper edge of the mask in box heights, by how it is worn (box: forehead to chin).
_UPPER_EDGE = {"well": (0.42, 0.54), "nose_out": (0.66, 0.74), "chin": (0.82, 0.90)}
# Where the teacher's five points lie on a head: across and down in half sides of the face's box
# (medians of 708 frontal faces of the training pictures), and forward, as heads are.
_POINTS = np.array(
    [
        (-0.45, -0.47, 0.78),
        (0.45, -0.47, 0.78),
        (0, 0, 1.12),
        (-0.39, 0.33, 0.82),
        (0.39, 0.33, 0.82),
    ]
)
_FEWEST = 5  # corners of a mask that are seen
_COLOURS = (
    (150, 195, 220), (170, 205, 215), (225, 230, 235), (240, 240, 240), (28, 28, 32),
    (60, 60, 70), (40, 60, 110), (150, 40, 50), (200, 150, 160), (90, 110, 80), (190, 170, 130),
)  # fmt: skip


def draw_mask(
    rgb: NDArray[np.uint8],
    box: NDArray[np.float32],
    worn: str,
    rng: np.random.Generator,
    points: NDArray[np.floating] | None = None,
) -> None:
    """Paints into `rgb` a mask worn "well", "nose_out" or "chin" on the face in `box`.

    The light and shade of the face below stays on the mask, so that the seam does not
    give it away.

    points: eyes, nose and corners of the mouth (5, 2) px, which tell how the head is turned;
        None: it looks at the camera, rolled a little at random.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    width, height = x1 - x0, y1 - y0
    aside = 0.15 if points is None else 0.35
    left, top = int(max(0, x0 - aside * width)), int(max(0, y0))
    right = int(min(rgb.shape[1], x1 + aside * width + 1))
    bottom = int(min(rgb.shape[0], y1 + aside * height + 1))
    if right - left < 4 or bottom - top < 4:
        return
    patch = rgb[top:bottom, left:right]
    zoom = 1 if height > 70 else 3  # drawn larger, so that edges are smooth at any size

    outline = _outline(worn, rng)
    placed = _flat(outline, box) if points is None else _turned(outline, box, points)
    placed = _Placed(*((part - (left, top)) * zoom for part in placed))

    shape = (patch.shape[0] * zoom, patch.shape[1] * zoom)
    cover = np.zeros(shape, np.uint8)
    cv2.fillPoly(cover, [placed.edge.astype(np.int32)], 255)
    thick = max(1, round(0.02 * height * zoom))
    if worn != "chin" or rng.random() < 0.5:
        for corner, ear in placed.straps.astype(int).tolist():
            cv2.line(cover, corner, ear, 200, thick)
    cloth = _cloth(shape, placed.corners, rng)

    small = (patch.shape[1], patch.shape[0])
    alpha = (
        cv2.resize(cover, small, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    )
    cloth = cv2.resize(cloth, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    light = cv2.GaussianBlur(patch.astype(np.float32).mean(2), (0, 0), max(0.5, 0.1 * height))
    covered = alpha[..., 0] > 0.5
    level = light[covered].mean() if covered.any() else 128.0
    # The mask is as bright as its cloth in the light that falls on the face.
    shade = np.clip(light / max(level, 20.0), 0.5, 1.5) * np.clip(0.35 + level / 190, 0.35, 1.15)
    painted = np.clip(cloth * shade[..., None], 0, 255)
    alpha *= rng.uniform(0.9, 1.0)
    patch[:] = (patch * (1 - alpha) + painted * alpha).astype(np.uint8)


class _Placed(NamedTuple):
    """A mask in px: ten corners, the edge of what is seen of it (N, 2), straps (M, 2, 2)."""

    corners: NDArray[np.float64]
    edge: NDArray[np.float64]
    straps: NDArray[np.float64]


def _flat(outline: NDArray[np.float64], box: NDArray[np.floating]) -> _Placed:
    """Lays a mask on a face that looks at the camera."""
    corners = outline * (box[2:] - box[:2]) + box[:2]
    ear = box[1] + 0.42 * (box[3] - box[1])
    straps = np.array([[corners[0], (box[0], ear)], [corners[4], (box[2], ear)]])
    return _Placed(corners, corners, straps)


def _turned(
    outline: NDArray[np.float64], box: NDArray[np.floating], points: NDArray[np.floating]
) -> _Placed:
    """Lays a mask on a face as it is turned: what lies in depth moves with the nose.

    The head is taken for an ellipsoid, seen from afar, in half sides of the box of a face that
    looks at the camera.
    """
    camera = np.linalg.lstsq(_lifted(_POINTS), points.astype(float), rcond=None)[0]
    across, down = camera[:3].T
    view = np.cross(across, down) / max(float(np.linalg.norm(np.cross(across, down))), 1e-6)
    flat = 2 * outline - 1
    depth = 0.9 * np.sqrt(np.clip(1 - flat[:, 0] ** 2 - 0.3 * flat[:, 1] ** 2, 0, 1))
    depth[2] = 1.05  # on the bridge of the nose
    solid = np.column_stack([flat, depth])
    tip = (flat[2, 0], 0.6 * flat[2, 1] + 0.4 * flat[7, 1], 1.2)
    corners = _lifted(solid) @ camera
    facing = np.column_stack([flat[:, 0], 0.3 * flat[:, 1], depth]) @ view > -0.1
    seen = np.vstack([corners[facing], _lifted(np.array([tip])) @ camera])
    if len(seen) < _FEWEST or not 0.1 < _area(seen) / np.prod(box[2:] - box[:2]) < 0.9:
        return _flat(outline, box)  # points that belong to no face
    ears = _lifted(np.array([(-1.0, -0.2, -0.1), (1.0, -0.2, -0.1)])) @ camera
    straps = [
        (corners[index], ear)
        for index, ear, side in ((0, ears[0], -1), (4, ears[1], 1))
        if side * view[0] > -0.5
    ]
    edge = cv2.convexHull(seen.astype(np.float32))[:, 0].astype(float)
    return _Placed(corners, edge, np.array(straps, float).reshape(-1, 2, 2))


def _lifted(solid: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([solid, np.ones(len(solid))])


def _area(points: NDArray[np.float64]) -> float:
    return float(cv2.contourArea(cv2.convexHull(points.astype(np.float32))))


def _outline(worn: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns the ten corners of a mask, x and y in sizes of the face box, rolled a little."""
    upper = rng.uniform(*_UPPER_EDGE[worn])
    lower = rng.uniform(1.0, 1.08)
    centre = rng.normal(0.5, 0.05)
    half = rng.uniform(0.36, 0.46)
    side = upper + (lower - upper) * rng.uniform(0.15, 0.45)
    left_x, right_x, inner = centre - half, centre + half, 0.5 * half
    outline = np.array(
        [
            (left_x, side - 0.1),
            (centre - inner, upper + 0.02),
            (centre, upper - 0.03),
            (centre + inner, upper + 0.02),
            (right_x, side - 0.1),
            (centre + 0.93 * half, side + 0.18),
            (centre + inner, lower - 0.03),
            (centre, lower),
            (centre - inner, lower - 0.03),
            (centre - 0.93 * half, side + 0.18),
        ]
    )
    outline += rng.normal(0, 0.012, outline.shape)
    angle = np.deg2rad(rng.normal(0, 4))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rolled: NDArray[np.float64] = (outline - 0.5) @ turn.T + 0.5
    return rolled


def _cloth(
    shape: tuple[int, int], points: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    colour = np.array(_COLOURS[rng.integers(len(_COLOURS))], float) + rng.normal(0, 12, 3)
    cloth = np.empty((*shape, 3), np.uint8)
    cloth[:] = np.clip(colour, 0, 255)
    kind = rng.random()
    if kind < 0.45:  # pleats
        for fraction in (0.25, 0.5, 0.75):
            a, b = points[0] * (1 - fraction) + points[9] * fraction, 0
            b = points[4] * (1 - fraction) + points[5] * fraction
            darker = tuple(int(v) for v in np.clip(colour * 0.8, 0, 255))
            cv2.line(cloth, tuple(a.astype(int)), tuple(b.astype(int)), darker, 2)
    elif kind < 0.65:  # pattern
        other = np.array(_COLOURS[rng.integers(len(_COLOURS))], float)
        step = int(rng.integers(5, 16))
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        dots = ((rows // step + (columns // step) * rng.integers(0, 2)) % 2).astype(bool)
        cloth[dots] = np.clip(other, 0, 255)
    elif kind < 0.8:  # fold in the middle
        top, bottom = points[2].astype(int), points[7].astype(int)
        cv2.line(
            cloth, tuple(top), tuple(bottom), tuple(int(v * 0.85) for v in colour.clip(0, 255)), 3
        )
    return cloth
