"""A head in the round, and the ray caster that draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar, cast

import cv2
import numpy as np

from maskcam.street import face, wear
from maskcam.street.canvas import REACH, RELIEF_PX, Image, Plane, as_plane, directions
from maskcam.street.geometry import Vector
from maskcam.street.look import Look
from maskcam.street.mask import paint_mask

SEMI_AXES_M = np.array([0.076, 0.116, 0.098])
"""Half width, half height and half depth of an average head."""

Sheet = TypeVar("Sheet", Image, Plane)

_SAMPLES = 80
"""Small heads are drawn at least this many pixels high, then averaged down."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadModel:
    """One head, ready to be drawn.

    paint: sheets of RGB uint8, each half the size of the one before.
    relief: (n, n) float32, radius relative to the ellipsoid.
    normals: (n, n, 3) float32, outward unit normals in head axes.
    axes_m: half width, height and depth of the ellipsoid.
    shell: (m, 3) points spread over the surface, in head axes and metres.
    """

    paint: tuple[Image, ...]
    relief: Plane
    normals: Plane
    axes_m: Vector
    shell: Vector


class Lighting(NamedTuple):
    """Light on one head: unit direction towards the sun (world) and RGB strengths."""

    towards: Vector
    sun: Vector
    sky: Vector
    ground: Vector


class Patch(NamedTuple):
    """A drawn head: top left corner in px, RGB premultiplied by alpha, alpha 0..1."""

    left: int
    top: int
    rgb: Plane
    alpha: Plane


@lru_cache(maxsize=24)
def build_head(look: Look) -> HeadModel:
    """Returns the head of a person, painted and modelled."""
    rng = np.random.default_rng([look.seed, 0xFACE])
    sheet = face.skin(look, rng)
    relief = face.skull(look)
    wear.beard(sheet, relief, look, rng)
    wear.hair(sheet, relief, look, rng)
    wear.glasses(sheet, look, rng)
    paint_mask(sheet, relief, look, np.random.default_rng([look.seed, 0x3A5C]))
    wear.headwear(sheet, relief, look, rng)
    axes = SEMI_AXES_M * np.array([look.wide, 1.0, 1.0])
    paint = [np.clip(sheet, 0, 255).astype(np.uint8)]
    while paint[-1].shape[0] > 60:
        half = paint[-1].shape[0] // 2
        paint.append(cv2.resize(paint[-1], (half, half), interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]
    surface = directions(RELIEF_PX) * relief[..., None] * axes.astype(np.float32)
    shell = surface[::7, ::7].reshape(-1, 3).astype(np.float64)
    return HeadModel(tuple(paint), relief, _normals(surface), axes, shell)


def _normals(surface: Plane) -> Plane:
    across = np.gradient(surface, axis=1)
    down = np.gradient(surface, axis=0)
    normal = np.cross(down, across)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    return as_plane(normal / np.maximum(length, 1e-12))


def draw_head(
    model: HeadModel,
    *,
    centre_m: Vector,
    axes: Vector,
    focal_px: float,
    origin_px: tuple[float, float],
    size: float,
    lighting: Lighting,
    camera_axes: Vector,
) -> Patch:
    """Draws a head where the camera sees it.

    Args:
        model: the head.
        centre_m: its centre in the axes of the camera.
        axes: columns right, up, forward of the head in the world.
        focal_px: focal length of the camera.
        origin_px: where the optical axis meets the frame.
        size: size of this head relative to the average one.
        lighting: the light of the scene.
        camera_axes: rows right, down, forward of the camera in the world.
    """
    depth = float(centre_m[2])
    scale = focal_px / depth
    u0 = origin_px[0] + centre_m[0] * scale
    v0 = origin_px[1] + centre_m[1] * scale
    shape = (model.shell * size) @ (camera_axes @ axes).T
    shape = shape[:, :2] - shape[:, 2:] * (centre_m[:2] / depth)
    left, top, width, height = _bounds(shape * scale, u0, v0)
    fine = max(1, min(4, math.ceil(_SAMPLES / (0.232 * size * scale))))
    inward = np.diag(1 / (model.axes_m * size)) @ axes.T @ camera_axes.T
    at_x = ((np.arange(width * fine) + 0.5) / fine + left - u0) / scale
    at_y = ((np.arange(height * fine) + 0.5) / fine + top - v0) / scale
    ray = centre_m / np.linalg.norm(centre_m)
    hit, cover = _cast(model.relief, inward, ray, at_x, at_y, scale * fine * size)
    paint = _paint_for(model, 0.232 * size * scale * fine)
    shade = _shade(_look_up(model.normals, hit), axes, lighting)
    lit = cv2.multiply(_look_up(paint, hit), shade, dtype=cv2.CV_32F)
    rgb = as_plane(np.minimum(lit, 255)) * cover[..., None]
    if fine > 1:
        rgb = as_plane(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA))
        cover = as_plane(cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA))
    return Patch(left, top, rgb, cover)


