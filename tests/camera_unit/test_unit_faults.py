"""Faults of camera, accelerator, clock, configuration and disk, against the running process.

What was counted before the fault must reach city hall, and the process must end or
go on as specified, so that systemd starts it again when that helps.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import count as count_up
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from maskcam.delivery import wire
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import WindowKind
from maskcam.unit import clock, loop
from maskcam.unit.clock import SystemClock
from maskcam.unit.loop import Loop
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.schedule import Schedule
from tests import needs
from tests.broker import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.camera.rtsp_server import RtspServer
from tests.camera_unit.test_run import CONFIG
from tests.camera_unit.walkers import NoiseCamera
from tests.reliability import Report

ROOT = Path(__file__).parents[2]
FPS = 15
SIZE = (320, 180)

# Each breaks one real part from its n-th use on; the rest is the unit as it is. Each closed
# window is written down before it is handed over: the truth that city hall must store.
RUN = """
import os, sys, time
from maskcam import cli
from maskcam.camera import readers
from maskcam.delivery import wire
from maskcam.delivery.publisher import Publisher
from maskcam.unit import loop
from maskcam.vision.interpreter import Interpreter
from tests.camera_unit.short_minutes import shorten
shorten()
uses = 0
hand_over = Publisher.deliver
def deliver(self, count):
    with open(sys.argv[2], "ab", buffering=0) as closed:
        payload = wire.encode_count(count, site="forville", unit="forville-01")
        closed.write(count.kind.encode() + b" " + payload + b"\\n")
    return hand_over(self, count)
Publisher.deliver = deliver
{fault}
sys.exit(cli.main(["run", "--config", sys.argv[1]]))
"""
_INFERENCE = """
whole, began_s = Interpreter.invoke, 0.0
def invoke(self):
    global began_s
    began_s = began_s or time.monotonic()
    if time.monotonic() - began_s > 4:
        {what}
    whole(self)
Interpreter.invoke = invoke
"""
SOUND = ""
FAILS = _INFERENCE.format(what='raise RuntimeError("the device has gone")')
FAILS_ONCE = _INFERENCE.format(
    what='began_s = float("inf"); raise RuntimeError("the device has gone")'
)
HANGS = "loop.INFERENCE_STALLED_S = 1.5" + _INFERENCE.format(what="time.sleep(60)")
KILLS = _INFERENCE.format(what="os.abort()")
CHANGES_SIZE = """
whole = readers.PacedReader.read
def read(self, timeout_s):
    global uses
    uses += 1
    found = whole(self, timeout_s)
    return found if uses < 30 or found is None else (found[0], found[1][:90, :160])
