import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from maskcam.errors import UsageError
from maskcam.evaluate.conditions import CONDITIONS
from maskcam.evaluate.detections import as_text, evaluate, read_truth
from maskcam.evaluate.precision import Truth, average_precisions
from maskcam.evaluate.threshold import at_threshold
from maskcam.records import Box, Detection, MaskState

WITH, WITHOUT, INCORRECT = MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT
SHARED = Path(__file__).resolve().parents[3] / "shared/data/masks"
A, B, C = Box(10, 10, 50, 60), Box(100, 10, 140, 60), Box(200, 10, 212, 24)


def test_perfect_answers_reach_one() -> None:
    truth = [Truth(((A, WITH), (B, WITHOUT)), ()), Truth((), ())]
    found = [[Detection(A, WITH, 0.9), Detection(B, WITHOUT, 0.8)], []]

    result = average_precisions(truth, found)

    assert result.pop("incorrect") is None
    assert result == pytest.approx({"with_mask": 1.0, "without_mask": 1.0, "face": 1.0})


def test_a_wrong_state_costs_the_state_but_not_the_face() -> None:
    result = average_precisions(
        [Truth(((A, WITH), (B, WITHOUT)), ())],
        [[Detection(A, WITHOUT, 0.9), Detection(B, WITHOUT, 0.8)]],
    )

    assert result["face"] == 1.0
    assert result["with_mask"] == 0.0
    assert result["without_mask"] == pytest.approx(0.5, abs=0.01)


def test_no_detections_at_all() -> None:
    result = average_precisions([Truth(((A, WITH),), ())], [[]])

    assert result == {"with_mask": 0.0, "without_mask": None, "incorrect": None, "face": 0.0}


@pytest.mark.parametrize("state", [WITH, WITHOUT, INCORRECT])
def test_ignored_places_neither_reward_nor_punish(state: MaskState) -> None:
    truth = [Truth(((A, WITH),), (B,))]
    without = average_precisions(truth, [[Detection(A, WITH, 0.5)]])

    inside = Box(B.x0 + 5, B.y0 + 5, B.x1 - 5, B.y1 - 5)
    found = [[Detection(A, WITH, 0.5), Detection(B, state, 0.9), Detection(inside, state, 0.8)]]

    assert average_precisions(truth, found) == without


def test_small_faces_can_be_left_out() -> None:
    truth = [Truth(((A, WITH), (C, WITH)), ())]
    found = [[Detection(A, WITH, 0.9)]]

    assert average_precisions(truth, found)["face"] == pytest.approx(0.5, abs=0.01)
    assert average_precisions(truth, found, smallest_px=20)["face"] == pytest.approx(1.0)
    assert average_precisions(truth, found, largest_px=20)["face"] == 0.0
    # a small face that was found does not punish either
    more = [[*found[0], Detection(C, WITH, 0.95)]]
    assert average_precisions(truth, more, smallest_px=20)["face"] == pytest.approx(1.0)


def test_intervals_hold_the_value() -> None:
    rng = np.random.default_rng(1)
    truth = [Truth(((A, WITH),), ()) for _ in range(60)]
    found = [[Detection(A if rng.random() < 0.7 else B, WITH, rng.random())] for _ in truth]

    result = average_precisions(truth, found, intervals=True)
    low, high = result["with_mask_interval"]

    assert low < result["with_mask"] < high
    assert high - low < 0.4


def test_what_the_counts_would_say() -> None:
    truth = [Truth(((A, WITH), (B, WITHOUT)), ()), Truth(((A, INCORRECT),), (B,))]
    found = [
        [Detection(A, WITHOUT, 0.9), Detection(B, WITHOUT, 0.8), Detection(C, WITH, 0.1)],
        [Detection(A, WITH, 0.7), Detection(B, WITH, 0.7)],
    ]

    result = at_threshold(truth, found, threshold=0.5)

    assert result["recall"] == 1.0
    assert result["precision"] == 1.0
    assert result["state_right"] == 0.5
    assert result["incorrect_right"] == 0.0
    assert result["mask_rate_true"] == pytest.approx(1 / 3)
    assert result["mask_rate_found"] == pytest.approx(1 / 3)
    assert result["mask_rate_bias"] == pytest.approx(0)


def test_false_alarms_and_misses_move_the_rate() -> None:
    truth = [Truth(((A, WITH), (B, WITHOUT)), ())]
    found = [[Detection(A, WITH, 0.9), Detection(Box(300, 10, 340, 60), WITH, 0.6)]]

    result = at_threshold(truth, found, threshold=0.5)

    assert result["recall"] == result["precision"] == 0.5
    assert result["mask_rate_bias"] == pytest.approx(0.5)
    nothing = at_threshold(truth, [[]], threshold=0.5)
    assert nothing["precision"] is nothing["mask_rate_bias"] is None
    found = [[Detection(A, INCORRECT, 0.9)]]
    right = at_threshold([Truth(((A, INCORRECT),), ())], found, threshold=0.5)
    assert (right["state_right"], right["incorrect_right"]) == (None, 1.0)


