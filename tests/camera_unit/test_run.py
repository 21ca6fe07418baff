"""The unit as a process of its own: real model, real broker, a recorded street."""

from __future__ import annotations

import socket
import time

import pytest

from maskcam.delivery.outbox import Outbox
from maskcam.delivery.wire import COUNT_BYTES
from maskcam.records import WindowKind
from tests.broker import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.camera_unit.running_unit import RunningUnit, write_film
from tests.reliability import Report

pytestmark = needs_mosquitto


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """A minute of an empty but textured street."""
    return write_film(tmp_path_factory.mktemp("street") / "street.avi", alive_s=60)


def test_a_stop_publishes_the_part_of_the_hour_within_two_seconds(tmp_path, street):
    with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
        with RunningUnit(tmp_path / "unit", source=street, port=broker.port) as unit:
            wait_until(lambda: unit.says("has started as"), timeout_s=60, what="the unit's start")
            wait_until(lambda: unit.says("the first frame is counted"), what="counting")
            city.wait_for(4)
            took_s = unit.stop()
            assert unit.process.returncode == 0, unit.log
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
        with RunningUnit(tmp_path, source=source, port=1) as unit:
            wait_until(lambda: unit.says("the model runs on"), timeout_s=60)
            time.sleep(0.5)
            assert unit.stop() < 2
    assert unit.process.returncode == 0


def test_a_second_process_on_one_state_directory_ends_with_2_and_one_line(
    tmp_path, street, record_property
):
    with RunningUnit(tmp_path / "u", source=street, port=1) as first:
        wait_until(lambda: first.says("has started as"), timeout_s=60)
        with RunningUnit(tmp_path / "u", source=street, port=1, log="log-2") as second:
            assert second.ends() == 2
        assert len(second.log.splitlines()) == 1
        assert "another maskcam counts with this state directory" in second.log
        assert first.process.poll() is None
        first.process.kill()
        first.process.wait(10)
    detail = "the second ends with 2 and one line; the first goes on"
    Report(record_property).no_window("two processes on one state directory", detail=detail)
    with RunningUnit(
        tmp_path / "u", source=street, port=1
    ) as third:  # the lock went with the process
        wait_until(lambda: third.says("has started as"), timeout_s=60)


def test_without_a_clock_nothing_is_published(tmp_path, street):
    from maskcam.unit.clock import is_synchronised

    if is_synchronised():
        pytest.skip("needs a machine whose clock is not synchronised: the waiting cannot be shown")
    with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
        with RunningUnit(
            tmp_path / "u", source=street, port=broker.port, clock="synchronised"
        ) as unit:
            wait_until(lambda: unit.says("connected to"), timeout_s=60)
            time.sleep(1)
            unit.stop()
        assert unit.says("the clock is not synchronised")
        assert city.received == []


@pytest.mark.parametrize(
    ("source", "code", "named"),
    [
        ("/nowhere/street.mp4", 1, "street.mp4"),
        ("v4l2:/dev/video99", 1, "/dev/video99"),
        ("picamera2", 1, "picamera2"),
    ],
)
def test_no_camera_is_one_line(tmp_path, source, code, named):
    with RunningUnit(tmp_path, source=source, port=1) as unit:
        unit.process.wait(60)
    assert unit.process.returncode == code
    last = unit.log.splitlines()[-1]
    assert last.startswith("maskcam: ")
    assert named in last
    assert "Traceback" not in unit.log


def test_an_unreachable_broker_does_not_stop_the_counting(tmp_path, street):
    with RunningUnit(tmp_path / "u", source=street, port=1) as unit:
        wait_until(lambda: unit.says("has started as"), timeout_s=60)
        wait_until(lambda: unit.says("broker 127.0.0.1:1"), what="the complaint")
        wait_until(lambda: unit.says("the first frame is counted"), what="counting")
        outbox_file = tmp_path / "u/state/outbox.log"
        # one of three may be an hour: a minute lasts a second, and one may end in between
        wait_until(lambda: outbox_file.read_bytes().count(b"waits") >= 3, what="two minutes")
        assert unit.stop() < 2
        assert unit.process.returncode == 0
    with Outbox(tmp_path / "u/state", site="forville", unit="forville-01") as outbox:
        waiting = len(outbox)
    assert waiting >= 3  # and mostly the part of the hour, from the stop
    with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
        with RunningUnit(tmp_path / "u", source=street, port=broker.port) as unit:
            city.wait_for(waiting + 1)
            unit.stop()
        counts = [received.count for received in city.received]
    assert {count.run for count in counts} == {1, 2}
    starts = [count.start for count in counts if count.kind is WindowKind.COUNT]
    assert sorted(set(starts)) == starts, "no minute is published twice"
