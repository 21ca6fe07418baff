"""Where somebody was last seen and was heading: all that links a broken track to its successor."""

from __future__ import annotations

import math
from typing import NamedTuple

from maskcam.records import Box


class Place(NamedTuple):
    """The last sight of a track.

    box: its face box, in px of the luma frame.
    drift_px_s: the drift of its centre, in px per second.
    seen_at_s: when it was there.
    """

    box: Box
    drift_px_s: tuple[float, float]
    seen_at_s: float

    def faces_away(self, box: Box, at_s: float) -> float:
        """Returns how far `box` lies from where the person may be by now, in face sizes.

        The person may have walked on or stopped: the distance is that to the line
        from the last sight to where walking on would have led.
        """
        (x, y), (px, py) = box.centre, self.box.centre
        gap_s = max(0.0, at_s - self.seen_at_s)
        path_x, path_y = self.drift_px_s[0] * gap_s, self.drift_px_s[1] * gap_s
        length2 = path_x * path_x + path_y * path_y
        part = ((x - px) * path_x + (y - py) * path_y) / length2 if length2 > 0 else 0.0
        part = min(1.0, max(0.0, part))
        return math.hypot(x - px - part * path_x, y - py - part * path_y) / math.sqrt(
            face_size(self.box) * face_size(box)
        )

    def size_change(self, box: Box) -> float:
        """Returns by what factor `box` is larger or smaller, 1 or more."""
        ratio = face_size(box) / face_size(self.box)
        return max(ratio, 1 / ratio)


def face_size(box: Box) -> float:
    """Returns the size of a face in px: the side of the square with the area of its box."""
    return math.sqrt(max(box.width, 1.0) * max(box.height, 1.0))
