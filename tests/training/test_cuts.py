"""What is cut out for the second look: each face once, and what a detector took for one."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from maskcam.records import Box, Detection, MaskState
from maskcam.vision.detector import Detector
from training.cuts import NO_FACE, Cut, harvest, longer_side
from training.pictures import IGNORE, Picture

WITH, WITHOUT = 0, 1
FACE, OTHER = (40, 40, 60, 66), (100, 30, 130, 70)


class Finder:
    """A detector that finds the given boxes."""

    input_size = (160, 120)

    def __init__(self, *boxes):
        self._boxes = boxes

    def detect(self, frame):
        return [Detection(Box(*box), MaskState.WITH_MASK, 0.5) for box in self._boxes]


def picture(*faces, source="masks"):
    """A photograph of these (box, kind)."""
    rng = np.random.default_rng(1)
    return Picture(
        rng.integers(0, 255, (120, 160, 3), np.uint8),
        np.array([box for box, _ in faces], np.float32).reshape(-1, 4),
        np.array([kind for _, kind in faces], np.int32),
        np.ones(len(faces), np.float32),
        source,
    )


def cut(photograph, *found) -> list[Cut]:
    return list(harvest([photograph], cast("Detector", Finder(*found))))


def kinds(photograph, *found) -> list[int]:
    return sorted(one.kind for one in cut(photograph, *found))


def test_a_face_is_cut_as_the_detector_boxed_it_and_one_that_it_missed_by_its_label():
    [hit, missed] = cut(picture((FACE, WITH), (OTHER, WITHOUT)), (41, 40, 61, 66))
    assert (hit.kind, missed.kind) == (WITH, WITHOUT)
    assert hit.box[2] - hit.box[0] == pytest.approx(20)
    assert longer_side(missed.box) == pytest.approx(40)


def test_a_face_that_is_found_twice_is_cut_once():
    assert kinds(picture((FACE, WITH)), FACE, (41, 41, 61, 66)) == [WITH]


def test_what_is_no_face_is_cut_unless_it_may_be_one():
    far = (5, 5, 25, 30)
    assert kinds(picture((FACE, WITH)), far) == [WITH, NO_FACE]
    half = (52, 40, 72, 66)  # overlaps the face, but is not it
    assert kinds(picture((FACE, WITH)), half) == [WITH]
    assert kinds(picture((FACE, WITH), ((0, 0, 30, 40), IGNORE)), far) == [WITH]
    assert kinds(picture((FACE, WITH), source="face-mask-jk4nr"), far) == [WITH]
    assert kinds(picture((FACE, WITH)), (5, 5, 11, 12)) == [WITH]  # too small to be judged


@pytest.mark.parametrize("box", [FACE, (0, 0, 20, 26), (150, 100, 160, 120), (20, 10, 120, 110)])
def test_a_cut_shows_the_face_in_its_middle_with_what_is_around_it(box):
    photograph = picture((box, WITH))
    [found] = cut(photograph)
    assert found.rgb.shape[0] == found.rgb.shape[1] <= 112
    assert longer_side(found.box) / found.rgb.shape[0] == pytest.approx(1 / 2.4, rel=0.05)
    middle = (found.box[:2] + found.box[2:]) / 2
    assert middle == pytest.approx([found.rgb.shape[0] / 2] * 2, abs=1)
    if found.rgb.shape[0] < 112:  # not scaled: the face is there pixel for pixel
        x0, y0, x1, y1 = box
        left, top = (round(float(v)) for v in found.box[:2])
        seen = found.rgb[top : top + y1 - y0, left : left + x1 - x0]
        assert np.array_equal(seen, photograph.rgb[y0:y1, x0:x1])
