"""The image boots on a machine model of a Raspberry Pi: SD card, dm-verity, a count by TLS.

QEMU's raspi3b has the SD host, USB and processor of a Pi 3, and no firmware: what the firmware
does is checked by its documented rules, in test_recipe.py and test_needs.py.
"""

from __future__ import annotations

import time

import pytest

from tests.broker import wait_until
from tests.sdcard.conftest import UNIT
from tests.sdcard.machine import Machine

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]

FIRST_COUNT_S = 300.0  # of the emulator's own time
BOOT_S = 3000.0
ARGUMENTS = "maxcpus=2"


def test_from_power_to_the_first_count(card, city, tmp_path):
    card.provision(city.folder())
    with (
        city.subscriber() as heard,
        Machine(card, tmp_path / "machine", pi=True, arguments=ARGUMENTS) as machine,
    ):

        def has_come(found) -> bool:
            assert machine.runs, machine.console[-3000:]
            assert "Kernel panic" not in machine.console, machine.console[-3000:]  # it only halts
            return bool(found())

        wait_until(
            lambda: has_come(lambda: heard.statuses),
            timeout_s=BOOT_S, what="a status", every_s=0.5,
        )  # fmt: skip
        status_s = machine.own_s
        wait_until(
            lambda: has_come(lambda: heard.received),
            timeout_s=BOOT_S, what="a count", every_s=0.5,
        )  # fmt: skip
        took_s, waited_s = machine.own_s, machine.up_s - machine.own_s
        print(
            f"\nraspi3b: first message {status_s:.0f} s, first count {took_s:.0f} s after "
            f"power-on, besides {waited_s:.0f} s in line"
        )
        assert {received.unit for received in heard.received} == {UNIT}
        assert took_s <= FIRST_COUNT_S
        time.sleep(1)