def test_intervals_of_the_rate_hold_it() -> None:
    truth = [Truth(((A, WITH),), ())] * 60 + [Truth(((A, WITHOUT),), ())] * 40
    found = [[Detection(A, WITH, 0.9)]] * 70 + [[Detection(A, WITHOUT, 0.9)]] * 30

    result = at_threshold(truth, found, threshold=0.5, intervals=True)
    low, high = result["mask_rate_bias_interval"]

    assert result["mask_rate_bias"] == pytest.approx(0.1)
    assert 0.02 < low < 0.1 < high < 0.18


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_boxes_follow_the_picture(name: str) -> None:
    rgb = np.zeros((240, 320, 3), np.uint8)
    centre, axes = (200, 90), (18, 24)
    cv2.ellipse(rgb, centre, axes, 0, 0, 360, (255, 255, 255), -1)
    box = np.array([[182.0, 66.0, 218.0, 114.0]])

    picture, moved = CONDITIONS[name].apply(rgb, box)

    bright = cv2.blur(picture[:, :, 0], (3, 3)) > 90
    # the grey around a turned picture is not the ellipse
    spots = cv2.connectedComponentsWithStats((bright & (picture[:, :, 0] != 128)).astype(np.uint8))[
        2
    ]
    x, y, width, height, _ = max(spots[1:], key=lambda spot: spot[4])
    assert moved[0] == pytest.approx([x, y, x + width, y + height], abs=5)


def write_coco(folder: Path, **changes: Any) -> Path:
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "ignore": [[0, 0, 5, 5]]}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40], "iscrowd": 0},
            {"image_id": 7, "category_id": 1, "bbox": [50, 20, 30, 40], "iscrowd": 1},
        ],
        "categories": [{"id": 1, "name": "with_mask"}],
        **changes,
    }
    file = folder / "coco.json"
    file.write_text(json.dumps(content))
    return file


def test_reading_the_truth(tmp_path: Path) -> None:
    names, truths = read_truth(write_coco(tmp_path))

    assert names == ["a.jpg"]
    assert truths == [Truth(((Box(10, 20, 40, 60), WITH),), (Box(0, 0, 5, 5), Box(50, 20, 80, 60)))]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"categories": [{"id": 1, "name": "cat"}]}, "with_mask"),
        ({"images": [], "annotations": []}, "no images"),
        ({"annotations": [{"image_id": 1}]}, "no COCO file"),
        ({"annotations": 3}, "no COCO file"),
    ],
)
def test_a_wrong_truth_is_an_error(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        read_truth(write_coco(tmp_path, **changes))


def test_missing_files_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_truth(tmp_path / "none.json")
    with pytest.raises(UsageError, match="no such photograph"):
        evaluate(coco=write_coco(tmp_path), images=tmp_path)


def test_the_real_model_on_a_picture_without_faces(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((200, 300, 3), 90, np.uint8))

    report = evaluate(coco=write_coco(tmp_path), images=tmp_path, conditions=True)

    assert report["images"] == 1
    assert set(report["ap50"]) == {"with_mask", "without_mask", "incorrect", "face"}
    assert report["ap50"]["with_mask"] < 0.1
    assert report["ms_per_frame"] > 0
    assert set(report["ap50_by_condition"]) == set(CONDITIONS)
    json.dumps(report, allow_nan=False)
    assert "AP50" in as_text(report)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the photographs in ../shared/data/masks")
@pytest.mark.parametrize("content", [None, b"", b"no photograph", "photograph"], ids=str)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_name_that_is_not_utf8(tmp_path: Path, content: Any, form: list[str]) -> None:
    name = os.fsdecode(b"caf\xe9-\xff 2026-05-04T08:00:00.png")
    folder = tmp_path / os.fsdecode(b"photos \xe9")
    folder.mkdir()
    if content == "photograph":
        content = cv2.imencode(".png", np.full((120, 160, 3), 90, np.uint8))[1].tobytes()
    if content is not None:
        (folder / name).write_bytes(content)
    images = [{"id": 1, "file_name": name, "width": 160, "height": 120, "ignore": []}]
    coco = write_coco(tmp_path, images=images, annotations=[])
    call = [sys.executable, "-m", "maskcam", "evaluate", "detections", *form]
    done = subprocess.run(
        [*call, "--coco", str(coco), "--images", str(folder)],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    if content and content.startswith(b"\x89PNG"):
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout
    else:
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert b"caf\\udce9-\\udcff" in done.stderr


def test_the_real_model_on_photographs(tmp_path: Path) -> None:
    """Every twelfth picture of the test split; the whole split is in models/results.json."""
    content = json.loads((SHARED / "test.json").read_text())
    content["images"] = content["images"][::12]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] in kept]
    (tmp_path / "coco.json").write_text(json.dumps(content))

    report = evaluate(coco=tmp_path / "coco.json", images=SHARED / "images")

    assert report["ap50_from_20_px"]["with_mask"] > 0.7
    assert report["ap50_from_20_px"]["face"] > 0.7
    assert report["at_threshold"]["state_right"] > 0.9
    assert {"face-mask-detection-853", "face-mask-jk4nr"} <= set(report["ap50_by_source"])
