"""Blanks the parts of a frame that must not be looked at.

A walkway that is not counted can so be offered to those who object beforehand.
It is done before inference and before the head-shake stage, so whoever walks there
is nowhere in the program.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.records import Frame

Polygon = Sequence[tuple[float, float]]


class ExclusionZones:
    """Blanks polygons in every frame.

    Args:
        polygons: corners (x, y) as fractions 0..1 of width and height, in order
            around the zone; zones may overlap. Every pixel that a zone touches
            goes, and at most the two beyond it.
    """

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        self._polygons = [np.asarray(polygon, np.float64) for polygon in polygons]
        self._kept: dict[tuple[int, ...], NDArray[np.uint8]] = {}

    def blank(self, frame: Frame) -> None:
        """Makes the zones black, in the frame's own arrays: no copy keeps what was there."""
        if self._polygons:
            for image in (frame.luma, frame.rgb):
                cv2.bitwise_and(image, self._mask(image.shape), dst=image)

    def _mask(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Returns an array of `shape`, 0 in the zones and 255 elsewhere."""
        if shape not in self._kept:
            zones = np.zeros(shape[:2], np.uint8)
            for polygon in self._polygons:
                # One by one: where two lie over one another, a common fill leaves a hole.
                corners = np.rint(polygon * (shape[1], shape[0]) - 0.5).astype(np.int32)
                cv2.fillPoly(zones, [corners], (255,))
            zones = cv2.dilate(zones, np.ones((3, 3), np.uint8)).astype(np.uint8)
            kept = np.broadcast_to(
                (255 - zones).reshape(*shape[:2], *[1] * (len(shape) - 2)), shape
            )
            self._kept[shape] = np.ascontiguousarray(kept)
        return self._kept[shape]
