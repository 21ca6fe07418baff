"""A model of a user's own that is no detector, or badly described, is refused in one line."""

from __future__ import annotations

import json

import pytest

from maskcam.errors import ModelError
from maskcam.vision.models import load_model
from tests.vision.tiny_model import TinyModel, identity_model

DESCRIPTION = {
    "labels": ["with_mask", "without_mask", "mask_worn_incorrectly"],
    "score_threshold": 0.5,
}


def load(folder, model: bytes, description: str = json.dumps(DESCRIPTION)):
    file = folder / "own.tflite"
    file.write_bytes(model)
    file.with_suffix(".json").write_text(description, encoding="utf-8")
    return load_model(model=file)


def test_its_size_is_that_of_its_input(tmp_path):
    assert load(tmp_path, TinyModel(input_shape=(1, 32, 64, 3)).build()).input_size == (64, 32)


@pytest.mark.parametrize("shape", [(1, 8), (1, 8, 8), (1, 8, 8, 1), (1, 2, 8, 8, 3)])
def test_a_model_that_takes_no_picture(tmp_path, shape):
    loaded = load(tmp_path, identity_model(shape))
    with pytest.raises(ModelError, match="a detector takes one image") as caught:
        _ = loaded.input_size
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "description",
    [
        "null",
        "[]",
        "[" * 100_000,
        '{"labels": 5, "score_threshold": 0.5}',
        '{"labels": [], "score_threshold": 0.5}',
        '{"labels": ["with_mask"], "score_threshold": NaN}',
        f'{{"labels": ["with_mask"], "score_threshold": 1{"0" * 400}}}',
        '{"labels": ["with_mask"], "score_threshold": 0.5, "input": "ab"}',
        json.dumps(DESCRIPTION | {"second_look": {"file": "../x", "labels": ["with_mask"]}}),
        json.dumps(DESCRIPTION | {"second_look": {"file": "a\0b", "labels": ["with_mask"]}}),
        json.dumps(DESCRIPTION | {"face_in_view": {"file": "x.tflite"}}),
    ],
    ids=range(11),
)
def test_a_description_that_says_nothing(tmp_path, description):
    with pytest.raises(ModelError) as caught:
        load(tmp_path, TinyModel().build(), description)
    assert len(str(caught.value).splitlines()) == 1
