"""Training pictures are composed of others, boxes and all."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskcam.records import Box
from training.compose import Composer, Recipe, finish
from training.cut_feed import Sampler
from training.cuts import NO_FACE, Cut, _beside
from training.drawn_covers import draw_cover
from training.drawn_lights import draw_lights
from training.drawn_masks import draw_mask
from training.photo_street import cut_head
from training.photometry import back_light, gain, motion_blur, noise, vary
from training.pictures import Picture, leave_out_unseen
from training.settings import MoreSettings, SecondLookSettings
from training.turned_heads import turn_head

RED = (220, 40, 30)
RECIPE = Recipe(
    canvas=(160, 160),
    deploy_input=(288, 512),
    mosaic=0.0,
    shrink_to_face=0.0,
    paste_heads=0.0,
    draw_masks=0.0,
    tilt=0.0,
    rendered=0.0,
)


def photograph(*, boxes=((100, 60, 160, 130),), kind=1) -> Picture:
    """Returns a grey picture with a red ellipse in each box."""
    rgb = np.full((240, 320, 3), 120, np.uint8)
    for x0, y0, x1, y1 in boxes:
        centre, half = ((x0 + x1) // 2, (y0 + y1) // 2), ((x1 - x0) // 2, (y1 - y0) // 2)
        cv2.ellipse(rgb, centre, half, 0, 0, 360, RED, -1)
    many = len(boxes)
    return Picture(
        rgb,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(many, kind, np.int32),
        np.ones(many, np.float32),
        "test",
    )


def reddest(rgb: np.ndarray) -> tuple[float, float]:
    """Returns the centre of what is red."""
    rows, columns = np.nonzero((rgb[..., 0] > 170) & (rgb[..., 1] < 90))
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("seed", range(5))
def test_boxes_move_with_the_picture(seed):
    composed = Composer([photograph()], [], [], RECIPE).compose(np.random.default_rng(seed))
    assert composed.rgb.shape == (160, 160, 3)
    faces = composed.boxes[composed.classes == 1]
    if len(faces):
        [(x0, y0, x1, y1)] = faces.tolist()
        x, y = reddest(composed.rgb)
        assert x == pytest.approx((x0 + x1) / 2, abs=0.15 * (x1 - x0))
        assert y == pytest.approx((y0 + y1) / 2, abs=0.15 * (y1 - y0))


@pytest.mark.parametrize("tricks", [{"mosaic": 1.0}, {"paste_heads": 1.0}, {"tilt": 1.0},
                                    {"draw_masks": 1.0}, {"shrink_to_face": 1.0}])  # fmt: skip
def test_the_same_seed_gives_the_same_picture(tricks):
    recipe = replace(RECIPE, **tricks)
    distractor = replace(photograph(kind=-1), source="not faces")
    composer = Composer([photograph(), photograph(kind=0)], [], [distractor], recipe)
    one, other = (composer.compose(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.rgb, other.rgb)
    np.testing.assert_array_equal(one.boxes, other.boxes)
    assert (one.boxes >= -1).all()
    assert (one.boxes <= 161).all()


def test_a_sought_face_is_taken_more_often():
    two = photograph(boxes=((20, 60, 60, 110), (250, 60, 290, 110)))
    sought = replace(two, sought=np.array([1.0, 0.0], np.float32))
    composer = Composer([sought], [], [], replace(RECIPE, shrink_to_face=1.0))
    seen = [composer.compose(np.random.default_rng(seed)) for seed in range(10)]
    assert all(len(one.boxes) for one in seen)


def test_finishing_mirrors_the_boxes_too():
    picture = photograph(boxes=((10, 60, 60, 120),))
    drawn = [finish(picture, np.random.default_rng(seed)) for seed in range(12)]
    lefts = {round(float(one.boxes[0, 0])) for one in drawn}
    assert lefts == {10, 260}


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb, rng: motion_blur(rgb, 4.0, 30.0),
        lambda rgb, rng: noise(rgb, 8.0, rng),
        lambda rgb, rng: gain(rgb, 0.4),
        lambda rgb, rng: back_light(rgb, 2.0),
        vary,
    ],
)
def test_light_and_lens_keep_the_shape(change):
    rgb = photograph().rgb
    changed = change(rgb, np.random.default_rng(1))
    assert (changed.shape, changed.dtype) == (rgb.shape, np.uint8)
    assert (changed != rgb).any()


def test_half_the_light_is_darker_by_the_display_gamma():
    darker = gain(np.full((2, 2, 3), 200, np.uint8), 0.5)[0, 0, 0]
    assert darker == pytest.approx(200 * 0.5 ** (1 / 2.2), abs=1)


@pytest.mark.parametrize("worn", ["well", "nose_out", "chin"])
def test_a_drawn_mask_covers_the_lower_part_of_its_face(worn):
    picture = photograph()
    rgb = picture.rgb.copy()
    draw_mask(rgb, picture.boxes[0], worn, np.random.default_rng(2))
    changed = np.flatnonzero((rgb != picture.rgb).any((1, 2)))
    assert changed.min() >= 60 + 0.3 * 70
    assert changed.max() <= 130 + 0.2 * 70


def points_of(box, *, turn):
    """Returns eyes, nose and corners of the mouth of a face that looks aside by `turn` widths."""
    (x0, y0, x1, y1), across = box, np.array([0.26, 0.71, 0.485, 0.28, 0.68])
    forward = np.array([0.6, 0.6, 1.0, 0.7, 0.7])
    x = x0 + (x1 - x0) * (across + turn * forward)
    return np.stack([x, y0 + (y1 - y0) * np.array([0.27, 0.27, 0.5, 0.67, 0.67])], 1)


def middle_of_change(picture, rgb) -> float:
    return float(np.nonzero((rgb != picture.rgb).any(2))[1].mean())


@pytest.mark.parametrize("turn", [-0.3, 0.0, 0.3])
def test_a_mask_is_drawn_where_a_turned_face_looks(turn):
    picture = photograph()
    rgb, box = picture.rgb.copy(), picture.boxes[0]
    points = points_of(box, turn=turn)
    draw_mask(rgb, box, "well", np.random.default_rng(2), points)
    assert middle_of_change(picture, rgb) == pytest.approx(points[2, 0], abs=0.25 * 60)
    assert Cut(rgb, box, 1, rendered=False, points=points).is_turned == (turn != 0)


def test_points_that_belong_to_no_face_are_left_alone():
    picture = photograph()
    rgb = picture.rgb.copy()
    draw_mask(rgb, picture.boxes[0], "well", np.random.default_rng(2), np.zeros((5, 2)))
    assert middle_of_change(picture, rgb) == pytest.approx(130, abs=6)


@pytest.mark.parametrize("seed", range(4))
def test_a_light_out_of_focus_shines_where_the_box_is(seed):
    dark = np.full((80, 80, 3), 30, np.uint8)
    rgb = draw_lights(dark, np.array([20, 20, 60, 60]), np.random.default_rng(seed))
    assert (rgb.shape, rgb.dtype) == (dark.shape, np.uint8)
    assert rgb[30:50, 30:50].mean() > 45


@pytest.mark.parametrize("seed", range(12))
def test_a_drawn_cover_stays_near_its_face(seed):
    picture = photograph()
    rgb = picture.rgb.copy()
    draw_cover(rgb, picture.boxes[0], np.random.default_rng(seed))
    rows, columns = np.nonzero((rgb != picture.rgb).any(2))
    assert rows.min() >= 60
    assert columns.min() >= 100 - 0.7 * 60
    assert columns.max() <= 160 + 0.7 * 60


def test_a_cover_at_the_edge_is_no_error():
    rgb = np.full((20, 20, 3), 90, np.uint8)
    for seed in range(20):
        draw_cover(rgb, np.array([12.0, 10.0, 30.0, 34.0]), np.random.default_rng(seed))


@pytest.mark.parametrize(("yaw_deg", "bow_deg"), [(40.0, 0.0), (-40.0, 0.0), (0.0, 35.0)])
def test_a_turned_head_moves_its_face_and_leaves_the_rest(yaw_deg, bow_deg):
    rgb, box = photograph().rgb, np.array([100, 60, 160, 130], np.float32)
    cv2.ellipse(rgb, (130, 95), (8, 8), 0, 0, 360, (0, 0, 250), -1)  # a nose
    turned = turn_head(rgb, box, yaw_deg=yaw_deg, bow_deg=bow_deg)
    rows, columns = np.nonzero((turned[..., 2] > 180) & (turned[..., 0] < 90))
    aside, down = columns.mean() - 130, rows.mean() - 95
    assert np.sign(round(aside / 5)) == np.sign(yaw_deg)
    assert np.sign(round(down / 5)) == np.sign(bow_deg)
    np.testing.assert_array_equal(turned[:, :60], rgb[:, :60])
    np.testing.assert_array_equal(turned[150:], rgb[150:])


def test_a_head_is_not_changed_by_no_turn():
    rgb, box = photograph().rgb, np.array([100, 60, 160, 130], np.float32)
    same = turn_head(rgb, box, yaw_deg=0.0, bow_deg=0.0)
    inner = same[65:125, 105:155].astype(int) - rgb[65:125, 105:155]
    assert np.abs(inner).max() <= 1


@pytest.mark.parametrize("seed", range(20))
def test_a_place_beside_a_face_is_hardly_on_it(seed):
    face = Box(50, 60, 90, 110)
    box = _beside(face, np.random.default_rng(seed))
    assert box.iou(face) < 0.2
    assert (box.width, box.height) == pytest.approx((40, 50))
    assert abs(box.centre[0] - 70) + abs(box.centre[1] - 85) < 3 * 50


def test_faces_that_only_the_teacher_sees_are_left_out(tmp_path):
    box, no_face, labelled = [1.0, 2.0, 30.0, 40.0], [100.0, 2.0, 30.0, 40.0], [60.0, 2.0, 9.0, 9.0]
    seen = [{"bbox": one, "covered": one is labelled} for one in (box, no_face, labelled)]
    files = {
        "mended": {"images": [{"id": 7}]},
        "teacher": {"images": [{"id": 7, "boxes": seen}]},
        "missing": {"items": [{"image_id": 7, "bbox": no_face, "state": "not_a_face"}]},
    }
    for kind, content in files.items():
        (tmp_path / f"set.{kind}.json").write_text(json.dumps(content))
    [picture] = leave_out_unseen([photograph()], tmp_path / "set")
    assert picture.boxes.tolist() == [[100, 60, 160, 130], [1, 2, 31, 42]]
    assert picture.classes.tolist() == [1, -1]
    assert len(picture.box_weight) == 2


def test_a_head_is_parted_from_what_is_behind_it():
    head = cut_head(photograph(), 0)
    assert head is not None
    x0, y0, x1, y1 = head.box.astype(int)
    assert head.alpha[(y0 + y1) // 2, (x0 + x1) // 2] > 0.95
    assert head.alpha[0].max() < 0.5
    assert cut_head(photograph(boxes=((0, 0, 60, 70),)), 0) is None  # at the edge
    assert cut_head(photograph(boxes=((100, 60, 120, 90),)), 0) is None  # too small


def test_crops_are_drawn_of_all_kinds_and_as_asked():
    settings = SecondLookSettings(
        seed=1, steps=1, batch=1, learning_rate=0.1, weight_decay=0.0, ema=0.0, size=40,
        channels=1, hidden=1, dropout=0.0, shares=(0.25, 0.25, 0.25, 0.25), rendered=0.5,
        incorrect_rarer=1.0, more=MoreSettings(seed=2, steps=1, learning_rate=0.1, ema=0.0),
    )  # fmt: skip
    rgb = photograph().rgb[20:160, 60:200]
    box = np.array([40, 40, 100, 110], np.float32)
    cuts = [Cut(rgb, box, kind, rendered) for kind in range(4) for rendered in (False, True)]
    sampler, rng = Sampler(cuts, settings), np.random.default_rng(3)
    drawn = [sampler.draw(rng) for _ in range(60)]
    assert {kind for _, kind in drawn} == {0, 1, 2, NO_FACE}
    assert {crop.shape for crop, _ in drawn} == {(40, 40, 3)}
