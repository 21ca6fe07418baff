"""The service file is as closed as we say, and agrees with the program."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

from maskcam.errors import ConfigError
from maskcam.unit import ladder
from maskcam.unit.watchdog import Watchdog
from tests import needs

FILES = Path(__file__).parents[2] / "systemd"
SERVICE = FILES / "maskcam.service"
HIGHEST_EXPOSURE = 1.5


def settings(section: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False, comment_prefixes="#", delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented use
    parser.read(SERVICE)
    return dict(parser[section])


@needs.systemd_analyze
def test_the_exposure_is_low():
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", SERVICE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"Overall exposure level.*: ([\d.]+)", result.stdout)
    assert found, result.stderr
    assert float(found[1]) <= HIGHEST_EXPOSURE


@needs.systemd_analyze
def test_systemd_understands_every_line(tmp_path):
    """Programs that are not installed here are replaced; units that it needs are ours."""
    for unit in [*FILES.glob("*.service"), *FILES.glob("*.mount")]:
        program = re.compile(r"/(opt/maskcam/bin|usr/lib/maskcam)/[\w.]+")
        (tmp_path / unit.name).write_text(program.sub("/bin/true", unit.read_text()))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / SERVICE.name],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in result.stderr.splitlines() if "maskcam.service" in line]
    assert complaints == []


def test_the_ladder_is_run_as_root_after_each_end_and_in_time():
    command = settings("Service")["ExecStopPost"]
    ((rights, program, option, module),) = re.findall(r"^([+-]*)(\S+) (-m) (\S+)$", command)
    assert set(rights) == {"+", "-"}, "as root, and its failure does not matter"
    assert (program, option) == ("/opt/maskcam/bin/python3", "-m")
    assert module == ladder.__name__
    longest_s = ladder.POWERLESS_S + ladder.UNPLUGGED_S
    assert int(settings("Service")["TimeoutStopSec"]) >= 2 * longest_s


def test_failures_in_a_row_start_the_machine_again():
    unit = settings("Unit")
    assert unit["StartLimitAction"] == "reboot"
    assert 3 <= int(unit["StartLimitBurst"]) <= 10
    assert settings("Service")["Restart"] == "always"


def test_windows_are_published_with_the_right_time_and_the_start_does_not_wait_for_the_broker():
    after = settings("Unit")["After"].split()
    assert "time-sync.target" in after
    assert not any("mosquitto" in unit for unit in after)


def test_systemd_waits_longer_than_the_program_feeds_it():
    seconds = int(settings("Service")["WatchdogSec"])
    assert Watchdog(limits_s={}).interval_s <= seconds / 3


def test_a_wrong_configuration_is_not_tried_again():
    assert settings("Service")["RestartPreventExitStatus"] == str(ConfigError.exit_code)


def test_the_hardware_watchdog_fits_a_pi():
    text = (FILES / "system.conf.d" / "maskcam-watchdog.conf").read_text()
    found = re.search(r"RuntimeWatchdogSec=(\d+)", text)
    assert found
    assert int(found[1]) <= 15


@pytest.mark.parametrize("ids", [("1a6e", "089a"), ("18d1", "9302")])
def test_both_ids_of_the_coral_are_known(ids):
    rules = (FILES / "udev" / "60-maskcam-coral.rules").read_text()
    line = next(line for line in rules.splitlines() if f'"{ids[0]}"' in line)
    assert f'"{ids[1]}"' in line
    assert 'ATTR{power/control}="on"' in line
