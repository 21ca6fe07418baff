"""Whether a face is in view, on rendered people with a hand that comes and goes."""

import json

import numpy as np
import pytest

from headclips import confusers as scripts
from headclips import shakes
from headclips.picture import Photographs, render
from maskcam.errors import ModelError
from maskcam.vision import model_files
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.models import load_face_in_view
from maskcam.vision.patch import FACE_PX, cut_patch


def patches(script, *, seed, head_px=60.0):
    """Returns the patch of each frame and its time."""
    rng = np.random.default_rng(seed)
    clip = render(script, rng, head_px=head_px, fps=15, photographs=Photographs())
    found = []
    for luma, (x0, y0, x1, y1) in zip(clip.lumas, clip.boxes, strict=True):
        scale = np.sqrt((x1 - x0) * 1.25 * (y1 - y0)) / FACE_PX
        found.append(cut_patch([luma], ((x0 + x1) / 2, (y0 + y1) / 2), scale))
    return np.stack(found), clip.timestamps


def with_hand(seed):
    """Somebody stands; from 1 s to 2 s a hand is before the face."""
    script = scripts.still(np.random.default_rng(seed))
    script["hand_on"][:] = (script.t > 1) & (script.t < 2)
    return script


@pytest.fixture(scope="module")
def sees():
    return load_face_in_view()


@pytest.mark.parametrize("seed", range(5))
def test_a_hand_before_the_face_lowers_the_odds(sees, seed):
    looks, times = patches(with_hand(seed), seed=seed)
    odds = np.array([sees.log_odds(looks[0], look) for look in looks])
    covered = (times > 1.05) & (times < 1.95)
    free = (times < 0.95) | (times > 2.05)
    assert odds[free].min() > 0
    assert odds[covered].max() < odds[free].min()
    assert odds[covered].mean() < 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_turned_face_is_still_in_view(sees, seed):
    looks, _ = patches(shakes.even_shake(np.random.default_rng(seed)), seed=seed)
    odds = [sees.log_odds(looks[0], look) for look in looks]
    assert np.mean(odds) > 1.5


def test_it_forgets(sees):
    looks, _ = patches(scripts.still(np.random.default_rng(0)), seed=0)
    tensor = sees._interpreter.inputs[0]
    sees.log_odds(looks[0], looks[1])
    assert sees._interpreter.read(tensor).any()
    sees.forget()
    assert not sees._interpreter.read(tensor).any()


def described(tmp_path, **changes):
    """Returns the folder of a model whose description differs from ours."""
    ours = json.loads(model_files.default_model().with_suffix(".json").read_text())
    (tmp_path / "maskcam.json").write_text(json.dumps(ours | changes))
    return tmp_path / "maskcam.tflite"


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (None, "names no face_in_view"),
        ({"file": "gone.tflite", "sha256": "0" * 64}, "gone.tflite"),
        ({"file": "gone.tflite"}, "face_in_view its file and sha256"),
    ],
)
def test_a_missing_model_is_an_error_in_one_line(tmp_path, description, message):
    model = described(tmp_path, face_in_view=description)
    with pytest.raises(ModelError, match=message) as raised:
        load_face_in_view(model)
    assert "\n" not in str(raised.value)


def test_another_model_is_an_error():
    detector = model_files.describe()
    assert detector.sha256 is not None
    other = model_files.FaceInViewDescription(detector.file, detector.sha256)
    with pytest.raises(ModelError, match="is another model"):
        FaceInView(other)
