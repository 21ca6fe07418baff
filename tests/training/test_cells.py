"""Which cell answers for which face."""

from __future__ import annotations

import numpy as np
import pytest

from training import cells

HEIGHT, WIDTH = 96, 128


def assign(*boxes, kind=1):
    """Returns what `cells.assign` says of boxes of one kind."""
    many = len(boxes)
    return cells.assign(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(many, kind, np.int32),
        np.ones(many, np.float32),
        height=HEIGHT,
        width=WIDTH,
    )


def encode(box, cell):
    """Returns the codes that `cells.decode` must turn into the box at a cell."""
    y, x, h, w = cells.anchors(HEIGHT, WIDTH)[cell] * (HEIGHT, WIDTH, HEIGHT, WIDTH)
    x0, y0, x1, y1 = box
    return [
        ((y0 + y1) / 2 - y) / h * cells.XY_SCALE,
        ((x0 + x1) / 2 - x) / w * cells.XY_SCALE,
        np.log((y1 - y0) / h) * cells.WH_SCALE,
        np.log((x1 - x0) / w) * cells.WH_SCALE,
    ]


def test_nothing_is_to_be_found_where_nobody_is():
    _, kinds, weights = assign()
    assert set(kinds) == {-1}
    assert not weights.any()
    assert len(kinds) == len(cells.anchors(HEIGHT, WIDTH))


@pytest.mark.parametrize("box", [(20, 20, 32, 34), (10, 8, 50, 60), (10, 4, 100, 90)])
def test_a_face_has_cells_whose_codes_fit_and_give_it_back(box):
    target, kinds, _ = assign(box)
    [positive] = [np.flatnonzero(kinds == 1)]
    assert len(positive)
    for cell in positive:
        assert tuple(target[cell]) == box
        code = encode(box, cell)
        assert 0 <= min(code) <= max(code) <= 6
        codes = np.zeros((len(kinds), 4), np.float32)
        codes[cell] = code
        decoded = cells.decode(codes, height=HEIGHT, width=WIDTH)[cell]
        np.testing.assert_allclose(decoded, box, atol=1e-2)


def test_cells_around_a_face_are_left_alone():
    _, kinds, _ = assign((40, 30, 64, 58))
    fine = kinds[: HEIGHT // 8 * (WIDTH // 8)].reshape(HEIGHT // 8, -1)
    assert fine[5, 6] == 1
    assert fine[4, 5] == -2
    assert fine[0, 0] == -1


def test_a_region_to_ignore_yields_to_a_face():
    boxes = np.array([(0, 0, 128, 96), (40, 30, 64, 58)], np.float32)
    _, kinds, _ = cells.assign(
        boxes, np.array([-1, 0]), np.ones(2, np.float32), height=HEIGHT, width=WIDTH
    )
    assert set(kinds) == {-2, 0}


def test_the_smaller_of_two_faces_in_one_place_wins():
    target, kinds, _ = assign((20, 20, 60, 60), (34, 34, 46, 46))
    fine = slice(0, HEIGHT // 8 * (WIDTH // 8))
    assert (34, 34, 46, 46) in {tuple(box) for box in target[fine][kinds[fine] == 1]}


def test_a_face_at_the_edge_is_no_error():
    _, kinds, _ = assign((-10, -10, 14, 14), (120, 90, 140, 110))
    assert (kinds == 1).any()
