"""The geometry of boxes."""

from __future__ import annotations

import pytest

from maskcam.records import Box

SQUARE = Box(0, 0, 10, 10)


@pytest.mark.parametrize(
    ("other", "common", "iou", "inside"),
    [
        (Box(0, 0, 10, 10), 100, 1, 1),
        (Box(5, 0, 15, 10), 50, 1 / 3, 0.5),
        (Box(2, 2, 6, 7), 20, 0.2, 0.2),
        (Box(-5, -5, 25, 25), 100, 1 / 9, 1),
        (Box(10, 0, 20, 10), 0, 0, 0),
        (Box(30, 30, 40, 40), 0, 0, 0),
        (Box(5, 5, 5, 5), 0, 0, 0),
    ],
)
def test_how_far_boxes_overlap(other, common, iou, inside):
    assert SQUARE.intersection(other) == common == other.intersection(SQUARE)
    assert SQUARE.iou(other) == pytest.approx(iou) == other.iou(SQUARE)
    assert SQUARE.share_in(other) == pytest.approx(inside)
    assert other.share_in(SQUARE) == pytest.approx(common / other.area if common else 0)


def test_an_empty_box_overlaps_nothing_not_even_itself():
    empty = Box(3, 3, 3, 9)
    assert (empty.area, empty.iou(empty), empty.share_in(SQUARE)) == (0, 0, 0)
