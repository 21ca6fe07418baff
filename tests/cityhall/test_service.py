from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from maskcam.cityhall.commands import main
from tests import needs

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["collector", "dashboard"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    hall = tmp_path / "hall"
    assert main(["init", "--directory", str(hall), "--host", "mqtt.test"]) == 0
    return hall / f"server/maskcam-{request.param}.service"


@needs.systemd_analyze
def test_the_service_is_little_exposed(service: Path) -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(service)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= 1.5


@needs.systemd_analyze
def test_systemd_finds_no_fault_in_the_service(service: Path, tmp_path: Path) -> None:
    # It also checks that the program exists, which is not installed here.
    installed = tmp_path / service.name
    installed.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", service.read_text()))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    faults = [line for line in verified.stderr.splitlines() if service.name in line]
    assert faults == []


def test_the_commands_in_the_page_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "docs/cityhall.md").read_text()
    commands = set(re.findall(r"maskcam cityhall ([a-z][a-z-]+)", text))
    assert {"serve", "init", "add-unit", "revoke-unit", "demo", "backup"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0, command
    capsys.readouterr()


def test_a_command_does_not_say_what_alembic_loads() -> None:
    parts = "maskcam.cityhall.commands, maskcam.cityhall.database"
    code = f"import logging; logging.basicConfig(level='INFO'); import {parts}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_missing_configuration_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--config", str(tmp_path / "none.toml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
