"""Is the frame good enough, and is the camera aimed well? Numbers in, words out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from maskcam.records import Box
from maskcam.vision import quality

SMALLEST_HEAD_PX: Final = 32  # from here on a head shake is recognised (docs/head-shake.md)
GOOD_HEAD_PX: Final = 40
TILT_TOLERANCE_DEG: Final = 4.0
# Hairline to chin of an adult is about 0.19 m; a detection reaches from forehead to chin.
FACE_HEIGHT_M: Final = 0.19


class Verdict(NamedTuple):
    """A line for the technician; `good`: nothing has to be done."""

    good: bool
    words: str


def light(mean: float) -> Verdict:
    """Judges the mean luma (0..255)."""
    if mean < quality.DARKEST:
        return Verdict(
            good=False, words=f"too dark ({mean:.0f} of 255): more light, or count by day"
        )
    if mean > quality.BRIGHTEST:
        return Verdict(good=False, words=f"too bright ({mean:.0f} of 255): turn away from the sun")
    return Verdict(good=True, words=f"light {mean:.0f} of 255: good")


def sharpness(seen: quality.FrameQuality) -> Verdict:
    """Judges contrast and focus."""
    if seen.contrast < quality.LEAST_CONTRAST:
        return Verdict(good=False, words="flat: wipe the window, or look at a livelier place")
    if seen.sharpness < quality.LEAST_SHARPNESS:
        return Verdict(
            good=False, words=f"blurred ({seen.sharpness:.2f}): wipe the window, set the focus"
        )
    return Verdict(good=True, words=f"sharpness {seen.sharpness:.2f}: good")


def heads(boxes: Sequence[Box]) -> Verdict:
    """Judges how large heads get: a quarter of them is larger than the one that counts.

    Everybody is small as long as they are far away; what matters is how near they come.
    """
    if not boxes:
        return Verdict(good=False, words="no head in view: let somebody walk through")
    heights = sorted(math.floor(box.height) for box in boxes)
    large = heights[len(heights) * 3 // 4]
    if large < SMALLEST_HEAD_PX:
        return Verdict(good=False, words=f"heads {large} px: too small, hang it closer")
    if large < GOOD_HEAD_PX:
        return Verdict(good=True, words=f"heads {large} px: just enough")
    return Verdict(good=True, words=f"heads {large} px: good")


def tilt(
    boxes: Sequence[Box], *, size: tuple[int, int], field_of_view_deg: float
) -> Verdict | None:
    """Judges by where heads are whether to tilt the camera; None without heads.

    Heads that are too small to count are left out, if there are others: they are far
    away, and for that alone high in the frame.

    Args:
        boxes: heads, px.
        size: width and height of the frame, px.
        field_of_view_deg: horizontal.
    """
    if not boxes:
        return None
    near = [box for box in boxes if box.height >= SMALLEST_HEAD_PX]
    ups = sorted(box.centre[1] for box in near or boxes)
    offset = ups[len(ups) // 2] - size[1] / 2
    degrees = math.degrees(math.atan(offset / focal_px(size[0], field_of_view_deg)))
    if abs(degrees) <= TILT_TOLERANCE_DEG:
        return Verdict(good=True, words="tilt: good")
    if degrees > 0:
        return Verdict(good=False, words=f"tilt down {degrees:.0f} degrees")
    return Verdict(good=False, words=f"tilt up {-degrees:.0f} degrees")


def reach(width: int, field_of_view_deg: float) -> Verdict:
    """Judges to which distance a head is large enough for its shake to be seen."""
    metres = focal_px(width, field_of_view_deg) * FACE_HEIGHT_M / SMALLEST_HEAD_PX
    return Verdict(good=True, words=f"head shake visible to {math.floor(metres)} m")


def focal_px(width: int, field_of_view_deg: float) -> float:
    """Returns the focal length in px of a pinhole camera."""
    return width / 2 / math.tan(math.radians(field_of_view_deg) / 2)
