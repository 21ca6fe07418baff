"""What the machine reports of itself."""

from __future__ import annotations

import logging
import re
import threading
from zoneinfo import ZoneInfo

import pytest

from maskcam.people.windows import WindowRules
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.loop import Loop
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.unit.schedule import Schedule
from maskcam.unit.timekeeper import Timekeeper
from maskcam.unit.vitals import Hourly, vitals
from maskcam.vision.models import load_face_in_view
from tests.camera_unit.walkers import ExactDetector, NoiseCamera


def put(root, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def pi(tmp_path):
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "54321\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
    put(tmp_path, "proc/self/status", "Name:\tpython3\nVmRSS:\t  215040 kB\n")
    put(tmp_path, "proc/meminfo", "MemTotal: 3884000 kB\nMemAvailable:    3145728 kB\n")
    return tmp_path


def test_a_pi_reports_all(pi):
    assert vitals(root=pi) == (
        "54.3 degrees C, never throttled, 210 MB of the unit, 3072 MB available"
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("50000", "since the start: under-voltage, throttled"),
        ("50005", "NOW under-voltage, throttled (since the start: under-voltage, throttled)"),
        ("80008", "NOW soft temperature limit (since the start: soft temperature limit)"),
        (
            "e0002",
            "NOW slowed down (since the start: slowed down, throttled, soft temperature limit)",
        ),
    ],
)
def test_the_flags_of_the_firmware_are_read(pi, state, words):
    put(pi, "sys/devices/platform/soc/soc:firmware/get_throttled", f"{state}\n")
    assert f"degrees C, {words}, 210 MB" in vitals(root=pi)


def test_the_hottest_of_several_counts(pi):
    put(pi, "sys/class/thermal/thermal_zone1/temp", "81000\n")
    put(pi, "sys/class/thermal/thermal_zone2/temp", "no number\n")
    assert vitals(root=pi).startswith("81.0 degrees C")


def test_this_machine_reports_its_memory():
    assert re.search(r"\b[1-9]\d* MB of the unit, [1-9]\d* MB available$", vitals())


def test_a_machine_that_reports_nothing(tmp_path):
    assert vitals(root=tmp_path) == "this machine reports nothing of itself"


def test_it_is_time_at_first_and_then_once_an_hour():
    hourly = Hourly()
    assert [at_s for at_s in range(0, 10_800, 60) if hourly.due(1000.0 + at_s)] == [0, 3600, 7200]


def test_the_loop_logs_it_at_the_start_and_each_hour(caplog):
    """Two hours of a camera that gives a frame every ten seconds."""
    camera = NoiseCamera(seconds=7600, fps=0.1)
    clock = SystemClock(trusted=True, utc_s=lambda: camera.now_s, monotonic_s=lambda: camera.now_s)
    caplog.set_level(logging.INFO, "maskcam.unit.loop")
    Loop(
        camera=camera,
        worker=DetectionWorker(ExactDetector(camera, [])),
        pipeline=Pipeline(
            frame_size=camera.size,
            counts=recording_counts(WindowRules(), started_at_s=0),
            started_at_s=0,
            high_score=0.5,
            face_in_view=load_face_in_view(),
        ),
        deliver=lambda count: None,
        timekeeper=Timekeeper(clock, Schedule(zone=ZoneInfo("UTC"))),
    ).run(threading.Event())
    assert sum("MB of the unit" in record.getMessage() for record in caplog.records) == 3
