"""One person at one moment: where the parts are, and the box of the face."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from maskcam.records import Box
from maskcam.street.geometry import PinholeCamera, Vector, head_axes
from maskcam.street.head import SEMI_AXES_M
from maskcam.street.look import Look

TURNED_AWAY_DEG = 80.0
"""A face turned farther than this from the camera is not seen as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A person in a pose; metres and radians.

    x, z: place on the pavement. tall: height with shoes. heading: where the
    body walks (0: to the camera). yaw, pitch, roll: of the head, yaw and pitch
    relative to the body and to the horizon. stride: phase of the gait; bob and
    sway: how far the gait lifts and moves the upper body. yaw_rate: turning
    of the head in radians per second, for motion blur. speed: m/s.
    """

    look: Look
    x: float
    z: float
    tall: float = 1.7
    heading: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    stride: float = 0.0
    bob: float = 0.0
    sway: float = 0.0
    yaw_rate: float = 0.0
    speed: float = 0.0

    @property
    def head_size(self) -> float:
        """Size of the head relative to the average one; heads vary less than bodies."""
        return 0.72 + 0.28 * self.tall / 1.72

    @property
    def head_centre(self) -> Vector:
        """Centre of the head in the world."""
        chin_out = 0.03 + 0.05 * math.sin(self.pitch)
        y = (
            self.tall
            - SEMI_AXES_M[1] * self.head_size
            + self.bob
            - 0.03 * abs(math.sin(self.pitch))
        )
        facing = self.heading
        return np.array(
            [
                self.x + self.sway + chin_out * math.sin(facing),
                y,
                self.z - chin_out * math.cos(facing),
            ]
        )

    @property
    def head_axes(self) -> Vector:
        """Columns right, up and forward of the head in the world."""
        return head_axes(heading=self.heading + self.yaw, pitch=self.pitch, roll=self.roll)


@cache
def _face_points() -> Vector:
    """Returns points over the face, forehead to chin and ear to ear, in half axes."""
    points = []
    for lat in np.radians([-78, -55, -30, 0, 20, 32]):
        for lon in np.radians([-90, -60, -30, 0, 30, 60, 90]):
            squeeze = 1.0 if lat > -0.3 else 0.93
            points.append(
                (
                    squeeze * math.cos(lat) * math.sin(lon),
                    math.sin(lat),
                    math.cos(lat) * math.cos(lon),
                )
            )
    points += [(0.0, -0.28, 1.16), (0.0, -1.0, 0.3)]
    return np.array(points)


def face_box(figure: Figure, camera: PinholeCamera) -> Box | None:
    """Returns the box of the face in px, or None when it's behind or turned away."""
    centre = figure.head_centre
    if camera.view(centre)[2] < 0.3:
        return None
    if is_turned_by(TURNED_AWAY_DEG, figure, camera):
        return None
    axes = figure.head_axes
    half = SEMI_AXES_M * figure.head_size * np.array([figure.look.wide, 1.0, 1.0])
    seen = camera.project(centre + (_face_points() * half) @ axes.T)
    (x0, y0), (x1, y1) = seen.min(axis=0), seen.max(axis=0)
    return Box(float(x0), float(y0), float(x1), float(y1))


def is_turned_by(degrees: float, figure: Figure, camera: PinholeCamera) -> bool:
    """Returns whether the face looks more than so many degrees past the camera."""
    to_camera = np.array([0.0, camera.height_m, 0.0]) - figure.head_centre
    facing = float(figure.head_axes[:, 2] @ to_camera) / float(np.linalg.norm(to_camera))
    return facing < math.cos(math.radians(degrees))


def outlines(figure: Figure, camera: PinholeCamera) -> tuple[Box, Box]:
    """Returns the boxes of the head and of the trunk, for what hides what."""
    centre = figure.head_centre
    scale = camera.focal_px / max(0.3, float(camera.view(centre)[2]))
    x, y = camera.project(centre)
    wide, high = 0.088 * scale, 0.125 * scale
    head = Box(x - wide, y - high, x + wide, y + high)
    left, right = x - 0.2 * scale, x + 0.2 * scale
    return head, Box(left, y + 0.19 * scale, right, y + 1.3 * scale)


def visible_share(face: Box, nearer: list[tuple[Box, Box]], size: tuple[int, int]) -> float:
    """Returns the share 0..1 of a face inside the frame and not hidden by nearer people."""
    grid = (np.arange(7) + 0.5) / 7 * 2 - 1
    u, v = (g.ravel() for g in np.meshgrid(grid, grid))
    inside = u * u + v * v <= 1
    centre = face.centre
    x = centre[0] + u[inside] * face.width / 2
    y = centre[1] + v[inside] * face.height / 2
    seen = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1])
    for head, trunk in nearer:
        (hx, hy), rx, ry = head.centre, head.width / 2, head.height / 2
        seen &= ((x - hx) / rx) ** 2 + ((y - hy) / ry) ** 2 > 1
        seen &= ~((x > trunk.x0) & (x < trunk.x1) & (y > trunk.y0) & (y < trunk.y1))
    return float(seen.mean())
