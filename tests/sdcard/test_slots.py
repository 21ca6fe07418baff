"""The scripts that choose a slot: RAUC's view of the firmware, and what a USB stick starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sdcard import boot, bundle
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


def test_the_slot_that_runs_and_whether_it_is_on_trial(firmware):
    assert firmware("get-current") == "a"
    with pytest.raises(subprocess.CalledProcessError):
        firmware("on-trial")
    firmware("set-primary", "b")
    firmware.runs("b")
    assert (firmware("get-current"), firmware("on-trial")) == ("b", "")


MINE = "maskcam-field"


class Stick:
    """A unit that runs version 0.2.0-2 in slot a, and a stick with updates.

    The programs that the script calls are played by others that write down how.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._write("run/cmdline", "quiet rauc.slot=a\n")
        self.now_runs("0.2.0-2")
        self._write("usr/lib/maskcam/compatible", f"{MINE}\n")
        shutil.copy(SLOTS, folder / "usr/lib/maskcam/slots")
        for name in ("boot/firmware", "run/data", "run/update", "bin"):
            (folder / name).mkdir(parents=True)
        for name in ("systemd-mount", "systemd-umount", "systemctl"):
            self._program(name, f'echo {name} "$@" >>"{folder}/calls"')
        # An update's file holds what RAUC says of it; an empty one is not signed by the city.
        info = 'cat "$3"; [ -s "$3" ]'
        install = f'[ ! -e "{folder}/broken" ]'
        self._program(
            "rauc",
            f'echo rauc "$@" >>"{folder}/calls"; if [ $1 = install ]; then {install}; '
            f"else {info}; fi",
        )

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _program(self, name: str, script: str) -> None:
        self._write(f"bin/{name}", f"#!/bin/sh\n{script}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def now_runs(self, version: str) -> None:
        self._write("usr/lib/maskcam/version", f"{version}\n")

    def put_in(self, compatible: str = MINE, **updates: str) -> str:
        """Looks at the stick once; returns the version that is installed and tried, or ""."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        for name, version in updates.items():
            facts = f"RAUC_MF_COMPATIBLE='{compatible}'\nRAUC_MF_VERSION='{version}'\n"
            self._write(f"run/update/{name}.raucb", facts if version else "")
        path = f"{self.folder}/bin{os.pathsep}{os.environ['PATH']}"
        variables = {
            "PATH": path,
            "MASKCAM_ROOT": str(self.folder),
            "MASKCAM_BOOT": str(self.folder / "boot/firmware"),
            "MASKCAM_CMDLINE": str(self.folder / "run/cmdline"),
        }
        done = subprocess.run(
            [sys.executable, SCRIPTS / "update.py", "sda1"],
            env=variables, check=False, capture_output=True, text=True,
        )  # fmt: skip
        self.said = done.stderr
        lines = calls.read_text().splitlines() if calls.exists() else []
        if lines and "systemd-mount" in lines[0]:
            assert any(line.startswith("systemd-umount") for line in lines)
        installed = [line.split()[2] for line in lines if line.startswith("rauc install")]
        rebooted = "systemctl reboot --reboot-argument=0 tryboot" in lines
        assert rebooted == (bool(installed) and done.returncode == 0)
        return Path(installed[0]).stem if installed else ""


@pytest.fixture
def stick(tmp_path) -> Stick:
    return Stick(tmp_path)


def test_an_update_is_installed_and_tried(stick):
    assert stick.put_in(new="0.3.0-1") == "new"


@pytest.mark.parametrize("version", ["0.2.0-2", "0.2.0-2+again", "0.2.0-1", "0.1.10-9", "0.2", "x"])
def test_only_a_newer_version_than_the_one_that_runs_is_installed(stick, version):
    assert stick.put_in(old=version) == ""
    assert f"{version} is not newer than what runs, 0.2.0-2: left" in stick.said


def test_sticks_that_stay_in_do_not_undo_each_other(stick):
    # Two, with a version each; the unit looks at one or the other after each restart.
    first, second = {"x": "0.3.0-1", "y": ""}, {"x": "", "y": "0.4.0-1"}
    runs = []
    for updates in (first, second) * 2:
        installed = stick.put_in(**updates)
        if installed:
            stick.now_runs(updates[installed])
        runs.append(installed)
    assert runs == ["x", "y", "", ""]


def test_a_second_stick_waits_for_the_first(stick):
    with (stick.folder / "usr/lib/maskcam/version").open() as version:
        fcntl.flock(version, fcntl.LOCK_EX)
        with ThreadPoolExecutor() as pool:
            second = pool.submit(stick.put_in, new="0.3.0-1")
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)
            fcntl.flock(version, fcntl.LOCK_UN)
            assert second.result(timeout=30) == "new"


def test_only_the_newest_of_several_is_taken(stick):
    assert stick.put_in(a="0.2.0-3", b="0.10.0-1", c="0.9.0-7") == "b"


def test_an_update_for_other_hardware_does_not_stop_the_right_one(stick):
    stick.put_in(compatible="maskcam-ci", aaa="0.9.0-1")
    assert "is for maskcam-ci, not for maskcam-field" in stick.said
    assert stick.put_in(zzz="0.3.0-1") == "zzz"


def test_an_update_that_is_not_signed_by_the_city_is_left(stick):
    assert stick.put_in(alien="", new="0.3.0-1") == "new"
    assert "alien.raucb: not signed by this unit's city" in stick.said


def test_an_update_that_does_not_work_is_not_tried_for_ever(stick):
    tries = [stick.put_in(new="0.3.0-1") for _ in range(5)]
    assert tries == ["new"] * 3 + [""] * 2
    assert "was tried 3 times and did not work" in stick.said
    assert stick.put_in(newer="0.4.0-1") == "newer"


def test_an_installation_that_fails_counts_too(stick):
    (stick.folder / "broken").touch()
    assert [stick.put_in(new="0.3.0-1") for _ in range(4)] == ["new"] * 3 + [""]


def test_a_success_is_no_failure(stick):
    assert "rm -f /run/data/tried" in (SCRIPTS / "trial").read_text()
    stick.put_in(new="0.3.0-1")
    assert (stick.folder / "run/data/tried").read_text() == "0.3.0-1\n"


def test_a_version_on_trial_installs_nothing(stick):
    # It would write over the slot that is known to be good.
    (stick.folder / "boot/firmware/tryboot.txt").write_text(boot.config_txt(CI, "a"))
    assert stick.put_in(new="0.3.0-1") == ""


def test_an_expired_key_is_not_made_young_by_the_time_that_its_signer_names():
    assert "use-bundle-signing-time=false" in bundle.system_conf(CI)
