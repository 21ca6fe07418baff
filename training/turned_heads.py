"""Turns and bows photographed heads, as if they were painted on an ellipsoid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_HALF_WIDTH, _HALF_HEIGHT, _RAISED = 0.64, 0.80, 0.12  # of the head, in the sides of its face's box
_RIM = 0.88  # from here outwards what was out of sight is filled with the edge of what was seen
_SOFT = 0.15  # of the radius, in which the head goes over into what is behind it


def turn_head(
    rgb: NDArray[np.uint8], box: NDArray[np.floating], *, yaw_deg: float, bow_deg: float
) -> NDArray[np.uint8]:
    """Returns a picture whose head in `box` is turned to its side and bowed.

    What the photograph does not show is filled with the ear or hair next to it. The face
    moves within the outline of the head by sine of the angle; `box` holds the head's place.
    """
    size = box[2:] - box[:2]
    axes = size * (_HALF_WIDTH, _HALF_HEIGHT)
    centre = (box[:2] + box[2:]) / 2 - (0, _RAISED * size[1])
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]].astype(np.float32)
    x, y = (columns - centre[0]) / axes[0], (rows - centre[1]) / axes[1]
    radius = np.hypot(x, y)
    depth = np.sqrt(np.clip(1 - radius**2, 0, 1))
    yaw, bow = np.deg2rad(yaw_deg), np.deg2rad(bow_deg)
    raised = y * np.cos(bow) - depth * np.sin(bow)  # undo the bow, then the turn
    depth = y * np.sin(bow) + depth * np.cos(bow)
    beside = x * np.cos(yaw) - depth * np.sin(yaw)
    depth = x * np.sin(yaw) + depth * np.cos(yaw)
    seen = np.hypot(beside, raised)
    edge = np.where(depth > 0, np.minimum(seen, _RIM), _RIM) / np.maximum(seen, 1e-6)
    from_x = (centre[0] + axes[0] * beside * edge).astype(np.float32)
    from_y = (centre[1] + axes[1] * raised * edge).astype(np.float32)
    turned = cv2.remap(rgb, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.clip((1 - radius) / _SOFT, 0, 1)[..., None]
    return np.asarray(turned * alpha + rgb * (1 - alpha), np.uint8)
