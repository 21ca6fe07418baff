"""Faults of camera, accelerator, clock, configuration and disk, against the running process.

What was counted before the fault must reach city hall, and the process must end or
go on as specified, so that systemd starts it again when that helps.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import count as count_up
from zoneinfo import ZoneInfo

import pytest

from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import MinuteCount, WindowKind
from maskcam.unit.clock import SystemClock
from maskcam.unit.detection import DetectionWorker
from maskcam.unit.loop import Loop
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.schedule import Schedule
from maskcam.unit.timekeeper import Timekeeper
from maskcam.vision.models import load_face_in_view
from tests import needs
from tests.broker import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.camera.films import encode, numbered
from tests.camera.rtsp_server import RtspServer
from tests.camera_unit.faulty_unit import FaultyUnit
from tests.camera_unit.running_unit import FPS, write_film
from tests.camera_unit.walkers import ExactDetector, NoiseCamera
from tests.reliability import Report


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


def compare(report, fault: str, city, unit: FaultyUnit, *, detail: str) -> None:
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
    with FaultyUnit(tmp_path, broker, source=film) as unit:
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
        FaultyUnit(tmp_path, broker, source=server.url) as unit,
    ):
        assert unit.ends() == 10, unit.log
    assert_one_line(unit.log, "no frame for 3 s", "cable")
    detail = "whole unit; ends with 10 after 3 s; what was seen before is published"
    compare(report, "camera stalls", city, unit, detail=detail)


@pytest.mark.slow
@needs_mosquitto
def test_a_picture_that_changes_its_size_is_scaled_back(tmp_path, broker, city, report):
    film = tmp_path / "film.ts"
    whole = encode(tmp_path / "whole.ts", numbered(2 * FPS), "-c:v", "libx264")
    half = encode(tmp_path / "half.ts", numbered(6 * FPS, (160, 90)), "-c:v", "libx264")
    film.write_bytes(whole.read_bytes() + half.read_bytes())
    with FaultyUnit(tmp_path, broker, source=film) as unit:
        assert unit.ends() == 0, unit.log
    assert "320x180 px become 160x90: scaled back" in unit.log
    compare(report, "camera changes its size", city, unit, detail="whole unit; goes on")


# --- accelerator ----------------------------------------------------------------------------


@needs_mosquitto
def test_an_inference_that_fails_ends_the_process_with_11(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=20)
    with FaultyUnit(tmp_path, broker, source=film, fault="fails") as unit:
        assert unit.ends() == 11, unit.log
    assert_one_line(unit.log, "inference failed (RuntimeError)", "cable and power")
    assert "the device has gone" not in unit.log, "a foreign text may hold what is of a person"
    assert "a new interpreter (1 since the start)" in unit.log
    detail = "whole unit; a new interpreter, then ends with 11"
    compare(report, "accelerator fails from its fourth second on", city, unit, detail=detail)


@needs_mosquitto
def test_one_inference_that_fails_is_mended_by_a_new_interpreter(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=8)
    with FaultyUnit(tmp_path, broker, source=film, fault="fails-once") as unit:
        assert unit.ends() == 0, unit.log
    assert unit.log.count("a new interpreter") == 1
    detail = "whole unit; a new interpreter, goes on"
    compare(report, "accelerator fails once", city, unit, detail=detail)


@pytest.mark.slow
@needs_mosquitto
def test_an_inference_that_hangs_ends_the_process_with_11(tmp_path, broker, city, report):
    film = write_film(tmp_path / "film.avi", alive_s=30)
    with FaultyUnit(tmp_path, broker, source=film, fault="hangs") as unit:
        assert unit.ends() == 11, unit.log
    assert_one_line(unit.log, "has not ended for 10 s")
    detail = "whole unit; ends with 11 after 10 s"
    compare(report, "accelerator hangs in its fourth second", city, unit, detail=detail)


@pytest.mark.slow
@needs_mosquitto
def test_a_driver_that_kills_the_process_leaves_no_picture_and_the_next_start_counts(
    tmp_path, broker, city, report
):
    film = write_film(tmp_path / "film.avi", alive_s=20)
    with FaultyUnit(tmp_path, broker, source=film, fault="kills") as unit:
        assert unit.ends() == -signal.SIGABRT
    assert not list(tmp_path.glob("core*"))
    wait_until(lambda: city.statuses and not city.statuses[-1].online, what="the last will")
    film = write_film(tmp_path / "film.avi", alive_s=3)
    with FaultyUnit(tmp_path, broker, source=film) as unit:
        assert unit.ends() == 0, unit.log
    detail = "whole unit; no core file; the next start counts"
    compare(report, "accelerator kills the process", city, unit, detail=detail)


# --- clock ----------------------------------------------------------------------------------


@needs_mosquitto
@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)], ids=str)
def test_a_step_of_the_clock_is_followed_and_doubles_no_minute(
    tmp_path, broker, city, report, step
):
    begin = datetime(2026, 5, 4, 8, tzinfo=UTC)
    camera = NoiseCamera(seconds=305, fps=4)

    def utc_s() -> float:
        stepped = step if camera.now_s > 130 else timedelta()
        return (begin + stepped).timestamp() + camera.now_s

    clock = SystemClock(trusted=True, utc_s=utc_s, monotonic_s=lambda: camera.now_s)
    published: list[MinuteCount] = []
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
            worker=DetectionWorker(ExactDetector(camera, [])),
            pipeline=Pipeline(
                frame_size=camera.size,
                counts=counts,
                started_at_s=0,
                high_score=0.5,
                face_in_view=load_face_in_view(),
            ),
            deliver=deliver,
            timekeeper=Timekeeper(clock, Schedule(zone=ZoneInfo("Europe/Paris"))),
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
    with FaultyUnit(tmp_path, broker, source=film, state=disk / "state") as unit:
        assert unit.ends() == 0, unit.log
    assert "outbox" in unit.log
    compare(report, fault, city, unit, detail="whole unit; goes on with an outbox in memory")
