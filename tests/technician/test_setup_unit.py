"""Each wrong input to set-up is one clear line, and the card stays as it was."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from maskcam.technician import card as cards
from maskcam.technician import provisioning
from tests import needs

from .conftest import issue
from .wrong_folders import FOLDER_FAULTS, SCRIPT, edit, give

# Without site-packages: the script must do with the standard library.
BARE = [sys.executable, "-S", "-E", str(SCRIPT)]


def run(*arguments, bare: bool = True) -> subprocess.CompletedProcess[str]:
    command = BARE if bare else [sys.executable, str(SCRIPT)]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def snapshot(path: Path):
    if not path.is_dir():
        return path.exists()
    return {
        str(entry.relative_to(path)): (entry.stat().st_mtime_ns, entry.read_bytes())
        if entry.is_file()
        else entry.stat().st_mtime_ns
        for entry in [path, *sorted(path.rglob("*"))]
    }


@pytest.mark.parametrize("case", FOLDER_FAULTS)
def test_a_wrong_folder_is_one_line_and_nothing_is_written(case, folder, card, authority):
    spoil, expected = FOLDER_FAULTS[case]
    spoil(folder, authority)
    before = snapshot(card)
    with pytest.raises(provisioning.ProvisioningError) as caught:
        cards.set_up(card, folder, plain=True)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert expected in lines[0]
    assert snapshot(card) == before


def no_card(card):
    shutil.rmtree(card)


def card_is_a_file(card):
    shutil.rmtree(card)
    card.write_text("")


def not_flashed(card):
    (card / "cmdline.txt").unlink()


@pytest.mark.parametrize(
    ("spoil", "arguments", "expected"),
    [
        (no_card, ["--plain"], "no card there"),
        (card_is_a_file, ["--plain"], "is not a folder"),
        (not_flashed, ["--plain"], "not a unit's boot partition (no cmdline.txt)"),
        (lambda card: None, [], "no card is mounted there"),
    ],
)
def test_a_wrong_card_is_one_line(spoil, arguments, expected, folder, card):
    spoil(card)
    before = snapshot(card)
    result = run(*arguments, card, folder)
    assert result.returncode == 2
    fault, last = result.stderr.splitlines()
    assert expected in fault
    assert last == "nothing was changed on the card"
    assert snapshot(card) == before


def test_a_wrong_call_is_one_line():
    result = run("card")
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert "arguments are required: folder" in line


def test_a_missing_folder_is_one_line(folder, card):
    result = run("--plain", card, folder / "none")
    assert "no such folder" in result.stderr.splitlines()[0]


def test_a_folder_that_holds_the_right_one_is_one_line(folder, card):
    (folder / "maskcam").mkdir()
    for name in provisioning.FILES:
        (folder / name).rename(folder / "maskcam" / name)
    fault, _ = run("--plain", card, folder).stderr.splitlines()
    assert fault == f"{folder}: one folder too high; give {folder / 'maskcam'}"


@pytest.mark.parametrize(
    ("system", "expected"), [("ext4", "is ext4, not the card's FAT partition"), ("vfat", None)]
)
def test_only_a_fat_partition_is_a_card(system, expected, folder, card, tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(f"36 35 98:0 / {card} rw,noatime - {system} /dev/mmcblk0p1 rw\n")
    if expected is None:
        cards.set_up(card, folder, mounts=table)
    else:
        with pytest.raises(provisioning.ProvisioningError, match=expected):
            cards.set_up(card, folder, mounts=table)


@pytest.fixture
def in_small_file_system(card, folder):
    """Runs set-up on a copy of the card that is a tmpfs of its own."""

    def run_there(*, size: str, then: str = "true"):
        point = card.parent / "mounted"
        point.mkdir()
        steps = (
            f"mount -t tmpfs -o size={size} tmpfs {point} && cp -r {card}/. {point} && {then}; "
            f"cp -r {point} {point}.before; {shlex.join(BARE)} --plain {point} {folder}; "
            f"code=$?; diff -r {point} {point}.before || exit 99; exit $code"
        )
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", steps.replace("POINT", str(point))],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run_there


@needs.mounts
def test_a_full_card_is_one_line(in_small_file_system):
    result = in_small_file_system(size="128k")
    assert result.returncode == 2, result.stdout + result.stderr
    assert "is full: " in result.stderr.splitlines()[0]


@needs.mounts
def test_a_read_only_card_is_one_line(in_small_file_system):
    result = in_small_file_system(size="2m", then="mount -o remount,ro POINT")
    assert result.returncode == 2, result.stdout + result.stderr
    assert "is read-only" in result.stderr.splitlines()[0]


@pytest.mark.parametrize("bare", [True, False])
def test_a_right_folder_is_on_the_card_and_nothing_else(bare, folder, card):
    (folder / "README.txt").write_text("from city hall")
    result = run("--plain", card, folder, bare=bare)
    assert result.returncode == 0, result.stderr
    assert "written and read back" in result.stdout
    assert sorted(path.name for path in (card / "maskcam").iterdir()) == sorted(provisioning.FILES)
    for name in provisioning.FILES:
        assert (card / "maskcam" / name).read_bytes() == (folder / name).read_bytes()
    assert sorted(path.name for path in card.iterdir()) == ["cmdline.txt", "config.txt", "maskcam"]


def test_it_can_be_done_again(folder, card):
    for _ in range(2):
        cards.set_up(card, folder, plain=True)
    assert sorted(path.name for path in card.iterdir()) == ["cmdline.txt", "config.txt", "maskcam"]


@pytest.mark.parametrize("failing", ["maskcam.new", "maskcam"])
def test_a_card_that_fails_while_writing_keeps_what_it_had(failing, folder, card, monkeypatch):
    before = {name: data for name, data in snapshot(card).items() if not isinstance(data, int)}
    rename = Path.rename

    def broken(path, target):
        if path.name == failing:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(provisioning.ProvisioningError, match=r"Input/output error.*as it was"):
        cards.set_up(card, folder, plain=True)
    after = {name: data for name, data in snapshot(card).items() if not isinstance(data, int)}
    assert after == before


def test_a_card_that_reads_back_wrong_is_refused(folder, card, monkeypatch):
    written = card / "maskcam.new" / "maskcam.toml"
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: written.write_bytes(b"x"))
    with pytest.raises(provisioning.ProvisioningError, match="reads back differently"):
        cards.set_up(card, folder, plain=True)
    assert (card / "maskcam" / "maskcam.toml").read_text() == "# the one before\n"


def test_a_card_that_loses_what_it_renames_keeps_what_it_had(folder, card, monkeypatch):
    rename = Path.rename

    def losing(path, target):
        if path.name == "maskcam.new":
            (path / "client.key").unlink()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", losing)
    with pytest.raises(provisioning.ProvisioningError, match=r"client\.key reads back"):
        cards.set_up(card, folder, plain=True)
    assert (card / "maskcam" / "maskcam.toml").read_text() == "# the one before\n"


def test_a_run_that_was_cut_between_two_renames_is_mended(folder, card):
    (card / "maskcam").rename(card / "maskcam.old")
    cards.set_up(card, folder, plain=True)
    assert sorted(path.name for path in card.iterdir()) == ["cmdline.txt", "config.txt", "maskcam"]


def test_several_faults_are_reported_together(folder, card):
    edit(folder, '"forville-01"', '"Forville"')
    (card / "config.txt").unlink()
    with pytest.raises(provisioning.ProvisioningError) as caught:
        cards.set_up(card, folder, plain=True)
    assert len(str(caught.value).splitlines()) == 2


def test_certificates_that_expire_soon_are_mentioned(folder, card, authority):
    give(folder, issue("forville-01", by=authority, valid_to_days=10))
    assert "expire in 10 days" in cards.set_up(card, folder, plain=True)[1]


def test_a_sign_that_is_not_up_yet_is_mentioned(folder, card):
    edit(folder, "sign_date = 2026-05-01", "sign_date = 2999-05-01")
    assert "before this day the unit does not count" in cards.set_up(card, folder, plain=True)[1]


@pytest.mark.parametrize("case", FOLDER_FAULTS)
def test_a_bare_laptop_says_what_the_unit_would_say(case, folder, authority, card):
    spoil, _ = FOLDER_FAULTS[case]
    spoil(folder, authority)
    with pytest.raises(provisioning.ProvisioningError) as caught:
        provisioning.examine_folder(folder, today=datetime.now().astimezone().date())
    *faults, last = run("--plain", card, folder).stderr.splitlines()
    assert faults == str(caught.value).splitlines()
    assert last == "nothing was changed on the card"
