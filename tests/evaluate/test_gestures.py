"""The evaluation of gestures, on two rendered clips and on broken folders."""

import json

import numpy as np
import pytest

from headclips import confusers as scripts
from headclips import shakes
from headclips.picture import Photographs, render
from maskcam.errors import UsageError
from maskcam.evaluate import gestures
from maskcam.vision.models import load_face_in_view


def save(folder, name, kind, seed):
    rng = np.random.default_rng(seed)
    script = kind(rng)
    clip = render(script, rng, head_px=40, fps=15, photographs=Photographs())
    np.savez(
        folder / name,
        frames=np.repeat(clip.lumas[..., None], 3, axis=3),
        boxes=clip.boxes,
        timestamps=clip.timestamps,
    )
    entry = {"file": name, "label": script.label, "kind": script.kind, "fps": 15}
    return entry if script.start_s is None else {**entry, "start_s": script.start_s}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    manifest = [
        save(folder, "a.npz", shakes.even_shake, 11),
        save(folder, "b.npz", scripts.still, 5),
    ]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def report(clips):
    calls = []
    found = gestures.evaluate(
        clips, load_face_in_view(), progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(1, 2), (2, 2)]
    return found


def test_it_says_whether_and_when(report):
    shake, still = report["clips"]
    assert (shake["file"], shake["label"], shake["recognised"]) == ("a.npz", "shake", True)
    assert 0 < shake["at_s"] < 4
    assert (still["recognised"], still["at_s"]) == (False, None)


def test_it_gives_rates_with_intervals(report):
    shake = report["rates"]["shake"]
    assert (shake["clips"], shake["recognised"], shake["rate"]) == (1, 1, 1.0)
    low, high = report["rates"]["still"]["ci95"]
    assert low == 0
    assert 0.5 < high < 1
    assert report["by"]["shake"]["fps"]["15"]["clips"] == 1
    assert report["median_delay_s"] == pytest.approx(
        report["clips"][0]["at_s"] - report["clips"][0]["start_s"]
    )


def test_it_is_json_and_text(report):
    assert json.loads(json.dumps(report))["clips"]
    text = gestures.as_text(report)
    assert "shake" in text
    assert "95 %" in text


def test_an_interval_as_published():
    # Newcombe 1998, Statistics in Medicine 17: 81 of 263, and 0 of 20
    assert gestures.rate(81, 263)["ci95"] == pytest.approx([0.2553, 0.3662], abs=1e-4)
    assert gestures.rate(0, 20)["ci95"] == pytest.approx([0.0, 0.1611], abs=1e-4)


@pytest.mark.parametrize(
    "manifest", ["", "{}", "[]", '[{"file": 1, "label": "shake"}]', '[{"label": "shake"}]']
)
def test_a_wrong_manifest_is_a_wrong_call(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(UsageError, match=r"manifest\.json"):
        gestures.evaluate(tmp_path, load_face_in_view())


def test_a_folder_without_manifest_is_a_wrong_call(tmp_path):
    with pytest.raises(UsageError, match="--clips"):
        gestures.evaluate(tmp_path, load_face_in_view())


@pytest.mark.parametrize(
    "arrays",
    [
        {"frames": np.zeros((3, 8, 8, 3), np.uint8)},
        {
            "frames": np.zeros((3, 8, 8), np.uint8),
            "boxes": np.zeros((3, 4)),
            "timestamps": [0, 1, 2],
        },
        {
            "frames": np.zeros((3, 8, 8, 3), np.uint8),
            "boxes": np.zeros((2, 4)),
            "timestamps": [0, 1, 2],
        },
    ],
)
def test_a_wrong_clip_is_a_wrong_call(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    (tmp_path / "manifest.json").write_text('[{"file": "x.npz", "label": "shake"}]')
    with pytest.raises(UsageError, match=r"x\.npz"):
        gestures.evaluate(tmp_path, load_face_in_view())


def test_a_missing_clip_is_a_wrong_call(tmp_path):
    (tmp_path / "manifest.json").write_text('[{"file": "x.npz", "label": "shake"}]')
    with pytest.raises(UsageError, match=r"x\.npz"):
        gestures.evaluate(tmp_path, load_face_in_view())


def test_frames_without_a_box_are_left_out(clips):
    lumas, boxes, timestamps = gestures.read_clip(clips / "b.npz")
    boxes[5:10] = np.nan
    assert (
        len(gestures.measure_clip(lumas, boxes, timestamps, load_face_in_view()))
        == len(timestamps) - 5
    )
