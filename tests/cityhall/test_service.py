from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from maskcam.cityhall.commands import main
from tests import needs

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "systemd/maskcam-cityhall.service"


@needs.systemd_analyze
def test_the_service_is_little_exposed() -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(SERVICE)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= 1.5


@needs.systemd_analyze
def test_systemd_finds_no_fault_in_the_service(tmp_path: Path) -> None:
    # It also checks that the program exists, which is not installed here.
    installed = tmp_path / SERVICE.name
    installed.write_text(SERVICE.read_text().replace("/opt/maskcam/bin/maskcam", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    faults = [line for line in verified.stderr.splitlines() if SERVICE.name in line]
    assert faults == []


def test_the_commands_in_the_service_and_in_the_page_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = SERVICE.read_text() + (ROOT / "docs/cityhall.md").read_text()
    commands = set(re.findall(r"maskcam cityhall ([a-z][a-z-]+)", text))
    assert {"serve", "init", "add-unit", "revoke-unit", "demo", "backup"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0, command
    capsys.readouterr()


def test_a_missing_configuration_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--config", str(tmp_path / "none.toml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