def _bounds(offsets_px: Vector, u0: float, v0: float) -> tuple[int, int, int, int]:
    """Returns left, top, width and height of the pixels around (u0, v0) that offsets cover."""
    (west, north), (east, south) = offsets_px.min(axis=0), offsets_px.max(axis=0)
    left, top = math.floor(u0 + west) - 1, math.floor(v0 + north) - 1
    return left, top, math.ceil(u0 + east) - left + 2, math.ceil(v0 + south) - top + 2


def _paint_for(model: HeadModel, head_px: float) -> Image:
    """Returns the sheet whose pixels are about as large as those of a head of that height."""
    sheet_px = head_px / 2 * 2 * REACH * 2
    level = int(np.clip(round(math.log2(416 / sheet_px)), 0, len(model.paint) - 1))
    return model.paint[level]


def _shade(normal: Plane, axes: Vector, light: Lighting) -> Plane:
    """Returns RGB factors: the sun on what faces it, the sky from above, the street from below."""
    towards = np.stack([axes.T @ light.towards, axes[1]]).astype(np.float32)
    facing = np.maximum(cv2.transform(normal, towards), np.array([0, -1], np.float32))
    colours = np.stack(
        [light.sun, (light.sky - light.ground) / 2, (light.sky + light.ground) / 2], axis=1
    )
    return as_plane(cv2.transform(facing, colours.astype(np.float32)))


def _look_up(sheet: Sheet, hit: tuple[Plane, Plane]) -> Sheet:
    half = np.float32(sheet.shape[0] / 2 / REACH)
    middle = np.float32(sheet.shape[0] / 2 - 0.5)
    seen = cv2.remap(
        sheet,
        hit[0] * half + middle,
        middle - hit[1] * half,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cast("Sheet", seen)


def _cast(
    relief: Plane,
    inward: Vector,
    ray: Vector,
    at_x: Vector,
    at_y: Vector,
    px_per_m: float,
) -> tuple[tuple[Plane, Plane], Plane]:
    """Finds where parallel rays meet the head; returns places on the sheet and coverage.

    The head is a unit ball whose radius depends on direction, so each round
    meets the ball of the radius found in the round before.
    """
    along = inward @ ray
    length = float(np.linalg.norm(along))
    out = -along / length
    step_x = inward[:, 0] - (inward[:, 0] @ out) * out
    step_y = inward[:, 1] - (inward[:, 1] @ out) * out
    x = at_x.astype(np.float32)[None, :]
    y = at_y.astype(np.float32)[:, None]
    near = [np.float32(step_x[i]) * x + np.float32(step_y[i]) * y for i in range(3)]
    beside = near[0] ** 2 + near[1] ** 2 + near[2] ** 2
    miss = np.sqrt(beside)
    radius: Plane | np.float32 = np.float32(1.06)
    toward = out.astype(np.float32)
    hit: tuple[Plane, Plane] = (near[0], near[1])
    for _ in range(3):
        rise = np.sqrt(np.maximum(radius * radius - beside, 0))
        span = np.maximum(radius, miss) + near[2] + toward[2] * rise
        span = 1 / np.maximum(span, np.float32(0.02))
        hit = ((near[0] + toward[0] * rise) * span, (near[1] + toward[1] * rise) * span)
        radius = _look_up(relief, hit)
    # The ball's unit is metres times the mean squeeze; close enough for a one-pixel edge.
    unit = px_per_m * float(np.mean(SEMI_AXES_M[:2]))
    cover = np.clip((radius - miss) * np.float32(unit) + np.float32(0.5), 0, 1)
    return hit, cover
