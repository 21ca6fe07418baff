"""What the machine tells of itself."""

from __future__ import annotations

import logging
import re
import threading
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from maskcam.people.windows import WindowRules
from maskcam.unit import loop
from maskcam.unit.clock import SystemClock
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.unit.schedule import Schedule
from maskcam.unit.vitals import Hourly, vitals
from tests.camera_unit.walkers import NoiseCamera


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


def test_a_pi_tells_all(pi):
    assert vitals(root=pi) == (
        "54.3 degrees C, never throttled, 210 MB of the unit, 3072 MB available"
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("50000", "since the start: undervoltage, throttled"),
        ("50005", "NOW undervoltage, throttled (since the start: undervoltage, throttled)"),
        ("80008", "NOW too hot (since the start: too hot)"),
        ("e0002", "NOW slower clock (since the start: slower clock, throttled, too hot)"),
    ],
)
def test_the_firmware_is_understood(pi, state, words):
    put(pi, "sys/devices/platform/soc/soc:firmware/get_throttled", f"{state}\n")
    assert f"degrees C, {words}, 210 MB" in vitals(root=pi)


def test_the_hottest_of_several_counts(pi):
    put(pi, "sys/class/thermal/thermal_zone1/temp", "81000\n")
    put(pi, "sys/class/thermal/thermal_zone2/temp", "no number\n")
    assert vitals(root=pi).startswith("81.0 degrees C")


def test_this_machine_tells_its_memory():
    assert re.search(r"\b[1-9]\d* MB of the unit, [1-9]\d* MB available$", vitals())


def test_a_machine_that_tells_nothing(tmp_path):
    assert vitals(root=tmp_path) == "this machine tells nothing of itself"


def test_it_is_time_at_first_and_then_once_an_hour():
    hourly = Hourly()
    assert [at_s for at_s in range(0, 10_800, 60) if hourly.due(1000.0 + at_s)] == [0, 3600, 7200]


def test_the_loop_tells_it_at_the_start_and_each_hour(monkeypatch, caplog):
    """Two hours of a camera that gives a frame every ten seconds."""
    camera = NoiseCamera(seconds=7600, fps=0.1)
    times = SimpleNamespace(monotonic=lambda: camera.now_s, time=lambda: camera.now_s)
    monkeypatch.setattr(loop, "time", times)
    caplog.set_level(logging.INFO, "maskcam.unit.loop")
    loop.Loop(
        camera=camera,
        detector=SimpleNamespace(detect=lambda frame, objecting: []),
        pipeline=Pipeline(
            frame_size=camera.size,
            counts=recording_counts(WindowRules(), started_at_s=0),
            started_at_s=0,
            high_score=0.5,
        ),
        deliver=lambda count: None,
        clock=SystemClock(trusted=True),
        schedule=Schedule(zone=ZoneInfo("UTC")),
    ).run(threading.Event())
    assert sum("MB of the unit" in record.getMessage() for record in caplog.records) == 3
