"""What is tried, and in which order, with a machine made of files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from maskcam.unit.ladder import IN_A_ROW_S, REBOOT_AFTER_S, Ladder, is_to_blame

BEFORE, AFTER = ("1a6e", "089a"), ("18d1", "9302")
DISK = ("0781", "5583")


class Machine:
    """A Raspberry Pi 4 in /sys: each socket is a port of hub 1-1 (USB 2) and of hub 2 (USB 3)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.devices = root / "sys/bus/usb/devices"
        self.at_s = 5000.0
        self.reboots = 0
        self.written: list[tuple[str, str]] = []
        self._folder("usb1", ("1d6b", "0002"))
        self._folder("usb2", ("1d6b", "0003"))
        self._folder("1-1", ("2109", "3431"))
        self._port("1-0:1.0/usb1-port1")
        self._holds("1-0:1.0/usb1-port1", "1-1")
        for number in range(1, 5):
            slow, fast = f"1-1:1.0/1-1-port{number}", f"2-0:1.0/usb2-port{number}"
            self._port(slow)
            self._port(fast)
            (self.devices / slow / "peer").symlink_to(self.devices / fast)
            (self.devices / fast / "peer").symlink_to(self.devices / slow)

    def plug(self, ids: tuple[str, str], *, socket: int) -> Path:
        """Plugs a USB 3 device in."""
        device = self._folder(f"2-{socket}", ids)
        self._holds(f"2-0:1.0/usb2-port{socket}", f"2-{socket}")
        return device

    def ladder(self) -> Ladder:
        return Ladder(
            root=self.root,
            state=self.root / "ladder.json",
            at_s=lambda: self.at_s,
            wait=self._look,
            reboot=self._reboot,
        )

    def fails(self, *, after_s: float = 30.0) -> None:
        self.at_s += after_s
        self.ladder().climb()

    def off(self) -> set[str]:
        return {path.parent.name for path in self.devices.glob("*/*-port*/disable")
                if path.is_file() and path.read_text() == "1"}  # fmt: skip

    def _look(self, seconds: float) -> None:
        """Notes how things are while the ladder waits."""
        for path in self.devices.glob("*/authorized"):
            if path.read_text() == "0":
                self.written.append((path.parent.name, "not authorised"))
        self.written += [(name, "off") for name in sorted(self.off())]

    def _reboot(self) -> None:
        self.reboots += 1

    def _folder(self, name: str, ids: tuple[str, str]) -> Path:
        folder = self.devices / name
        folder.mkdir(parents=True)
        (folder / "idVendor").write_text(f"{ids[0]}\n")
        (folder / "idProduct").write_text(f"{ids[1]}\n")
        (folder / "authorized").write_text("1")
        return folder

    def _port(self, name: str) -> None:
        (self.devices / name).mkdir(parents=True)
        (self.devices / name / "disable").write_text("0")

    def _holds(self, port: str, device: str) -> None:
        (self.devices / port / "device").symlink_to(self.devices / device)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_it_climbs_step_by_step_and_counts_in_the_journal(machine, caplog):
    machine.plug(AFTER, socket=1)
    for _ in range(4):
        machine.fails()
    assert [record.getMessage() for record in caplog.records] == [
        f"accelerator: failure {row} in a row: {step} (1 since the machine was started)"
        for row, step in enumerate(
            ("a new process", "authorised anew on USB", "port power off and on", "reboot"), 1
        )
    ]
    assert machine.reboots == 1


def test_a_failure_long_after_the_last_begins_at_the_bottom(machine, caplog):
    machine.plug(AFTER, socket=1)
    machine.fails()
    machine.fails(after_s=IN_A_ROW_S + 1)
    assert machine.written == []
    assert "failure 1 in a row: a new process (2 since" in caplog.text


@pytest.mark.parametrize("ids", [BEFORE, AFTER])
def test_the_coral_is_authorised_anew(machine, ids):
    device = machine.plug(ids, socket=2)
    machine.plug(DISK, socket=3)
    machine.ladder().authorise()
    assert machine.written == [("2-2", "not authorised")]
    assert (device / "authorized").read_text() == "1"


def test_a_coral_that_is_not_seen_is_no_error(machine, caplog):
    machine.ladder().authorise()
    assert "sees no Coral" in caplog.text


def test_all_sockets_but_those_of_others_lose_their_power_for_a_while(machine):
    """A Pi 4 cuts the power only when all four are off."""
    machine.plug(AFTER, socket=1)
    machine.ladder().switch_power()
    sockets = {f"{hub}-port{number}" for hub in ("1-1", "usb2") for number in range(1, 5)}
    assert {name for name, _ in machine.written} == sockets
    assert machine.off() == set()


def test_the_power_of_a_disk_is_left_on(machine):
    """The system may run from it. It has a port at either speed."""
    machine.plug(AFTER, socket=1)
    machine.plug(DISK, socket=3)
    machine.ladder().switch_power()
    names = {name for name, _ in machine.written}
    assert names.isdisjoint({"1-1-port3", "usb2-port3", "usb1-port1"})
    assert {"1-1-port1", "usb2-port1"} <= names


def test_a_coral_that_vanished_is_looked_for_on_the_ports_that_seem_empty(machine):
    machine.ladder().switch_power()
    assert {"usb2-port1", "1-1-port4"} <= {name for name, _ in machine.written}


def test_a_kernel_without_port_switches_is_no_error(tmp_path, caplog):
    Ladder(root=tmp_path, state=tmp_path / "state", wait=lambda seconds: None).switch_power()
    assert "no USB port of this machine can be switched" in caplog.text


def test_a_port_that_refuses_does_not_stop_the_ladder(machine, caplog):
    port = machine.devices / "1-1:1.0/1-1-port1/disable"
    port.unlink()
    port.mkdir()
    machine.ladder().switch_power()
    assert "1-1-port1/disable cannot be set to 1 (Is a directory)" in caplog.text
    assert machine.off() == set()


def test_the_machine_is_not_started_again_and_again(machine):
    machine.plug(AFTER, socket=1)
    machine.at_s = 0.0
    for _ in range(6):
        machine.fails(after_s=60)
    assert machine.reboots == 0
    machine.fails(after_s=REBOOT_AFTER_S - machine.at_s)
    assert machine.reboots == 1


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_damaged_memory_is_forgotten(machine, content, caplog):
    (machine.root / "ladder.json").write_text(content)
    machine.fails()
    assert "failure 1 in a row" in caplog.text
    assert json.loads((machine.root / "ladder.json").read_text())["row"] == 1


@pytest.mark.parametrize(
    ("code", "status", "to_blame"),
    [
        ("exited", "11", True),
        ("killed", "ABRT", True),
        ("dumped", "SEGV", True),
        ("exited", "10", False),
        ("exited", "0", False),
        ("exited", "1", False),
        ("exited", "2", False),
        ("killed", "TERM", False),
        ("killed", "KILL", False),
        ("", "", False),
    ],
)
def test_only_the_accelerator_is_to_blame(code, status, to_blame):
    assert is_to_blame({"EXIT_CODE": code, "EXIT_STATUS": status}) is to_blame


def test_it_is_light_and_says_nothing_after_other_ends():
    """It runs at each stop of the unit, on a small machine."""
    watch = (
        "import runpy, sys\n"
        "try: runpy.run_module('maskcam.unit.ladder', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'numpy', 'cv2', 'ai_edge_litert'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch],
        env={**os.environ, "EXIT_CODE": "exited", "EXIT_STATUS": "0"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
