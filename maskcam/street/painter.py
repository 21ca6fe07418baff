"""Puts people into a street: far ones first, each with body, head and blur."""

from __future__ import annotations

import math

import cv2
import numpy as np

from maskcam.records import Box
from maskcam.street.body import draw_body
from maskcam.street.canvas import Image, as_plane
from maskcam.street.figure import Figure, outlines
from maskcam.street.geometry import PinholeCamera
from maskcam.street.head import Patch, build_head, draw_head
from maskcam.street.lighting import Weather
from maskcam.street.look import Cover


def draw_people(
    frame: Image,
    figures: list[Figure],
    camera: PinholeCamera,
    sky: Weather,
    *,
    exposure_s: float,
) -> None:
    """Draws people onto an RGB frame, in place.

    exposure_s: time for which the shutter is open; what moves in it blurs.
    """
    for figure in sorted(figures, key=lambda f: -f.z):
        depth = float(camera.view(figure.head_centre)[2])
        if depth < 0.4:
            continue
        draw_body(frame, figure, camera, sky.people, shadow=sky.shadow)
        if not _in_frame(outlines(figure, camera)[0], camera.size):
            continue
        patch = draw_head(
            build_head(figure.look),
            centre_m=camera.view(figure.head_centre),
            axes=figure.head_axes,
            focal_px=camera.focal_px,
            origin_px=(camera.size[0] / 2, camera.size[1] / 2),
            size=figure.head_size,
            lighting=sky.people,
            camera_axes=camera.axes,
        )
        scale = camera.focal_px / depth
        turn = figure.yaw_rate * 0.09 * scale * exposure_s * math.cos(figure.heading + figure.yaw)
        cap = figure.look.cover is Cover.CAP
        facing = float(figure.head_axes[2, 2]) < 0
        if cap and not facing:
            _draw_visor(frame, figure, camera, sky)
        _lay(frame, _blurred(patch, turn))
        if cap and facing:
            _draw_visor(frame, figure, camera, sky)


def _in_frame(head: Box, size: tuple[int, int]) -> bool:
    """Returns whether any of a head, with hair and hat, can be in the frame."""
    wide, high = head.width / 2, head.height / 2
    return (
        head.x1 + wide > 0
        and head.y1 + high > 0
        and head.x0 - wide < size[0]
        and head.y0 - high < size[1]
    )


def _draw_visor(frame: Image, figure: Figure, camera: PinholeCamera, sky: Weather) -> None:
    """Draws the visor of a cap, a thin half disc that stands out of the forehead."""
    angle = np.radians(np.linspace(-72, 72, 15))
    out = np.stack([np.sin(angle) * 0.085, 0.058 - 0.022 * np.cos(angle), np.cos(angle) * 0.155], 1)
    back = np.stack([np.sin(angle) * 0.082, np.full(15, 0.06), np.cos(angle) * 0.09], 1)[::-1]
    rim = np.concatenate([out, back]) * figure.head_size
    seen = camera.project(figure.head_centre + rim @ figure.head_axes.T)
    light = sky.people
    strength = light.sky * 0.9 + light.sun * max(0.0, float(figure.head_axes[:, 1] @ light.towards))
    colour = np.clip(np.array(figure.look.cover_colour) * strength * 0.85, 0, 255)
    points = np.round((seen - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(frame, [points], colour.tolist(), cv2.LINE_AA, 4)


def _blurred(patch: Patch, across_px: float) -> Patch:
    """Returns the head blurred along its rows, as a turning face does; its outline stays."""
    length = abs(across_px)
    if length < 0.4:
        return patch
    half = math.ceil(length / 2)
    at = np.arange(-half, half + 1)
    kernel = np.clip(length / 2 + 0.5 - np.abs(at), 0, 1).astype(np.float32)
    kernel /= kernel.sum()
    inside = cv2.sepFilter2D(patch.rgb, -1, kernel, np.ones(1, np.float32))
    spread = cv2.sepFilter2D(patch.alpha, -1, kernel, np.ones(1, np.float32))
    share = as_plane(patch.alpha / np.maximum(spread, 1e-3))
    rgb = as_plane(inside * np.minimum(share, 1)[..., None])
    return Patch(patch.left, patch.top, rgb, patch.alpha)


def _lay(frame: Image, patch: Patch) -> None:
    high, wide = frame.shape[:2]
    h, w = patch.alpha.shape
    x0, y0 = max(0, patch.left), max(0, patch.top)
    x1, y1 = min(wide, patch.left + w), min(high, patch.top + h)
    if x1 <= x0 or y1 <= y0:
        return
    there = slice(y0 - patch.top, y1 - patch.top), slice(x0 - patch.left, x1 - patch.left)
    here = slice(y0, y1), slice(x0, x1)
    kept = frame[here] * (1 - patch.alpha[there])[..., None]
    frame[here] = (kept + patch.rgb[there]).astype(np.uint8)
