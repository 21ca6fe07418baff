"""The second look, with a real model that returns the mean brightness, redness and blueness."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from maskcam.errors import ModelError
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.vision.interpreter import Interpreter
from maskcam.vision.model_files import describe
from maskcam.vision.models import load_model
from maskcam.vision.second_look import MOST_LOOKS, REACH, SecondLook, crop_face, join_scores
from tests.vision.tiny_model import TinyModel, identity_model, mean_model

LABELS = ("no_face", "with_mask", "without_mask")
BRIGHT_IS_A_FACE = ("with_mask", "no_face", "no_face")
SIZE = 28  # of a cut, in which a face fills 16 px
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def again(tmp_path):
    path = tmp_path / "mean.tflite"
    path.write_bytes(mean_model(SIZE))
    return SecondLook(Interpreter(path, threads=1), labels=LABELS)


def street(*, luma=0, colour=RED) -> Frame:
    """Returns a frame of 160x90 with a small picture of half of it."""
    rgb = np.full((45, 80, 3), colour, np.uint8)
    return Frame(0.0, np.full((90, 160), luma, np.uint8), rgb)


def face(box, *, state=MaskState.WITHOUT_MASK, score=0.8) -> Detection:
    return Detection(Box(*box), state, score)


def test_the_state_is_that_of_the_crop(again):
    small = (20, 20, 40, 40)
    [red] = again.look(street(colour=RED), [face(small)])
    [blue] = again.look(street(colour=BLUE), [face(small, state=MaskState.WITH_MASK)])
    assert (red.state, blue.state) == (MaskState.WITH_MASK, MaskState.WITHOUT_MASK)
    assert red.box == Box(*small)


def test_the_face_looked_at_last_is_forgotten_with_the_next_frame_that_has_none(again):
    network = again._interpreter
    again.look(street(luma=200), [face((20, 20, 40, 40))])
    assert network.read(network.inputs[0]).any()
    again.look(street(luma=200), [])
    assert not network.read(network.inputs[0]).any()
    assert not network.read(network.outputs[0]).any()


def test_the_crop_decides_about_near_faces_as_well(again):
    frame = street(colour=RED)
    small, large = face((20, 20, 43, 43)), face((20, 20, 85, 85))
    states = [one.state for one in again.look(frame, [small, large])]
    assert states == [MaskState.WITH_MASK, MaskState.WITH_MASK]


def test_what_is_no_face_loses_its_score(tmp_path):
    path = tmp_path / "mean.tflite"
    path.write_bytes(mean_model(SIZE))
    again = SecondLook(Interpreter(path, threads=1), labels=BRIGHT_IS_A_FACE)
    near = partial(face, (20, 20, 40, 40))
    dark, bright = (again.look(street(luma=luma), [near()])[0].score for luma in (51, 204))
    assert dark < 0.5 < 0.8 < bright < 1
    surer = again.look(street(luma=51), [near(score=0.95)])[0].score
    assert dark < surer < 0.95


@pytest.mark.parametrize("found", [0.0, 0.3, 0.6, 1.0])
def test_the_joined_score_rises_with_both(found):
    scores = [join_scores(found, share) for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert scores == sorted(scores)
    assert all(0 < score < 1 for score in scores)
    assert join_scores(min(found + 0.1, 1.0), 0.5) >= join_scores(found, 0.5)


def crowd(number: int, *, shift: float = 0.0) -> list[Detection]:
    """Returns as many faces in a row, 8 px each, all further to the right by `shift`."""
    return [face((12 * i + shift, 30, 12 * i + shift + 8, 38)) for i in range(number)]


def count_looks(again, monkeypatch) -> list[Box]:
    """Returns the boxes that are looked at from now on."""
    looks: list[Box] = []
    classify = again._classify

    def counted(frame, box):
        looks.append(box)
        return classify(frame, box)

    monkeypatch.setattr(again, "_classify", counted)
    return looks


def at(at_s: float, **values) -> Frame:
    return replace(street(**values), captured_at_s=at_s)


def test_a_crowd_takes_turns(again, monkeypatch):
    looks = count_looks(again, monkeypatch)
    for number in range(4):
        found = again.look(at(number / 15), crowd(12, shift=number))
        assert [one.box for one in found] == [one.box for one in crowd(12, shift=number)]
        assert {one.state for one in found} == {MaskState.WITH_MASK}
    # All as they come, and then each in turn.
    assert len(looks) == 12 + 3 * MOST_LOOKS
    assert {round(box.x0 / 12 - 0.1) for box in looks[12:]} == set(range(12))


def test_a_few_are_looked_at_in_every_frame(again, monkeypatch):
    looks = count_looks(again, monkeypatch)
    for number in range(3):
        again.look(at(number / 15), crowd(MOST_LOOKS))
    assert len(looks) == 3 * MOST_LOOKS


def test_between_two_looks_the_last_verdict_stands_but_not_for_long(again):
    again.look(at(0.0, colour=RED), crowd(12))
    states = [one.state for one in again.look(at(0.1, colour=BLUE), crowd(12))]
    assert states.count(MaskState.WITH_MASK) == 12 - MOST_LOOKS
    again.look(at(1.0, colour=RED), crowd(12))
    late = again.look(at(2.0, colour=BLUE), crowd(12))
    assert {one.state for one in late} == {MaskState.WITHOUT_MASK}


def test_photographs_that_follow_each_other_are_not_one_crowd(again):
    """They all have the same time; a verdict of one is none of the next."""
    again.look(at(0.0, colour=RED), crowd(12))
    states = {one.state for one in again.look(at(0.0, colour=BLUE), crowd(12))}
    assert states == {MaskState.WITHOUT_MASK}


def test_who_is_new_in_a_crowd_is_looked_at_at_once(again):
    again.look(at(0.0, colour=RED), crowd(12))
    new = face((60, 60, 68, 68))
    found = again.look(at(0.1, colour=BLUE), [*crowd(12), new])
    assert found[-1].state is MaskState.WITHOUT_MASK
    assert [one.state for one in found].count(MaskState.WITHOUT_MASK) == MOST_LOOKS


def test_a_cut_has_the_brightness_of_the_large_picture_and_the_colour_of_the_small_one():
    frame = street(colour=RED)
    luma = frame.luma
    luma[30:60, 50:80] = 200
    cut = crop_face(frame, Box(50, 30, 80, 60), SIZE)
    assert cut.shape == (SIZE, SIZE, 3)
    inner = round(SIZE / REACH) - 2  # px of the face
    first = (SIZE - inner) // 2
    inside = cut[first : first + inner, first : first + inner, 0]
    assert (inside == 200).all()
    assert cut[0, 0, 0] == 0
    assert (cut[:, :, 1] == 255).all()  # Cr of pure red


@pytest.mark.parametrize("box", [(-5, -5, 15, 15), (150, 80, 160, 90), (0, 0, 160, 90)])
def test_outside_of_the_picture_its_edge_goes_on(box):
    cut = crop_face(street(luma=90), Box(*box), SIZE)
    assert (cut[:, :, 0] == 90).all()


def test_a_face_of_a_few_pixels_is_cut_as_well():
    assert crop_face(street(luma=90), Box(80.2, 40.1, 80.9, 40.4), SIZE).shape == (SIZE, SIZE, 3)


def test_another_kind_of_model_is_an_error(tmp_path):
    path = tmp_path / "other.tflite"
    path.write_bytes(identity_model())
    with pytest.raises(ModelError, match="is no second look; it takes one square image"):
        SecondLook(Interpreter(path, threads=1), labels=LABELS)
    path.write_bytes(mean_model(SIZE))
    with pytest.raises(ModelError, match="a uint8 share for each of with_mask, without_mask"):
        SecondLook(Interpreter(path, threads=1), labels=("with_mask", "without_mask"))


def described(folder, *, sha256=None, name="again.tflite"):
    """Writes a detector and its second look; returns the detector's file."""
    (folder / "model.tflite").write_bytes(TinyModel().build())
    (folder / "again.tflite").write_bytes(mean_model(SIZE))
    content = {
        "labels": ["with_mask", "without_mask", "mask_worn_incorrectly"],
        "score_threshold": 0.5,
        "second_look": {"file": name, "labels": BRIGHT_IS_A_FACE, "sha256": sha256},
    }
    (folder / "model.json").write_text(json.dumps(content))
    return folder / "model.tflite"


