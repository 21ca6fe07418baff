"""The unit as a process of its own: real model, real broker, a recorded street."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from maskcam.delivery.outbox import Outbox
from maskcam.delivery.wire import COUNT_BYTES
from maskcam.records import WindowKind
from tests.broker import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.reliability import Report

pytestmark = needs_mosquitto

SHORT = "tests.camera_unit.short_minutes"
CONFIG = """
[unit]
id = "forville-01"
site = "forville"
state_directory = "{state}"
clock = "{clock}"
[camera]
source = "{source}"
[broker]
host = "127.0.0.1"
port = {port}
[notice]
controller = "Ville de Cannes"
contact = "masques@cannes.test"
sign_date = 1970-01-01
"""


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A minute of an empty but textured street with living noise."""
    path = tmp_path_factory.mktemp("street") / "street.avi"
    rng = np.random.default_rng(3)
    blocks = rng.integers(30, 220, (18, 32, 3), np.uint8)
    picture = cv2.resize(blocks, (640, 360), interpolation=cv2.INTER_NEAREST)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 360))
    for _ in range(60 * 15):
        noise = rng.integers(0, 12, (90, 160, 3), np.uint8)
        writer.write(cv2.add(picture, cv2.resize(noise, (640, 360))))
    writer.release()
    return path


class Unit:
    """A running `maskcam run`; its standard error is kept."""

    def __init__(
        self, directory, *, source, port, clock="trusted", through=(), module=SHORT, log="log"
    ) -> None:
        directory.mkdir(exist_ok=True)
        config = directory / "maskcam.toml"
        config.write_text(
            CONFIG.format(state=directory / "state", source=source, port=port, clock=clock)
        )
        self.log = directory / log
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MASKCAM_")
        }
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                [*through, sys.executable, "-m", module, "run", "--config", str(config)],
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env=environment,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def stop(self, number=signal.SIGTERM) -> float:
        """Returns how long it took to end, s."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(10)
        return time.monotonic() - began_s


def test_a_stop_publishes_the_part_of_the_hour_within_two_seconds(tmp_path, street):
    with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
        with Unit(tmp_path / "unit", source=street, port=broker.port) as unit:
            wait_until(lambda: unit.says("has started as"), timeout_s=60, what="the unit's start")
            wait_until(lambda: unit.says("the first frame is counted"), what="counting")
            city.wait_for(4)
            took_s = unit.stop()
            assert unit.process.returncode == 0, unit.log.read_text()
        wait_until(lambda: city.received[-1].count.kind is WindowKind.HOUR, what="the hour")
        counts = [received.count for received in city.received]
    assert took_s < 2
    minutes = [count for count in counts if count.kind is WindowKind.COUNT]
    hours = [count for count in counts if count.kind is WindowKind.HOUR]
    assert len({count.start for count in minutes}) == len(minutes)
    assert sum(hour.minutes for hour in hours) == len(minutes)
    assert {count.run for count in counts} == {1}
    assert {len(message.payload) for message in city.messages if "status" not in message.topic} == {
        COUNT_BYTES
    }


def test_a_stop_ends_a_camera_that_is_just_being_opened(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        source = f"rtsp://127.0.0.1:{mute.getsockname()[1]}/street"
        with Unit(tmp_path, source=source, port=1) as unit:
            wait_until(lambda: unit.says("the model runs on"), timeout_s=60)
            time.sleep(0.5)
            assert unit.stop() < 2
    assert unit.process.returncode == 0


def test_a_second_process_on_one_state_directory_ends_with_2_and_one_line(
    tmp_path, street, record_property
):
    with Unit(tmp_path / "u", source=street, port=1) as first:
        wait_until(lambda: first.says("has started as"), timeout_s=60)
        with Unit(tmp_path / "u", source=street, port=1, log="log-2") as second:
            assert second.process.wait(60) == 2
        assert len(second.log.read_text().splitlines()) == 1
        assert "another maskcam counts with this state directory" in second.log.read_text()
        assert first.process.poll() is None
        first.process.kill()
        first.process.wait(10)
    detail = "the second ends with 2 and one line; the first goes on"
    Report(record_property).no_window("two processes on one state directory", detail=detail)
    with Unit(tmp_path / "u", source=street, port=1) as third:  # the lock went with the process
        wait_until(lambda: third.says("has started as"), timeout_s=60)


def test_without_a_clock_nothing_is_published(tmp_path, street):
    from maskcam.unit.clock import is_synchronised

    if is_synchronised():
        pytest.skip("needs a machine whose clock is not synchronised: the waiting cannot be shown")
    with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
        with Unit(tmp_path / "u", source=street, port=broker.port, clock="synchronised") as unit:
            wait_until(lambda: unit.says("connected to"), timeout_s=60)
            time.sleep(1)
            unit.stop()
        assert unit.says("the clock is not synchronised")
        assert city.received == []


@pytest.mark.parametrize(
    ("source", "code", "told"),
    [
        ("/nowhere/street.mp4", 1, "street.mp4"),
        ("v4l2:/dev/video99", 1, "/dev/video99"),
        ("picamera2", 1, "picamera2"),
    ],
)
def test_no_camera_is_one_line(tmp_path, source, code, told):
    with Unit(tmp_path, source=source, port=1) as unit:
        unit.process.wait(60)
    assert unit.process.returncode == code
    last = unit.log.read_text().splitlines()[-1]
    assert last.startswith("maskcam: ")
    assert told in last
    assert "Traceback" not in unit.log.read_text()


def test_an_unreachable_broker_does_not_stop_the_counting(tmp_path, street):
    with Unit(tmp_path / "u", source=street, port=1) as unit:
        wait_until(lambda: unit.says("has started as"), timeout_s=60)
        wait_until(lambda: unit.says("broker 127.0.0.1:1"), what="the complaint")
        wait_until(lambda: unit.says("the first frame is counted"), what="counting")
        time.sleep(2.5)
        assert unit.stop() < 2
        assert unit.process.returncode == 0
    with Outbox(tmp_path / "u/state", site="forville", unit="forville-01") as outbox:
        waiting = len(outbox)
    assert waiting >= 3  # two minutes and their hour, at least
    with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
        with Unit(tmp_path / "u", source=street, port=broker.port) as unit:
            city.wait_for(waiting + 1)
            unit.stop()
        counts = [received.count for received in city.received]
    assert {count.run for count in counts} == {1, 2}
    starts = [count.start for count in counts if count.kind is WindowKind.COUNT]
    assert sorted(set(starts)) == starts, "no minute has two tellers"
