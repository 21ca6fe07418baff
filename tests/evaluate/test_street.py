"""`maskcam evaluate street` on a rendered clip, with the model that comes with maskcam."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from maskcam.errors import UsageError
from maskcam.evaluate.street import as_text, evaluate, read_boxes
from maskcam.records import MaskState
from maskcam.street import Scene, SceneConfig

FRAMES = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A film of three people who stand in a rendered street, and where their faces are."""
    folder = tmp_path_factory.mktemp("clip")
    scene = Scene(SceneConfig(seed=3, duration_s=1, fps=FRAMES, standing=3, noise=0))
    film = cv2.VideoWriter(
        str(folder / "street.avi"), cv2.VideoWriter.fourcc(*"MJPG"), FRAMES, scene.camera.size
    )
    frames = []
    for number in range(FRAMES):
        film.write(scene.render(number / FRAMES)[:, :, ::-1])
        frames.append(
            [
                {"bbox": [*face.box[:2], face.box.width, face.box.height], "state": str(face.state)}
                for face in scene.faces(number / FRAMES)
                if face.visible > 0.9
            ]
        )
    film.release()
    (folder / "boxes.json").write_text(json.dumps({"size": scene.camera.size, "frames": frames}))
    return folder


def boxes_with(clip: Path, file: Path, change) -> Path:
    content = json.loads((clip / "boxes.json").read_text())
    change(content)
    file.write_text(json.dumps(content))
    return file


def test_faces_that_stand_in_view_are_found(clip):
    report = evaluate(clip / "street.avi", clip / "boxes.json")
    given = json.loads((clip / "boxes.json").read_text())["frames"]
    faces = sum(row["faces"] for row in report["sizes"].values())
    found = sum((row["found"] or 0) * row["faces"] for row in report["sizes"].values())
    assert faces == sum(map(len, given)) >= FRAMES
    assert found >= 0.8 * faces
    assert report["frames"] == FRAMES
    assert "people passed" in as_text(report)


def test_who_is_in_view_too_briefly_to_object_is_reported(clip):
    """Three people stand there for the whole film, which is shorter than a second."""
    report = evaluate(clip / "street.avi")
    assert "sizes" not in report
    assert report["people"] == 0
    assert report["too_briefly_in_view"] > 0
    whole = evaluate(clip / "street.avi", clip / "boxes.json")
    assert {key: whole[key] for key in report} == report
    assert "less than a second" in as_text(report)


def test_a_face_somewhere_else_is_missed_and_what_is_there_a_false_alarm(clip, tmp_path):
    def move(content):
        for faces in content["frames"]:
            faces[:] = [{"bbox": [5, 5, 60, 60]}]

    report = evaluate(clip / "street.avi", boxes_with(clip, tmp_path / "moved.json", move))
    near = report["sizes"]["from 50 px"]
    assert (near["faces"], near["found"], near["state_right"]) == (FRAMES, 0.0, None)
    assert report["false_alarms_per_frame"] > 0.5


def test_an_unsure_box_neither_rewards_nor_punishes(clip, tmp_path):
    def doubt(content):
        for face in (face for faces in content["frames"] for face in faces):
            face["score"] = 0.4

    report = evaluate(clip / "street.avi", boxes_with(clip, tmp_path / "unsure.json", doubt))
    assert all(row["faces"] == 0 for row in report["sizes"].values())
    assert report["false_alarms_per_frame"] < 0.5


def test_boxes_of_another_width_are_scaled(clip, tmp_path):
    def halve(content):
        content["size"] = [edge / 2 for edge in content["size"]]
        for face in (face for faces in content["frames"] for face in faces):
            face["bbox"] = [edge / 2 for edge in face["bbox"]]

    whole = evaluate(clip / "street.avi", clip / "boxes.json")
    half = evaluate(clip / "street.avi", boxes_with(clip, tmp_path / "half.json", halve))
    assert half["false_alarms_per_frame"] == whole["false_alarms_per_frame"]


@pytest.mark.parametrize("frames", [FRAMES - 1, FRAMES + 1])
def test_boxes_of_another_clip_are_an_error(clip, tmp_path, frames):
    def lengthen(content):
        content["frames"] = (2 * content["frames"])[:frames]

    file = boxes_with(clip, tmp_path / "other.json", lengthen)
    with pytest.raises(UsageError, match=f"has {frames} frames"):
        evaluate(clip / "street.avi", file)


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"size": [1, 2]}', '{"size": [1, 2], "frames": [[{"bbox": [1, 2, 3]}]]}',
     '{"size": [1, 2], "frames": [[{"bbox": [1, 2, 3, 4], "state": "hat"}]]}'],
)  # fmt: skip
def test_a_file_that_holds_no_boxes_is_an_error(tmp_path, content):
    file = tmp_path / "boxes.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="must hold"):
        read_boxes(file, None)


def test_a_state_for_all_is_taken_where_a_box_has_none(tmp_path):
    file = tmp_path / "boxes.json"
    face = {"bbox": [1, 2, 3, 4]}
    faces = [face, {**face, "state": "incorrect"}]
    file.write_text(json.dumps({"size": [10, 10], "frames": [faces]}))
    _, [[plain, known]] = read_boxes(file, MaskState.WITH_MASK)
    assert (plain.state, known.state) == (MaskState.WITH_MASK, MaskState.INCORRECT)


def test_the_command_says_what_is_missing(clip):
    done = subprocess.run(
        [sys.executable, "-m", "maskcam", "evaluate", "street",
         "--clip", str(clip / "street.avi"), "--teacher-boxes", str(clip / "none.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert "none.json: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