readers.PacedReader.read = read
"""


def write_film(path, *, alive_s, frozen_s=0.0, black_s=0.0, codec="MJPG", size=SIZE):
    """A textured street with living noise, then a picture that stands still, then a black one."""
    rng = np.random.default_rng(5)
    blocks = rng.integers(30, 220, (18, 32, 3), np.uint8)
    picture = cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, size)
    shown = picture
    for _ in range(round(alive_s * FPS)):
        shown = cv2.add(picture, rng.integers(0, 12, picture.shape, np.uint8))
        writer.write(shown)
    for _ in range(round(frozen_s * FPS)):
        writer.write(shown)
    for _ in range(round(black_s * FPS)):
        writer.write(np.zeros_like(shown))
    writer.release()
    return path


class Unit:
    """A running unit with a fault."""

    def __init__(self, directory, broker, *, source, fault=SOUND, state=None) -> None:
        config = directory / "maskcam.toml"
        config.write_text(
            CONFIG.format(
                state=state or directory / "state", source=source, port=broker.port, clock="trusted"
            )
        )
        self._log = directory / "log"
        self._closed = directory / "closed"
        kept = {name: v for name, v in os.environ.items() if not name.startswith("MASKCAM_")}
        kept["PYTHONPATH"] = str(ROOT)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN.format(fault=fault), str(config), str(self._closed)],
                cwd=directory, stdout=log, stderr=log, env=kept,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def closed(self):
        """All windows that this unit, or one before it in this directory, has closed."""
        lines = self._closed.read_bytes().splitlines() if self._closed.exists() else []
        found = [line.partition(b" ") for line in lines]
        return [
            wire.decode_count(payload, kind=WindowKind(kind.decode())).count
            for kind, _, payload in found
        ]

    def ends(self) -> int:
        return self.process.wait(90)


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def city(broker):
    with Subscriber(broker) as city:
        yield city


@pytest.fixture
def report(record_property):
    return Report(record_property)


def compare(report, fault: str, city, unit: Unit, *, detail: str) -> None:
    """Waits for all that the unit closed, and keeps the result."""
    assert unit.closed
    city.wait_for(len(unit.closed))
    report.compare(fault, city, closed=unit.closed, detail=detail)


def assert_one_line(log: str, *words: str) -> None:
    last = log.splitlines()[-1]
    assert last.startswith("maskcam: "), log
    assert all(word in last for word in words), last
    assert "Traceback" not in log


# --- camera ---------------------------------------------------------------------------------


@needs_mosquitto
def test_a_picture_that_stands_still_or_is_black_is_not_observed(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=2, frozen_s=4, black_s=2)
    with Unit(tmp_path, broker, source=film) as unit:
        assert unit.ends() == 0, unit.log
    detail = "whole unit; not observed from 2 s after the last change, nobody counted, goes on"
    compare(report, "camera repeats a frame, then is black", city, unit, detail=detail)
    # Standing still is noticed after 2 s.
    minutes = [r.count for r in city.received if r.count.kind is WindowKind.COUNT]
    assert sum(count.observed_s for count in minutes) <= 5
    assert [count.people for count in minutes if count.observed_s == 0] != []
    assert {count.people for count in minutes if count.observed_s == 0} == {None}


@pytest.mark.slow
@needs_mosquitto
def test_a_camera_that_stalls_ends_the_process_with_10(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.mp4", alive_s=10, codec="mp4v")
    with (
        RtspServer(film, fps=FPS) as server,
        Unit(tmp_path, broker, source=server.url) as unit,
    ):
        assert unit.ends() == 10, unit.log
    assert_one_line(unit.log, "no frame for 3 s", "cable")
    detail = "whole unit; ends with 10 after 3 s; what was seen before is published"
    compare(report, "camera stalls", city, unit, detail=detail)


@pytest.mark.slow
@needs_mosquitto
def test_a_picture_that_changes_its_size_is_scaled_back(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=8)
    with Unit(tmp_path, broker, source=film, fault=CHANGES_SIZE) as unit:
        assert unit.ends() == 0, unit.log
    assert "320x180 px become 160x90: scaled back" in unit.log
    compare(report, "camera changes its size", city, unit, detail="whole unit; goes on")


# --- accelerator ----------------------------------------------------------------------------


@needs_mosquitto
def test_an_inference_that_fails_ends_the_process_with_11(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=20)
    with Unit(tmp_path, broker, source=film, fault=FAILS) as unit:
        assert unit.ends() == 11, unit.log
    assert_one_line(unit.log, "the device has gone", "cable and power")
    assert "a new interpreter (1 since the start)" in unit.log
    detail = "whole unit; a new interpreter, then ends with 11"
    compare(report, "accelerator fails from its fourth second on", city, unit, detail=detail)


@needs_mosquitto
def test_one_inference_that_fails_is_mended_by_a_new_interpreter(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=8)
    with Unit(tmp_path, broker, source=film, fault=FAILS_ONCE) as unit:
        assert unit.ends() == 0, unit.log
    assert unit.log.count("a new interpreter") == 1
    detail = "whole unit; a new interpreter, goes on"
    compare(report, "accelerator fails once", city, unit, detail=detail)


@pytest.mark.slow
@needs_mosquitto
def test_an_inference_that_hangs_ends_the_process_with_11(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=30)
    with Unit(tmp_path, broker, source=film, fault=HANGS) as unit:
        assert unit.ends() == 11, unit.log
    assert_one_line(unit.log, "has not ended for 1.5 s")
    detail = "whole unit; ends with 11 (after 1.5 s here, 10 s in the field)"
    compare(report, "accelerator hangs in its fourth second", city, unit, detail=detail)


@pytest.mark.slow
@needs_mosquitto
def test_a_driver_that_kills_the_process_leaves_no_picture_and_the_next_start_counts(
    tmp_path, broker, city, report
):
    film = write_film(tmp_path / "film.avi", alive_s=20)
    with Unit(tmp_path, broker, source=film, fault=KILLS) as unit:
        assert unit.ends() == -signal.SIGABRT
    assert not list(tmp_path.glob("core*"))
    wait_until(lambda: city.statuses and not city.statuses[-1].online, what="the last will")
    film = write_film(tmp_path / "film.avi", alive_s=3)
    with Unit(tmp_path, broker, source=film) as unit:
        assert unit.ends() == 0, unit.log
    detail = "whole unit; no core file; the next start counts"
    compare(report, "accelerator kills the process", city, unit, detail=detail)


# --- clock ----------------------------------------------------------------------------------


@needs_mosquitto
@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)], ids=str)
def test_a_step_of_the_clock_is_followed_and_doubles_no_minute(
    tmp_path, monkeypatch, broker, city, report, step
):
    begin = datetime(2026, 5, 4, 8, tzinfo=UTC)
    camera = NoiseCamera(seconds=305, fps=4)

    def utc_s() -> float:
        stepped = step if camera.now_s > 130 else timedelta()
        return (begin + stepped).timestamp() + camera.now_s

    times = SimpleNamespace(monotonic=lambda: camera.now_s, time=utc_s)
    monkeypatch.setattr(loop, "time", times)
    monkeypatch.setattr(clock, "time", times)
    published = []
    outbox = Outbox(tmp_path / "state", site="forville", unit="forville-01")
    with Publisher(
        outbox, broker=broker.settings(), site="forville", unit="forville-01"
    ) as publisher:

        def deliver(count) -> None:
            published.append(count)
            publisher.deliver(count).result(30)

        counts = MinuteCounts(
            started_at_s=0,
            rules=WindowRules(),
            next_run=count_up(1).__next__,
            random_below=random.Random(1).randrange,
        )
        Loop(
            camera=camera,
            detector=SimpleNamespace(detect=lambda frame, objecting: []),
            pipeline=Pipeline(
                frame_size=camera.size, counts=counts, started_at_s=0, high_score=0.5
            ),
            deliver=deliver,
            clock=SystemClock(trusted=True),
            schedule=Schedule(zone=ZoneInfo("Europe/Paris")),
        ).run(threading.Event())
        city.wait_for(len(published))
    direction = "an hour forward" if step > timedelta() else "an hour back"
    report.compare(
        f"clock steps {direction} in the third of five minutes", city, closed=published,
        detail="the next boundary is right; no minute is published twice under one run",
    )  # fmt: skip
    minutes = [count for count in published if count.kind is WindowKind.COUNT]
    assert [count.start - begin for count in minutes] == [
        timedelta(minutes=1), *(step + timedelta(minutes=n) for n in (2, 3, 4)),
    ]  # fmt: skip
    assert [count.run for count in minutes] == ([1] * 4 if step > timedelta() else [1, 2, 2, 2])


# --- configuration --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_random_bytes_as_configuration_end_the_process_with_2(tmp_path, report, seed):
    """`RestartPreventExitStatus=2`: systemd does not try again."""
    config = tmp_path / "maskcam.toml"
    config.write_bytes(random.Random(seed).randbytes(10_000))
    done = subprocess.run(
        [sys.executable, "-m", "maskcam", "run", "--config", str(config)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert_one_line(done.stderr, "maskcam.toml")
    report.no_window(
        f"10,000 random bytes as configuration (seed {seed})",
        detail="ends with 2 and one line; systemd does not try again",
    )


# --- disk -----------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    subprocess.run(mount, check=True, capture_output=True)
    yield place
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


def _fill(disk) -> None:
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def _forbid(disk) -> None:
    subprocess.run(
        ["mount", "-o", "remount,ro", str(disk)], check=True, capture_output=True, timeout=10
    )


@pytest.mark.slow
@needs.mounts
@needs_mosquitto
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [(_fill, "disk full from the start"), (_forbid, "disk read-only from the start")],
    ids=["full", "read-only"],
)
def test_a_disk_that_takes_nothing_does_not_stop_the_unit(
    tmp_path, broker, city, report, disk, spoil, fault
):
    film = write_film(tmp_path / "film.avi", alive_s=4)
    spoil(disk)
    with Unit(tmp_path, broker, source=film, state=disk / "state") as unit:
        assert unit.ends() == 0, unit.log
    assert "outbox" in unit.log
    compare(report, fault, city, unit, detail="whole unit; goes on with an outbox in memory")
