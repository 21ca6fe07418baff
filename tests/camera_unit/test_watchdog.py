"""The keep-alive is sent while all parts live, to a real socket."""

from __future__ import annotations

import socket

import pytest

from maskcam.unit import watchdog
from maskcam.unit.watchdog import Watchdog


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_notify_reaches_systemd(systemd):
    assert watchdog.notify("READY=1")
    assert systemd.recv(100) == b"READY=1"


def test_an_abstract_socket_works():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0maskcam-test")
        listener.settimeout(1)
        assert watchdog.notify("READY=1", environment={"NOTIFY_SOCKET": "@maskcam-test"})
        assert listener.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens():
    assert not watchdog.notify("READY=1", environment={})
    assert not watchdog.notify("READY=1", environment={"NOTIFY_SOCKET": "/nowhere/socket"})


def test_it_feeds_at_its_interval(systemd):
    dog = Watchdog(limits_s={"frame": 5}, interval_s=4)
    dog.alive("frame", at_s=0)
    assert dog.feed(at_s=0, status="counting")
    assert systemd.recv(100) == b"WATCHDOG=1\nSTATUS=counting"
    assert not dog.feed(at_s=3, status="counting")
    dog.alive("frame", at_s=4)
    assert dog.feed(at_s=4, status="counting")


def test_a_stalled_part_silences_it(systemd):
    dog = Watchdog(limits_s={"frame": 5, "inference": 10}, interval_s=1)
    dog.alive("frame", at_s=0)
    dog.alive("inference", at_s=0)
    dog.alive("frame", at_s=11)
    assert dog.stalled(at_s=11) == ["inference"]
    assert not dog.feed(at_s=11, status="counting")
    dog.alive("inference", at_s=11)
    assert dog.feed(at_s=11, status="counting")


def test_a_part_that_never_begins_stalls_too():
    dog = Watchdog(limits_s={"frame": 5})
    assert dog.stalled(at_s=100) == []
    assert dog.stalled(at_s=106) == ["frame"]