def a_dark_and_a_bright_face() -> Frame:
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[0:8, 0:8] = rgb[16:24, 16:24] = (204, 0, 0)  # found with a score of 0.8
    luma = np.zeros((32, 32), np.uint8)
    luma[12:28, 12:28] = 255
    return Frame(0.0, luma, rgb)


def test_a_model_brings_its_second_look(tmp_path):
    """Of two boxes that the detector finds alike, the dark one is dropped."""
    detector = load_model(model=described(tmp_path), threads=1).detector()
    found = detector.detect(a_dark_and_a_bright_face())
    assert [one.box for one in found] == [pytest.approx((16, 16, 24, 24))]


def test_who_objects_is_followed_but_gets_no_second_look(tmp_path, monkeypatch):
    looked_at: list[Box] = []
    look = SecondLook.look

    def watched(again, frame, detections):
        looked_at.extend(one.box for one in detections)
        return look(again, frame, detections)

    monkeypatch.setattr(SecondLook, "look", watched)
    detector = load_model(model=described(tmp_path), threads=1).detector()
    found = detector.detect(a_dark_and_a_bright_face(), objecting=[Box(1, 1, 10, 10)])
    assert len(found) == 2
    assert looked_at == [pytest.approx((16, 16, 24, 24))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "again.tflite: checksum does not match"),
        ({"name": "gone.tflite"}, "gone.tflite: no such model file"),
    ],
)
def test_a_damaged_second_look_is_an_error(tmp_path, changes, message):
    with pytest.raises(ModelError, match=message):
        load_model(model=described(tmp_path, **changes), threads=1)


def test_a_description_that_is_no_table_is_an_error(tmp_path):
    file = described(tmp_path)
    content = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(content | {"second_look": "again.tflite"}))
    with pytest.raises(ModelError, match="second_look"):
        describe(file)
