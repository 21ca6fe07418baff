import hashlib
import json

from training.description import write_model


def test_each_network_has_its_place_and_keeps_that_of_the_others(tmp_path):
    models = tmp_path / "models"
    write_model(models, "maskcam.tflite", b"one", {"labels": ["face"], "input": [288, 512]})
    write_model(models, "second-look.tflite", b"two", {"labels": ["a"]}, part="second_look")
    write_model(models, "maskcam.tflite", b"new", {"labels": ["face"]})
    assert json.loads((models / "maskcam.json").read_text()) == {
        "file": "maskcam.tflite",
        "sha256": hashlib.sha256(b"new").hexdigest(),
        "labels": ["face"],
        "input": [288, 512],
        "second_look": {
            "file": "second-look.tflite",
            "sha256": hashlib.sha256(b"two").hexdigest(),
            "labels": ["a"],
        },
    }
    assert (models / "maskcam.tflite").read_bytes() == b"new"
