"""The evaluation of gestures, on two rendered clips and on broken folders."""

import io
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


STILL = {
    "frames": np.zeros((3, 60, 80, 3), np.uint8),
    "boxes": np.tile([20.0, 10, 50, 50], (3, 1)),
    "timestamps": np.arange(3) / 15,
}


def fake_clip(folder, *, optional=(), damage=lambda content: content, **arrays):
    np.savez_compressed(folder / "x.npz", **STILL | arrays)
    content = (folder / "x.npz").read_bytes()
    (folder / "x.npz").write_bytes(damage(content))
    entry = {"file": "x.npz", "label": "shake", **dict(optional)}
    (folder / "manifest.json").write_text(json.dumps([entry]))
    return gestures.evaluate(folder, load_face_in_view())


def npy(content):
    del content
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "broken",
    [
        {"frames": np.zeros((3, 60, 0, 3), np.uint8)},
        {"boxes": np.full((3, 4), "a")},
        {"timestamps": np.full(3, "soon")},
        {"timestamps": np.full(3, np.nan)},
        {"timestamps": np.float64(3)},
        {"damage": lambda content: b""},
        {"damage": lambda content: content[: len(content) // 2]},
        {"damage": lambda content: content[:60] + bytes(90) + content[150:]},
        {"damage": npy},
    ],
    ids=range(9),
)
def test_a_damaged_clip_is_one_line(tmp_path, broken):
    with pytest.raises(UsageError, match=r"x\.npz") as caught:
        fake_clip(tmp_path, **broken)
    assert len(str(caught.value).splitlines()) == 1


def test_a_box_beyond_all_frames_is_none(tmp_path):
    report = fake_clip(tmp_path, boxes=np.tile([-1e9, -1e9, 1e9, 1e9], (3, 1)))
    assert report["rates"]["shake"]["recognised"] == 0


@pytest.mark.parametrize("field", ["start_s", "head_px", "fps", "kind"])
@pytest.mark.parametrize("value", [None, [1], "a", 3])
def test_an_optional_field_that_says_nothing_is_left_out(tmp_path, field, value):
    report = fake_clip(tmp_path, optional={field: value}.items())
    assert gestures.as_text(report)
    assert json.loads(json.dumps(report, allow_nan=False))["clips"][0][field] == value


def test_kinds_of_several_types_are_listed(clips):
    entries = json.loads((clips / "manifest.json").read_text())
    found = gestures._rates_by(
        [{**e, "recognised": False, "fps": f} for e, f in zip(entries, ("x", 15), strict=True)],
        "fps",
    )
    assert list(found) == ["15", "x"]


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
