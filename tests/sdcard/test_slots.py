"""The scripts that choose a slot: RAUC's view of the firmware, and what a USB stick starts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sdcard import boot
from sdcard.profiles import CI
from tests.sdcard.conftest import ROOT

SCRIPTS = ROOT / "sdcard/overlay/usr/lib/maskcam"
SLOTS = SCRIPTS / "slots"


class Firmware:
    """A boot partition, and what RAUC asks of it."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "config.txt").write_text(boot.config_txt(CI, "a"))
        self.runs("a")

    def runs(self, slot: str) -> None:
        (self.folder / "cmdline").write_text(f"quiet rauc.slot={slot}\n")

    def __call__(self, *arguments: str) -> str:
        variables = {
            "PATH": os.environ["PATH"],
            "MASKCAM_BOOT": str(self.folder),
            "MASKCAM_CMDLINE": str(self.folder / "cmdline"),
        }
        done = subprocess.run(
            ["sh", SLOTS, *arguments], env=variables, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def text(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_text() if path.exists() else None


@pytest.fixture
def firmware(tmp_path) -> Firmware:
    return Firmware(tmp_path)


def test_a_new_card_starts_slot_a(firmware):
    assert firmware("get-primary") == "a"


def test_a_new_slot_starts_on_trial_only(firmware):
    firmware("set-primary", "b")
    assert firmware("get-primary") == "b"
    assert firmware.text("config.txt") == boot.config_txt(CI, "a")
    assert firmware.text("tryboot.txt") == boot.config_txt(CI, "b")


def test_a_slot_that_works_stays(firmware):
    firmware("set-primary", "b")
    firmware.runs("b")
    firmware("set-state", "b", "good")
    assert firmware.text("config.txt") == boot.config_txt(CI, "b")
    assert firmware.text("tryboot.txt") is None


def test_a_slot_is_not_found_good_before_it_runs(firmware):
    firmware("set-primary", "b")
    firmware("set-state", "b", "good")
    assert firmware.text("config.txt") == boot.config_txt(CI, "a")


def test_a_bad_slot_is_forgotten(firmware):
    firmware("set-primary", "b")
    firmware("set-state", "b", "bad")
    assert firmware("get-primary") == "a"
    assert firmware.text("tryboot.txt") is None


class Stick:
    """A unit that runs version 1 in slot a, and a stick with updates (name: version).

    The programs that the script calls are played by others that write down how.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._write("proc/cmdline", "quiet rauc.slot=a\n")
        self._write("usr/lib/maskcam/version", "1\n")
        for name in ("boot/firmware", "run/data", "run/update", "bin"):
            (folder / name).mkdir(parents=True)
        for name in ("mount", "umount", "systemctl"):
            self._program(name, f'echo {name} "$@" >>"{folder}/calls"')
        # An update's file holds its version; without one its signature is not the city's.
        told = 'sed "s/.*/RAUC_MF_VERSION=\'&\'/" "$3"; [ -s "$3" ]'
        self._program(
            "rauc", f'echo rauc "$@" >>"{folder}/calls"; [ $1 = install ] || {{ {told}; }}'
        )

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _program(self, name: str, script: str) -> None:
        self._write(f"bin/{name}", f"#!/bin/sh\n{script}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def put_in(self, **updates: str) -> list[str]:
        """Returns what the script has done of it, once."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        for name, version in updates.items():
            self._write(f"run/update/{name}.raucb", version)
        path = f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            ["sh", SCRIPTS / "update", "sda1"],
            env={"PATH": path, "MASKCAM_ROOT": str(self.folder)},
            check=True,
        )
        done = calls.read_text().splitlines() if calls.exists() else []
        return [line.split()[1] for line in done if line.startswith(("rauc install", "systemctl"))]


@pytest.fixture
def stick(tmp_path) -> Stick:
    return Stick(tmp_path)


def test_an_update_is_installed_and_tried(stick):
    assert stick.put_in(new="2") == ["install", "reboot"]


def test_the_version_that_runs_is_not_installed_again(stick):
    assert stick.put_in(same="1") == []


def test_an_update_that_is_not_signed_by_the_city_is_left(stick):
    assert stick.put_in(alien="", new="2") == ["install", "reboot"]
    assert "alien" not in (stick.folder / "calls").read_text().split("install")[1]


def test_an_update_that_does_not_work_is_not_tried_for_ever(stick):
    tries = [stick.put_in(new="2") for _ in range(5)]
    assert tries == [["install", "reboot"]] * 3 + [[]] * 2
    assert stick.put_in(newer="3") == ["install", "reboot"]


def test_a_version_on_trial_installs_nothing(stick):
    # It would write over the slot that is known to be good.
    (stick.folder / "boot/firmware/tryboot.txt").write_text(boot.config_txt(CI, "a"))
    assert stick.put_in(new="2") == []
