"""The unit's own camera module on real libcamera and picamera2, without a camera.

libcamera 0.4.0's virtual pipeline handler shows the rendered street as a camera would;
picamera2 0.3.38 drives it, and `maskcam run` counts. What stands in for the sensor and
the ISP of a Raspberry Pi is described in `libcamera/inside/stand_ins.py`; maskcam is not changed.
It runs in a virtual machine, since the kernel must have dma-buf heaps.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from maskcam.camera.base import fitted
from maskcam.delivery import wire
from maskcam.street import Scene, SceneConfig
from maskcam.vision.model_files import default_model
from maskcam.vision.models import load_model
from tests.sdcard.libcamera import machine

pytestmark = [pytest.mark.image, pytest.mark.timeout(machine.TIMEOUT_S + 1200)]

# The street is shown at a quarter of its speed, since the emulated processor detects seldom. The
# minute that is published begins and ends while nobody is in view.
FPS = 12  # of the camera: the virtual handler shows each picture for four frames
PICTURES_PER_S = 12  # of the street
SHOWN_S = 15  # of the street, a minute of the camera: four people come into view and leave it
GAP_S = 13  # the last one has left
LEAD_S = 6
MINUTE = datetime(2026, 5, 4, 9, tzinfo=UTC)
SCENE = SceneConfig(seed=1, duration_s=18, fps=PICTURES_PER_S, people_per_minute=20, objectors=0)
SITE, UNIT = "forville", "forville-01"

CONFIG = f"""\
[unit]
id = "{UNIT}"
site = "{SITE}"
clock = "trusted"
state_directory = "/tmp/state"

[camera]
fps = {FPS}

[detector]
threads = 1    # the machine has one processor: a thread that waits for another would take it

[counting]
exact = true

[broker]
host = "127.0.0.1"
insecure = true

[notice]
controller = "Ville de Cannes"
contact = "masques@cannes.test"
sign_date = 2026-05-01
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict[str, Any]:
    """What came of it in the virtual machine; both tests look at one run."""
    if machine.EMULATOR is None:
        pytest.fail("qemu-system-x86_64 is missing: apt-get install qemu-system-x86")
    directory = tmp_path_factory.mktemp("libcamera")
    brought = directory / "brought"
    for package in ("maskcam", "tests/sdcard/libcamera/inside"):
        shutil.copytree(
            machine.ROOT / package,
            brought / Path(package).name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    (brought / "models").mkdir()
    for model in default_model().parent.glob("*.tflite"):
        shutil.copy(model, brought / "models")
    shutil.copy(default_model().with_suffix(".json"), brought / "models")
    scene = Scene(SCENE)
    write_pictures(brought / "few", scene, [0, 2, 5, 9])
    times_s = GAP_S + np.arange(0, SHOWN_S, 1 / PICTURES_PER_S)
    write_pictures(brought / "street", scene, times_s % SHOWN_S)
    (brought / "maskcam.toml").write_text(CONFIG)
    settings = {
        "site": SITE,
        "unit": UNIT,
        "small": fitted(SCENE.size, load_model().input_size),
        "begin_s": MINUTE.timestamp() - LEAD_S,
        "end_s": MINUTE.timestamp() + 60,
    }
    (brought / "settings.json").write_text(json.dumps(settings))
    machine.make_disk(brought, directory / "disk")
    shutil.rmtree(brought)
    return machine.computer().run(directory / "disk", directory)


def write_pictures(folder: Path, scene: Scene, times_s) -> None:
    """Writes JPEGs as the virtual handler wants them, which copies their planes as they are.

    A camera's luma goes from 16 to 235, a JPEG's from 0 to 255: the picture is pressed into it.
    """
    folder.mkdir()
    for number, at_s in enumerate(times_s):
        picture = cv2.cvtColor(scene.render(float(at_s)), cv2.COLOR_RGB2BGR)
        pressed = cv2.convertScaleAbs(picture, alpha=219 / 255, beta=16)
        cv2.imwrite(str(folder / f"{number}.jpg"), pressed, [cv2.IMWRITE_JPEG_QUALITY, 95])


def test_frames_are_those_of_the_camera(report):
    look = report["look"]
    assert look["exit"] == 0, report["console"][-3000:]
    print(json.dumps(look))
    assert look["libcamera"] == "v0.4.0"
    assert look["cameras"] == ["Street"]
    assert look["pictures_seen"] == 4
    assert look["luma_off"] < 1.5
    assert look["rgb_off"] < 6
    assert look["shortest_s"] > 0
    assert look["oldest_s"] < 0.5
    assert look["stalls"] >= 4  # reads while the sensor paused; it then went on
    assert look["interval_s"] == pytest.approx(1 / 20)  # the frame rate reached libcamera
    assert look["longest_us"] == 12_000  # and the Camera Module 3's own tuning was capped


def test_the_unit_counts(report):
    unit = report["count"]
    assert (unit["exit"], unit["code"]) == (0, 0), report["console"][-3000:]
    print(json.dumps(unit))
    window, hour = unit["published"]
    count = wire.decode_count(window.encode()).count
    assert (count.start, count.observed_s) == (MINUTE, 60)
    truth = Scene(SCENE).truth_until(SHOWN_S)
    assert len(truth.passages) == 4
    # How often so slow a processor looks at a face is chance: one person off is the model's.
    assert abs((count.people or 0) - len(truth.passages)) <= 1
    for state, people in truth.totals().items():
        assert (getattr(count, state) or 0) <= people + 1
    assert wire.decode_count(hour.encode()).count.people == count.people
