"""The people of the rendered street: heads, masks and the training pictures made of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from maskcam.records import Box, MaskState
from maskcam.street.figure import Figure, face_box, visible_share
from maskcam.street.geometry import PinholeCamera, head_axes
from maskcam.street.lighting import Light, weather
from maskcam.street.look import Cover, MaskKind, Wearing, draw_look
from maskcam.street.painter import draw_people
from training.street_samples import render_scene_sample, render_training_sample

CAMERA = PinholeCamera(size=(640, 480), height_m=1.7, tilt_deg=0)
SKY = weather(Light.OVERCAST, np.random.default_rng(0))


def portrait(figure, exposure_s=0.0):
    picture = np.full((480, 640, 3), 128, np.uint8)
    draw_people(picture, [figure], CAMERA, SKY, exposure_s=exposure_s)
    return picture


def somebody(wearing=Wearing.NONE, **changes):
    look = replace(
        draw_look(12, wearing),
        mask=MaskKind.SURGICAL,
        mask_colour=(120.0, 180.0, 210.0),
        cover=Cover.NONE,
        glasses=False,
        dark_glasses=False,
        beard=0.0,
    )
    return replace(Figure(look=look, x=0.0, z=1.6), **changes)


def blue(picture, box, top, bottom):
    """Returns how blue a face is between two shares of its height."""
    high = box.height
    rows = slice(int(box.y0 + top * high), int(box.y0 + bottom * high))
    middle = slice(int(box.x0 + 0.3 * box.width), int(box.x0 + 0.7 * box.width))
    part = picture[rows, middle].astype(float)
    return (part[..., 2] - part[..., 0]).mean()


@pytest.mark.parametrize(
    ("wearing", "nose_covered", "mouth_covered"),
    [
        (Wearing.NONE, False, False),
        (Wearing.RIGHT, True, True),
        (Wearing.NOSE_OUT, False, True),
        (Wearing.ON_CHIN, False, False),
    ],
)
def test_the_mask_covers_what_it_should(wearing, nose_covered, mouth_covered):
    figure = somebody(wearing)
    picture, box = portrait(figure), face_box(figure, CAMERA)
    assert (blue(picture, box, 0.48, 0.56) > 0) == nose_covered
    assert (blue(picture, box, 0.76, 0.82) > 0) == mouth_covered
    assert blue(picture, box, 0.1, 0.3) < 0


@pytest.mark.parametrize("kind", list(MaskKind))
@pytest.mark.parametrize("wearing", list(Wearing))
def test_every_mask_can_be_drawn_in_every_place(kind, wearing):
    figure = somebody(wearing)
    drawn = portrait(replace(figure, look=replace(figure.look, mask=kind)))
    assert drawn.std() > 5


def test_states_follow_from_how_the_mask_sits():
    assert [wearing.state for wearing in Wearing] == [
        MaskState.WITHOUT_MASK,
        MaskState.WITH_MASK,
        MaskState.INCORRECT,
        MaskState.INCORRECT,
    ]


def test_a_face_is_boxed_from_ear_to_ear():
    box = face_box(somebody(), CAMERA)
    assert box is not None
    scale = CAMERA.focal_px / CAMERA.view(somebody().head_centre)[2]
    assert box.width / scale == pytest.approx(0.15, abs=0.02)
    assert box.height / scale == pytest.approx(0.185, abs=0.02)


@pytest.mark.parametrize(("degrees", "seen"), [(0, True), (60, True), (100, False), (180, False)])
def test_a_face_turned_away_has_no_box(degrees, seen):
    assert (face_box(somebody(heading=math.radians(degrees)), CAMERA) is not None) == seen


def test_turning_to_the_right_moves_the_face_to_the_right():
    straight, turned = (face_box(somebody(yaw=yaw), CAMERA) for yaw in (0.0, 0.6))
    assert straight
    assert turned
    assert turned.centre[0] > straight.centre[0]


def test_what_is_nearer_hides():
    face = Box(100, 100, 140, 150)
    assert visible_share(face, [], (480, 360)) == 1
    assert visible_share(face, [(Box(0, 0, 1, 1), Box(90, 90, 120, 300))], (480, 360)) < 0.6
    assert visible_share(Box(460, 100, 500, 150), [], (480, 360)) == pytest.approx(0.5, abs=0.1)


def test_a_fast_turn_blurs_the_face():
    def sharpness(figure):
        picture, box = portrait(figure, exposure_s=0.015), face_box(figure, CAMERA)
        assert box is not None
        face = picture[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)].astype(float)
        return np.abs(np.diff(face, axis=1)).mean()

    assert sharpness(somebody(yaw_rate=8.0)) < 0.9 * sharpness(somebody())


def test_head_axes_are_at_right_angles():
    axes = head_axes(heading=0.4, pitch=0.2, roll=0.1)
    assert np.allclose(axes.T @ axes, np.eye(3))


def test_people_behind_the_camera_are_left_out():
    assert np.array_equal(portrait(somebody(z=-1.0)), np.full((480, 640, 3), 128, np.uint8))


@pytest.mark.parametrize("render", [render_training_sample, render_scene_sample])
def test_training_samples_are_labelled_and_repeatable(render):
    size = (480, 270)
    samples = [render(seed, size=size) for seed in range(4)]
    for picture, faces, ignored in samples:
        assert picture.shape == (270, 480, 3)
        assert picture.dtype == np.uint8
        for box in [*(box for box, _ in faces), *ignored]:
            assert 0 <= box.x0 < box.x1 <= 480
            assert 0 <= box.y0 < box.y1 <= 270
        assert MaskState.UNCLEAR not in {state for _, state in faces}
    found = [state for _, faces, _ in samples for _, state in faces]
    assert len(found) > 6
    assert len(set(found)) >= 2
    again = render(0, size=size)
    assert np.array_equal(again[0], samples[0][0])
    assert again[1:] == samples[0][1:]
