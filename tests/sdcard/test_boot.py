"""The image boots, counts, publishes, and lets nobody in."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from sdcard.disk import DATA, MIB, ROOT_A
from tests.broker import wait_until
from tests.sdcard.conftest import UNIT
from tests.sdcard.machine import BROKER_HOST, MEMORY_MIB, Machine

pytestmark = [pytest.mark.image, pytest.mark.timeout(7200)]

FIRST_MESSAGE_S = 120.0
BOOT_S = 4800.0  # of this machine, which may be busy
EXPOSURE = 1.5


@pytest.fixture(scope="module")
def running(flashed, city, tmp_path_factory):
    """A unit that has run for a while, and what city hall has heard of it."""
    place = tmp_path_factory.mktemp("running")
    card = flashed.copy(place / "card")
    card.provision(city.folder())
    with city.subscriber() as heard, Machine(card, place / "machine", sees=True) as machine:
        yield machine, heard


@pytest.fixture(scope="module")
def inside(running, city):
    """What the unit looks like from inside while it counts."""
    machine, heard = running
    wait_until(lambda: heard.received, timeout_s=BOOT_S, what="a count", every_s=0.5)
    return machine.ask(reach=[[BROKER_HOST, city.port], [BROKER_HOST, city.inner_port]], log=200)


def test_the_first_message_comes_in_time(running):
    machine, heard = running
    wait_until(lambda: heard.statuses, timeout_s=BOOT_S, what="a status", every_s=0.5)
    took_s, waited_s = machine.own_s, machine.up_s - machine.own_s
    print(f"\nfirst message {took_s:.0f} s after power-on, besides {waited_s:.0f} s in line")
    assert heard.statuses[0].online
    assert took_s <= FIRST_MESSAGE_S


def test_counts_that_fit_the_schema_arrive(running):
    machine, heard = running
    # `received` decodes by the published schema, and raises where it is broken.
    wait_until(
        lambda: sum(received.count.people or 0 for received in heard.received) > 0,
        timeout_s=BOOT_S,
        what="people",
        every_s=0.5,
    )
    print(f"\nfirst people {machine.own_s:.0f} s after power-on")
    assert {received.unit for received in heard.received} == {UNIT}
    assert max(received.count.observed_s for received in heard.received) > 0


def test_windows_carry_the_time_servers_time(running):
    # The board woke up years ago; what it counted before it knew the time is not dated wrongly.
    _, heard = running
    now = datetime.now(UTC)
    for received in heard.received:
        assert now - timedelta(hours=1) < received.count.start <= now


def test_the_screen_shows_the_id_and_nothing_else(running, inside):
    machine, _ = running
    # Without what systemd says to the terminal itself: reset, size, colours.
    shown = re.sub(r"\x1b\[[0-9;?!]*[A-Za-z]|\x1b\][^\x07]*\x07|[\r\x00]", "", machine.console)
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    assert lines, "the screen is empty"
    assert all(re.fullmatch(rf"maskcam [\d.]+: {UNIT}", line) for line in lines), lines


def test_nothing_can_be_written_but_memory_and_data(inside):
    mounts = {where: (what, options.split(",")) for what, where, _, options in inside["mounts"]}
    assert mounts["/"][0] == "/dev/mapper/root"
    assert "ro" in mounts["/"][1]
    assert all(inside["not_writable"].values()), inside["not_writable"]
    on_card = {where for where, (what, _) in mounts.items() if what.startswith("/dev/vd")}
    assert on_card == {
        "/boot/firmware",
        "/run/data",
        "/var/lib/private",
        "/var/lib/systemd/timesync",
    }
    assert "ro" in mounts["/boot/firmware"][1]


def test_nothing_listens(inside):
    # The client of DHCP has a socket of its own; the packet filter lets only leases in.
    assert [line for line in inside["listening"] if ":68 " not in line] == []


def test_only_the_broker_is_reached(inside, city):
    assert inside["reached"][f"{BROKER_HOST}:{city.port}"] == ""
    assert inside["reached"][f"{BROKER_HOST}:{city.inner_port}"] != ""


def test_pixels_cannot_reach_a_disk(inside):
    assert inside["swaps"] == []
    assert inside["core_pattern"].startswith("|/usr/bin/false")
    assert not inside["journal_on_disk"]


def test_no_login(inside):
    units = " ".join(inside["running"])
    assert not re.search(r"getty|ssh|login", units)


def test_the_service_is_hardened_and_well(inside):
    print(f"\nexposure {inside['exposure']}; {inside['maskcam']}; {inside['memory']}")
    assert inside["exposure"] <= EXPOSURE
    assert inside["maskcam"]["ActiveState"] == "active"
    assert inside["failed"] == []


def test_memory(inside):
    assert inside["memory"]["MemTotal"] <= MEMORY_MIB * 1024
    assert inside["memory"]["MemAvailable"] > MEMORY_MIB * 1024 // 3
    assert int(inside["maskcam"]["MemoryPeak"]) < 600 * MIB


def test_provisioned_files_are_for_root_only(inside):
    assert inside["provisioned"] == dict.fromkeys(
        ["ca.crt", "client.crt", "client.key", "maskcam.toml"], "0o600"
    )


def test_a_power_cut_is_reported_by_the_last_will(running, inside):
    machine, heard = running
    before = len(heard.statuses)
    machine.cut_power()
    wait_until(lambda: len(heard.statuses) > before, timeout_s=60, what="the last will")
    assert not heard.statuses[-1].online


def test_a_changed_root_is_refused(card, city, tmp_path):
    card.provision(city.folder())
    for part in range(1, 40):  # wherever it is looked at first
        card.overwrite(ROOT_A.start_mib * MIB + part * 4 * MIB, b"\xff" * 64)
    with city.subscriber() as heard, Machine(card, tmp_path / "machine") as machine:
        assert machine.wait_until_off(300), machine.console
        assert "verity" in machine.console or "trusted" in machine.console, machine.console
        assert not any(status.online for status in heard.statuses)


def test_without_its_folder_a_unit_does_not_count_and_says_why(card, city, tmp_path):
    with city.subscriber() as heard, Machine(card, tmp_path / "machine") as machine:
        wait_until(
            lambda: "maskcam.toml is missing" in machine.console,
            timeout_s=BOOT_S,
            what="the reason on the screen",
            every_s=0.5,
        )
        time.sleep(20)  # for whoever would try again
        inside = machine.ask(only=["maskcam", "failed", "log"], log=1000)
        assert inside["maskcam"]["ActiveState"] == "inactive"
        assert inside["maskcam"]["NRestarts"] == "0"
        # The second one has said why, and ends where no lamp is to be blinked with.
        failed = {line.split()[0] for line in inside["failed"]}
        assert failed == {"maskcam-prepare.service", "maskcam-unconfigured.service"}
        tries = [line for line in inside["log"] if "Starting maskcam: this unit's" in line]
        assert len(tries) == 1, tries
        assert machine.console.count("maskcam.toml is missing") == 1
        assert not any(status.online for status in heard.statuses)
        assert not heard.received


def test_a_broken_data_partition_is_made_anew(card, city, tmp_path):
    card.provision(city.folder())
    card.overwrite(DATA.start_mib * MIB, b"\xa5" * (2 * MIB))
    with city.subscriber() as heard, Machine(card, tmp_path / "machine") as machine:
        wait_until(lambda: heard.received, timeout_s=BOOT_S, what="counts", every_s=0.5)
        inside = machine.ask(only=["failed", "log", "mounts"], log=1000)
        assert any("making it anew" in line for line in inside["log"])
        assert "/run/data" in {where for _, where, *_ in inside["mounts"]}
        assert inside["failed"] == []
