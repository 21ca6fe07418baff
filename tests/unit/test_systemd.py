"""The service file is as closed as we say, and agrees with the program."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from maskcam.errors import ConfigError
from maskcam.unit.watchdog import Watchdog

FILES = Path(__file__).parents[2] / "systemd"
SERVICE = FILES / "maskcam.service"
HIGHEST_EXPOSURE = 1.5


def settings(section: str) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False, comment_prefixes="#", delimiters="=")
    parser.optionxform = str
    parser.read(SERVICE)
    return dict(parser[section])


def test_the_exposure_is_low():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", SERVICE],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    found = re.search(r"Overall exposure level.*: ([\d.]+)", result.stdout)
    assert found, result.stderr
    assert float(found[1]) <= HIGHEST_EXPOSURE


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
