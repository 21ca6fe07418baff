"""The power is cut again and again while windows are closed: none may be lost."""

from __future__ import annotations

import os
import random
import runpy
import time
from contextlib import contextmanager

import pytest

from maskcam.records import MinuteCount
from tests.broker import wait_until
from tests.sdcard.conftest import ROOT
from tests.sdcard.machine import Machine

CUTS = int(os.environ.get("MASKCAM_POWER_CUTS", "20"))
BOOT_S = 900.0
# The load stands in for the unit; nobody is at its screen, and its broker stays where it is.
LOAD = "maskcam.load systemd.mask=maskcam-console.service systemd.mask=maskcam-broker.timer"

pytestmark = [pytest.mark.image, pytest.mark.timeout(600 + CUTS * 600)]


def test_power_cuts_lose_no_window(card, city, tmp_path):
    """Every third time city hall's broker is away meanwhile, so that windows pile up."""
    window = runpy.run_path(str(ROOT / "sdcard/ci/usr/lib/maskcam-ci/load.py"))["window"]
    card.provision(city.folder())
    chance = random.Random(7)
    closed: list[int] = []
    starts_s = []
    with city.subscriber() as heard:
        for cut in range(CUTS):
            away = cut % 3 == 2
            if away:
                city.broker.stop()
            with _started(card, tmp_path) as machine:
                starts_s.append(machine.own_s)
                assert machine.ask(only=["failed"]) == {"failed": []}
                time.sleep(chance.uniform(0, 8))
                machine.cut_power()
                published = _published(machine)
            if away:
                city.broker.start()
            assert not set(published) & set(closed), "a window was closed twice"
            closed += published
            print(
                f"\ncut {cut + 1}: up in {starts_s[-1]:.0f} s, {len(published)} windows", flush=True
            )
        with _started(card, tmp_path) as machine:  # now it may say all that it has to
            last = _published(machine)[-1]
            wait_until(
                lambda: last in _minutes(heard), timeout_s=BOOT_S, what="the backlog", every_s=1
            )
        stored = _minutes(heard)
    lost = set(closed) - set(stored)
    invented = [minute for minute, count in stored.items() if count != window(minute)]
    print(
        f"\n{CUTS} power cuts: {len(closed)} windows closed, {len(lost)} lost, "
        f"{len(invented)} invented, {len(heard.received) - len(stored)} twice; "
        f"up in {min(starts_s):.0f} to {max(starts_s):.0f} s"
    )
    assert not lost
    assert not invented


@contextmanager
def _started(card, place):
    """A unit that has closed its first windows."""
    with Machine(card, place / "machine", arguments=LOAD) as machine:
        wait_until(
            lambda: len(machine.load) > 10,
            timeout_s=BOOT_S,
            what="windows to be closed",
            every_s=0.1,
        )
        yield machine


def _published(machine) -> list[int]:
    """The windows that were on disk before they were published, by minutes since 1970."""
    return [int(line.split()[1]) for line in machine.load]


def _minutes(heard) -> dict[int, MinuteCount]:
    """What city hall has, by minutes since 1970."""
    return {
        int(received.count.start.timestamp()) // 60: received.count for received in heard.received
    }
