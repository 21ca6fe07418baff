"""Pairs of patches of one head, drawn from a photograph and from painted people."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from headclips.picture import Photographs
from maskcam.vision.patch import SIZE
from training.drawn_heads import HEIGHT, WIDTH, Face, Move, Photographed, Sources, X, Y
from training.head_pairs import draw_pairs
from training.occluders import Place, draw_occluder


@pytest.fixture(scope="module")
def made_of(tmp_path_factory):
    """A photograph of a bright ellipse on a dark wall, and a street."""
    rng = np.random.default_rng(2)
    photograph = rng.integers(40, 70, (200, 200), np.uint8)
    cv2.ellipse(photograph, (100, 100), (32, 44), 0, 0, 360, 190, -1)
    cv2.circle(photograph, (110, 90), 6, 20, -1)
    path = tmp_path_factory.mktemp("faces") / "face.png"
    cv2.imwrite(str(path), photograph)
    street = rng.integers(0, 255, (400, 400), np.uint8)
    return Sources([Face(path, (68, 56, 64, 88))], [street], Photographs())


@pytest.fixture(scope="module")
def pairs(made_of):
    return draw_pairs(made_of, 120, seed=5)


def test_they_are_the_same_for_the_same_seed_and_others_for_another(made_of, pairs):
    assert np.array_equal(draw_pairs(made_of, 20, seed=5).patches, pairs.patches[:20])
    assert not np.array_equal(draw_pairs(made_of, 20, seed=6).patches, pairs.patches[:20])


def test_patches_and_what_covers_the_face(pairs):
    assert (pairs.patches.shape, pairs.patches.dtype) == ((120, 2, SIZE[1], SIZE[0]), np.uint8)
    assert 0 <= pairs.covered.min() <= pairs.covered.max() <= 1
    mostly_free, now_covered = (pairs.covered[:, 0] < 0.1), (pairs.covered[:, 1] > 0.5)
    assert mostly_free.mean() > 0.6
    assert 0.15 < now_covered.mean() < 0.5


def test_a_covered_face_looks_less_like_itself(pairs):
    first, second = (pairs.patches[:, k].reshape(120, -1).astype(float) for k in (0, 1))
    alike = np.array([np.corrcoef(*pair)[0, 1] for pair in zip(first, second, strict=True)])
    free = pairs.covered.max(axis=1) < 0.1
    covered = (pairs.covered[:, 0] < 0.1) & (pairs.covered[:, 1] > 0.5)
    assert np.median(alike[free]) > np.median(alike[covered]) + 0.1


def test_a_photographed_head_turns_travels_and_comes_nearer(made_of):
    head = Photographed(np.random.default_rng(0), made_of.faces[0])

    def drawn(**changes):
        still = Move(yaw=0, pitch=0, roll=0, x=0, y=0, growth=1, body_x=0)
        return head.draw(still._replace(**changes))

    def bright(canvas):
        return np.argwhere(canvas > 130)

    still = bright(drawn())
    assert bright(drawn(x=6)).mean(axis=0) - still.mean(axis=0) == pytest.approx([0, 6], abs=2)
    assert len(bright(drawn(growth=1.2))) > 1.2 * len(still)
    assert np.abs(drawn(yaw=25) - drawn()).max() > 60  # the eye has moved
    assert len(bright(drawn(yaw=25))) == pytest.approx(len(still), rel=0.3)


@pytest.mark.parametrize("seed", range(12))
def test_an_occluder_covers_what_it_says_and_leaves_the_rest(made_of, seed):
    rng = np.random.default_rng(seed)
    head = Photographed(rng, made_of.faces[0])
    occlude = draw_occluder(rng, head, made_of, [])
    canvas = np.full((HEIGHT, WIDTH), 300.0, np.float32)  # a luma that nothing has
    covered = occlude(canvas, Place(X, Y, 10.0))
    assert covered[round(Y), round(X)] > 0.9
    changed = np.abs(canvas - 300)
    assert changed[covered == 0].max() == 0
    assert changed[covered > 0.5].min() > 5
