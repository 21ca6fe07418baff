"""At the unit's own screen: check, aim, nothing else; by itself it goes on to count."""

from __future__ import annotations

import configparser
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from maskcam import config
from maskcam.technician import console
from maskcam.technician.terminal import Keys

SYSTEMD = Path(__file__).parents[2] / "systemd"


class Typed:
    """A terminal at which these keys are pressed; None: nobody is there."""

    def __init__(self, *keys):
        self._keys = list(keys)
        self.lines, self.waits = [], []

    def key(self, timeout_s):
        self.waits.append(timeout_s)
        return self._keys.pop(0)

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def settle(tmp_path):
    def settled(**replacements):
        text = config.example()
        for old, new in replacements.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "maskcam.toml"
        path.write_text(text, encoding="utf-8")
        return config.load(path, environment={})

    return settled


def attend(settings, terminal, *, run=lambda name: None):
    console.attend(settings, terminal, run=run)


def test_where_nobody_is_counting_begins_by_itself(settle):
    terminal = Typed(None)
    attend(settle(), terminal)
    assert "forville-01" in terminal.lines[0]
    assert terminal.lines[-1] == "counting begins"
    assert terminal.waits == [console.UNTOUCHED_S]


def test_a_technician_checks_and_aims_as_often_as_needed(settle):
    terminal, ran = Typed("1", "2", "x", "1", "3"), []
    answers = iter([None, None, "see above"])

    def run(name):
        ran.append(name)
        return next(answers)

    attend(settle(), terminal, run=run)
    assert ran == ["check", "aim", "check"]
    assert terminal.lines.count("all is well") == 1
    assert sum(line.startswith("not all is well") for line in terminal.lines) == 1
    assert terminal.waits == [console.UNTOUCHED_S] + [console.UNATTENDED_S] * 4


def test_aiming_that_fails_is_shown_and_the_technician_goes_on(settle):
    terminal = Typed("2", None)
    attend(settle(), terminal, run=lambda name: "no camera: check the cable")
    assert "aim: no camera: check the cable" in terminal.lines
    assert terminal.lines[-1] == "counting begins"


@pytest.mark.parametrize("name", ["check", "aim"])
def test_each_command_has_a_process_of_its_own(name, tmp_path, monkeypatch, capfd):
    """A process can open a Raspberry Pi's camera only once, and a technician looks twice."""
    seen = tmp_path / "seen"
    (tmp_path / "maskcam").mkdir()
    (tmp_path / "maskcam/__init__.py").touch()
    (tmp_path / "maskcam/__main__.py").write_text(
        "import os, sys\n"
        f"print(os.getpid(), *sys.argv[1:], file=open({str(seen)!r}, 'a'))\n"
        "print('at the terminal')\n"
        "sys.exit('maskcam: the cable is out')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert console.run_command(name, Path("unit.toml")) == "the cable is out"
    processes = {line.split()[0] for line in seen.read_text().splitlines()}
    assert len(processes) == 2
    assert str(os.getpid()) not in processes
    assert f"{name} --config unit.toml" in seen.read_text()
    assert capfd.readouterr() == ("at the terminal\n" * 2, "maskcam: the cable is out\n" * 2)


def test_a_locked_unit_shows_its_id_and_asks_nothing(settle):
    terminal = Typed()
    attend(settle(**{"# aim = true": "aim = false"}), terminal)
    [line] = terminal.lines
    assert line.endswith("forville-01")


def test_it_is_refused_where_there_is_no_terminal(tmp_path):
    path = tmp_path / "maskcam.toml"
    path.write_text(config.example(), encoding="utf-8")
    with Path(os.devnull).open() as nothing:
        result = subprocess.run(
            [sys.executable, "-m", "maskcam", "console", "--config", path],
            stdin=nothing, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 2
    assert "needs a terminal" in result.stderr


def test_keys_of_a_real_terminal():
    ours, theirs = pty.openpty()
    try:
        with Keys(theirs, theirs) as keys:
            assert keys.key(0.05) is None
            os.write(ours, b"3")  # before the question: not meant
            threading.Timer(0.3, os.write, (ours, b"1")).start()
            assert keys.key(20) == "1"
            keys.say("counting begins")
            assert os.read(ours, 100) == b"counting begins\r\n"
            os.close(ours)
            assert keys.key(1) is None
    finally:
        os.close(theirs)


def section(name, part):
    parser = configparser.RawConfigParser(strict=False, comment_prefixes="#", delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented use
    parser.read(SYSTEMD / name)
    return parser[part]


def test_counting_is_off_while_it_runs_and_comes_after_it():
    assert section("maskcam-console.service", "Unit")["Before"] == "maskcam.service"
    service = section("maskcam-console.service", "Service")
    assert service["Type"] == "oneshot"  # the next one waits for its end
    assert service["RemainAfterExit"] == "yes"
    command = service["ExecStart"].split()
    assert command[1:3] == ["console", "--config"]


def test_the_check_reaches_all_that_the_unit_reaches():
    own, unit = (
        (SYSTEMD / f"{name}.service").read_text() for name in ("maskcam-console", "maskcam")
    )
    for line in unit.splitlines():
        if line.startswith(("DeviceAllow=", "WorkingDirectory=", "SupplementaryGroups=")):
            assert line in own.splitlines()


def test_its_service_is_as_closed_as_the_unit_itself():
    own, unit = (section(f"{name}.service", "Service") for name in ("maskcam-console", "maskcam"))
    opened = {"LimitMEMLOCK", "ProtectProc", "IPAddressDeny", "IPAddressAllow"}
    missing = {key for key in unit if key.startswith(("Protect", "Restrict", "Lock"))} - set(own)
    assert missing <= opened
