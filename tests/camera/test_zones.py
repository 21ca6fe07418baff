import time

import numpy as np
import pytest

from maskcam.camera.zones import ExclusionZones
from maskcam.records import Frame

LEFT_FIFTH = [(0, 0), (0.2, 0), (0.2, 1), (0, 1)]


def white(size=(1280, 720), rgb_size=(320, 180)):
    return Frame(
        captured_at_s=1.0,
        luma=np.full(size[::-1], 255, np.uint8),
        rgb=np.full((*rgb_size[::-1], 3), 255, np.uint8),
    )


def blanked(polygons, **options):
    frame = white(**options)
    ExclusionZones(polygons).blank(frame)
    return frame


def test_a_zone_is_black_in_both_pictures_and_nothing_else_is():
    frame = blanked([LEFT_FIFTH])
    assert not frame.luma[:, :256].any()
    assert not frame.rgb[:, :64].any()
    assert (frame.luma[:, 258:] == 255).all()
    assert (frame.rgb[:, 66:] == 255).all()


def test_no_zones_change_nothing():
    frame = blanked([])
    assert (frame.luma == 255).all()
    assert (frame.rgb == 255).all()


def test_a_zone_may_be_the_whole_picture():
    frame = blanked([[(0, 0), (1, 0), (1, 1), (0, 1)]])
    assert not frame.luma.any()
    assert not frame.rgb.any()


def test_zones_that_overlap_leave_no_hole():
    frame = blanked([LEFT_FIFTH, [(0.1, 0), (0.5, 0), (0.5, 1), (0.1, 1)]])
    assert not frame.luma[:, :640].any()
    assert not frame.rgb[:, :160].any()


@pytest.mark.parametrize(
    "polygon",
    [
        [(0.1, 0.2), (0.7, 0.1), (0.4, 0.9)],
        [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.5, 0.4), (0.2, 0.8)],
    ],
)
def test_every_pixel_whose_middle_is_in_a_zone_is_black(polygon):
    frame = blanked([polygon])
    for picture in (frame.luma, frame.rgb[..., 0]):
        height, width = picture.shape
        y, x = np.mgrid[:height, :width]
        inside = _inside(polygon, (x + 0.5) / width, (y + 0.5) / height)
        assert not picture[inside].any()
        # What is black beyond it lies along the zone's edge.
        assert (picture[~inside] == 0).sum() < 8 * (height + width)


def _inside(polygon, x, y):
    """Even-odd rule, ray to the right."""
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        crosses = (y0 > y) != (y1 > y)
        if y0 != y1:
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside


def test_sizes_may_change_between_frames():
    zones = ExclusionZones([LEFT_FIFTH])
    for size in ((1280, 720), (640, 360), (1280, 720)):
        frame = white(size=size)
        zones.blank(frame)
        assert not frame.luma[:, : size[0] // 5].any()


def test_it_is_cheap():
    zones = ExclusionZones([LEFT_FIFTH, [(0.5, 0.5), (1, 0.4), (1, 1), (0.5, 1)]])
    frame = white()
    zones.blank(frame)
    best = []
    for _ in range(10):
        begin = time.thread_time()
        for _ in range(10):
            zones.blank(frame)
        best.append((time.thread_time() - begin) / 10)
    assert min(best) < 0.5e-3
