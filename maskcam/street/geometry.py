"""Where things are: the pole-mounted pinhole camera and the frames of heads.

The world is in metres: x to the right of the camera, y up from the pavement,
z along the street, away from the pole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class PinholeCamera:
    """A camera at the top of a pole that looks along the street and down.

    size: width and height of the frame in px.
    height_m: height of the lens above the pavement.
    tilt_deg: angle of the optical axis below the horizon.
    view_deg: horizontal field of view.
    """

    size: tuple[int, int] = (1280, 720)
    height_m: float = 3.0
    tilt_deg: float = 12.0
    view_deg: float = 60.0

    @cached_property
    def focal_px(self) -> float:
        """Focal length in px."""
        return self.size[0] / 2 / math.tan(math.radians(self.view_deg) / 2)

    @cached_property
    def axes(self) -> Vector:
        """Rows: right, down and forward of the camera in the world (3x3)."""
        tilt = math.radians(self.tilt_deg)
        return np.array(
            [
                [1.0, 0.0, 0.0],
                [0.0, -math.cos(tilt), -math.sin(tilt)],
                [0.0, -math.sin(tilt), math.cos(tilt)],
            ]
        )

    @property
    def horizon_px(self) -> float:
        """Row of the horizon in the frame."""
        return self.size[1] / 2 - self.focal_px * math.tan(math.radians(self.tilt_deg))

    def view(self, points: Vector) -> Vector:
        """Returns points (..., 3) of the world in the axes of the camera, in metres."""
        moved = np.asarray(points, float) - np.array([0.0, self.height_m, 0.0])
        return np.asarray(moved @ self.axes.T)

    def project(self, points: Vector) -> Vector:
        """Returns the pixel coordinates (..., 2) in px of points (..., 3) of the world."""
        seen = self.view(points)
        depth = np.maximum(seen[..., 2:], 0.05)
        centre = np.array([self.size[0] / 2, self.size[1] / 2])
        return np.asarray(seen[..., :2] / depth * self.focal_px + centre)


def head_axes(*, heading: float, pitch: float, roll: float) -> Vector:
    """Returns the columns right, up and forward of a head in the world (3x3).

    Angles in radians; heading 0 looks at the camera, positive turns to the
    right of the frame; pitch is positive when the head looks down.
    """
    sin_h, cos_h = math.sin(heading), math.cos(heading)
    sin_p, cos_p = math.sin(pitch), math.cos(pitch)
    right = np.array([cos_h, 0.0, sin_h])
    up = np.array([sin_h * sin_p, cos_p, -cos_h * sin_p])
    forward = np.array([sin_h * cos_p, -sin_p, -cos_h * cos_p])
    sin_r, cos_r = math.sin(roll), math.cos(roll)
    return np.stack(
        [cos_r * right + sin_r * up, cos_r * up - sin_r * right, forward],
        axis=1,
    )
