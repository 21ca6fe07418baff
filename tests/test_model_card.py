"""The model's card holds the figures that were measured, and of the model that is there."""

from __future__ import annotations

import configparser
import hashlib
import json
import shutil
from pathlib import Path

from training.card import write_card

MODELS = Path(__file__).resolve().parent.parent / "models"


def test_the_card_holds_what_was_measured(tmp_path):
    for name in ("MODEL_CARD.md", "results.json"):
        shutil.copy(MODELS / name, tmp_path)
    write_card(tmp_path)
    assert (tmp_path / "MODEL_CARD.md").read_text() == (MODELS / "MODEL_CARD.md").read_text()


def test_the_rows_of_all_clips_hold_every_face():
    results = json.loads((MODELS / "results.json").read_text())
    clips, together = results["clips"].values(), results["clips_together"].values()
    for size in ("20-32 px", "32-50 px", "from 50 px"):
        faces = sum(clip["sizes"][size]["faces"] for clip in clips)
        assert sum(rows[size]["faces"] for rows in together) == faces > 0
        found = sum(
            round((clip["sizes"][size]["found"] or 0) * clip["sizes"][size]["faces"])
            for clip in clips
        )
        assert sum(round(rows[size]["found"] * rows[size]["faces"]) for rows in together) == found


def test_figures_are_those_of_this_model():
    results = json.loads((MODELS / "results.json").read_text())
    content = (MODELS / "maskcam.tflite").read_bytes()
    assert results["sha256"] == hashlib.sha256(content).hexdigest()
    described = json.loads((MODELS / "maskcam.json").read_text())
    again = described["second_look"]
    content = (MODELS / again["file"]).read_bytes()
    assert again["sha256"] == hashlib.sha256(content).hexdigest()
    assert results["second_look_sha256"] == again["sha256"]
    view = described["face_in_view"]
    content = (MODELS / view["file"]).read_bytes()
    assert view["sha256"] == hashlib.sha256(content).hexdigest()
    assert results["face_in_view"]["sha256"] == view["sha256"]
    assert results["threshold"] == described["score_threshold"]
    for clip in results["clips"].values():
        assert clip["threshold"] == described["score_threshold"]
    for report in results["photographs"].values():
        assert report["at_threshold"]["threshold"] == described["score_threshold"]


def test_a_unit_installs_all_files_of_the_model():
    setup = configparser.ConfigParser()
    setup.read(MODELS.parent / "setup.cfg")
    patterns = setup["options.data_files"]["share/maskcam/models"].split()
    installed = {path.name for one in patterns for path in MODELS.parent.glob(one)}
    described = json.loads((MODELS / "maskcam.json").read_text())
    of_the_model = {described[name]["file"] for name in ("second_look", "face_in_view")}
    assert {"maskcam.json", described["file"], *of_the_model} <= installed
