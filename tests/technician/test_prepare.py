"""At boot a right folder goes to memory, a wrong one is reported by the lamp and in words."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from maskcam import config
from maskcam.cli import main
from maskcam.technician import prepare, provisioning
from tests.broker import wait_until

from .conftest import issue
from .wrong_folders import FOLDER_FAULTS, edit, give

# What only a clock can decide; at boot it is not set.
DATED = {"over", "expired authority", "expired certificate", "not valid yet"}


@pytest.fixture
def memory(tmp_path) -> Path:
    return tmp_path / "run" / "maskcam"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_right_folder_is_in_memory_for_its_owner_only(folder, memory):
    (folder / "notes.txt").write_text("from city hall")
    assert main(["prepare", str(folder), "--output", str(memory)]) == 0
    assert sorted(path.name for path in memory.iterdir()) == sorted(provisioning.FILES)
    assert mode(memory) == 0o700
    for name in provisioning.FILES:
        assert mode(memory / name) == 0o600
        assert (memory / name).read_bytes() == (folder / name).read_bytes()
    assert config.load(memory / "maskcam.toml", environment={}).broker.ca == memory / "ca.crt"


@pytest.mark.parametrize("case", sorted(set(FOLDER_FAULTS) - DATED))
def test_a_wrong_folder_is_one_line_and_takes_what_was_there_away(
    case, folder, memory, authority, capsys
):
    prepare.prepare(folder, memory)
    spoil, expected = FOLDER_FAULTS[case]
    spoil(folder, authority)
    assert main(["prepare", str(folder), "--output", str(memory)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert expected in line
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize("case", sorted(DATED))
def test_a_unit_without_the_time_judges_no_date(case, folder, memory, authority):
    spoil, _ = FOLDER_FAULTS[case]
    spoil(folder, authority)
    if case == "expired authority":  # its certificates must still be its own
        old = issue("Old", authority=True, valid_from_days=-9, valid_to_days=-1)
        (folder / "ca.crt").write_bytes(old.pem)
        give(folder, issue("forville-01", by=old, valid_from_days=-9, valid_to_days=-2))
    prepare.prepare(folder, memory)
    assert (memory / "client.key").exists()


def test_without_the_time_the_chain_is_still_judged(folder, memory, authority):
    give(folder, issue("forville-01", by=issue("Another", authority=True)))
    with pytest.raises(provisioning.ProvisioningError, match=r"not issued by ca\.crt"):
        prepare.prepare(folder, memory)


def test_an_empty_card_says_so(tmp_path, memory, capsys):
    assert main(["prepare", str(tmp_path / "none"), "--output", str(memory)]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_memory_that_cannot_be_written_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["prepare", str(folder), "--output", str(tmp_path / "file" / "maskcam")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "cannot be written" in line


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("[lamp]\ngpio = 22\n", 22),
        ("[lamp]\ngpio = 22\n[unknown]\n", 22),
        ("[lamp]\n", None),
        ("[lamp]\ngpio = 99\n", None),
        ("lamp = 3\n", None),
        ("[lamp\n", prepare.GUIDE_GPIO),
        (None, prepare.GUIDE_GPIO),
    ],
)
def test_the_lamp_is_found_in_a_configuration_that_is_wrong(tmp_path, text, pin):
    if text is not None:
        (tmp_path / "maskcam.toml").write_text(text)
    assert prepare.lamp_pin(tmp_path) == pin


BLINKING = """
import sys, threading, time
from gpiozero import Device
from gpiozero.pins.mock import MockFactory
from maskcam.cli import main
from maskcam.unit.lamp_codes import Fault
pins = Device.pin_factory = MockFactory()
def count():
    flashes = 0
    while flashes < Fault.CONFIGURATION:
        time.sleep(0.05)
        states = list(pins.pin(17).states)
        flashes = sum(state.state == 1 for state in states)
    print("flashed", flashes, flush=True)
threading.Thread(target=count, daemon=True).start()
sys.exit(main(["prepare", sys.argv[1], "--blink"]))
"""


def test_a_unit_that_is_not_configured_blinks_and_says_why(tmp_path):
    """One round of the code: eight flashes."""
    card, console, flashes = tmp_path / "card", tmp_path / "console", tmp_path / "flashes"
    card.mkdir()
    with console.open("wb") as errors, flashes.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", BLINKING, card], stdout=out, stderr=errors
        )
    try:
        wait_until(lambda: flashes.read_text() == "flashed 8\n", timeout_s=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 2
    finally:
        process.kill()
    first, fault = console.read_text().splitlines()
    assert "not configured and does not count" in first
    assert "maskcam.toml is missing" in fault


def test_a_unit_that_is_configured_does_not_blink(folder, capsys):
    assert main(["prepare", str(folder), "--blink"]) == 0
    assert capsys.readouterr().err == ""


def test_a_byte_order_mark_and_lines_of_another_system_do_no_harm(folder, memory):
    path = folder / "maskcam.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    prepare.prepare(folder, memory)
    assert config.load(memory / "maskcam.toml", environment={}).unit.id == "forville-01"


def test_a_name_that_a_computer_lengthened_is_named(folder, memory):
    (folder / "ca.crt").rename(folder / "ca.crt.txt")
    with pytest.raises(provisioning.ProvisioningError, match=r"called ca\.crt\.txt"):
        prepare.prepare(folder, memory)


def test_values_are_judged_at_boot_too(folder, memory):
    edit(folder, "# fps = 30 ", "fps = 900 ")
    with pytest.raises(provisioning.ProvisioningError, match=r"\[camera\] fps = 900"):
        prepare.prepare(folder, memory)
