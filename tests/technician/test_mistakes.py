"""Ten mistakes of a hurried technician: each ends in one line, in French, that says what to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import date, timedelta

import pytest
from gpiozero.pins.mock import MockFactory

from maskcam import config, messages
from maskcam.camera.video import VideoCamera
from maskcam.technician import card as cards
from maskcam.technician import provisioning, selfcheck
from maskcam.technician.checks import delivery, machine
from maskcam.unit.lamp import Lamp

from .conftest import issue
from .wall_camera import WallCamera
from .wrong_folders import FOLDER_FAULTS, SCRIPT, edit, give

ENGLISH = re.compile(r"\b(the|is|are|not|use|with|copy|check|write|from|and)\b")


@pytest.fixture(autouse=True)
def french(folder):
    edit(folder, '# language = "en"', 'language = "fr" #')
    with messages.language("fr"):
        yield


def set_up(card, folder) -> str:
    """What the laptop says; it is one line, and the card stays as it was."""
    result = subprocess.run(
        [sys.executable, "-S", "-E", SCRIPT, "--plain", card, folder],
        capture_output=True, text=True, timeout=60, check=False,
        env={"LANG": "fr_FR.UTF-8", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert result.returncode == 2
    *lines, last = result.stderr.splitlines()
    assert last == "rien n'a été changé sur la carte"
    assert len(lines) == 1, lines
    return lines[0]


def test_1_the_wrong_folder(card, folder, tmp_path):
    assert set_up(card, tmp_path / "rien").endswith("donnez celui de la mairie")
    units = folder.parent
    line = set_up(card, units)
    assert "contient des dossiers d'appareils (forville-01" in line
    holidays = tmp_path / "vacances"
    holidays.mkdir()
    (holidays / "plage.jpg").write_bytes(b"\xff\xd8")
    assert "maskcam.toml manque dans" in set_up(card, holidays)


def test_1_the_folder_of_all_units_as_city_hall_makes_it(card, folder):
    units = folder.parent / "units"
    for unit in ("forville-01", "forville-02"):
        shutil.copytree(folder, units / unit / provisioning.FOLDER)
    line = set_up(card, units)
    assert "(forville-01/maskcam, forville-02/maskcam) ; donnez l'un d'eux" in line


def test_2_the_key_of_another_unit(card, folder, authority):
    give(folder, issue("forville-02", by=authority))
    line = set_up(card, folder)
    assert 'certificat de "forville-02", mais l\'appareil est "forville-01"' in line
    assert line.endswith("prenez le dossier fait pour cet appareil")


def test_3_the_clock_of_the_laptop_is_wrong(card, folder, authority):
    give(folder, issue("forville-01", by=authority, valid_from_days=3))
    line = set_up(card, folder)
    assert line.endswith(f"à la date de cette machine, {date.today()} ; réglez la date")
    give(folder, issue("forville-01", by=authority, valid_from_days=-9, valid_to_days=-3))
    assert "réglez la date si elle est fausse" in set_up(card, folder)


def test_3_a_clock_so_wrong_that_the_authority_has_expired(card, folder):
    old = issue("City authority", authority=True, valid_from_days=-9, valid_to_days=-3)
    (folder / "ca.crt").write_bytes(old.pem)
    line = set_up(card, folder)
    assert f"à la date de cette machine, {date.today()} ; réglez la date si elle est fausse" in line


def test_4_a_full_card(card, folder, monkeypatch):
    room = os.statvfs(card)
    full = os.statvfs_result([*room[:4], 10, *room[5:]])
    monkeypatch.setattr(os, "statvfs", lambda path: full)
    with pytest.raises(
        provisioning.ProvisioningError, match=r"est pleine : il faut \d+ Kio libres ; retirez"
    ):
        cards.set_up(card, folder, plain=True)


def test_5_lines_of_another_system_do_no_harm(card, folder):
    path = folder / "maskcam.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    [line] = cards.set_up(card, folder, plain=True)
    assert line.endswith("écrit et relu ; démontez maintenant la carte")


def test_6_dates_in_french_form(card, folder):
    edit(folder, "sign_date = 2026-05-01", "sign_date = 01/05/2026")
    line = set_up(card, folder)
    assert re.search(r"ligne \d+ : sign_date = 01/05/2026 : les dates", line)
    assert line.endswith("les dates s'écrivent 2026-11-01, sans guillemets")


def test_7_a_missing_lamp():
    factory = MockFactory()
    with Lamp(17, pin_factory=factory):  # in use: as good as absent
        line = selfcheck.as_line(machine.lamp(17, pin_factory=factory))
    factory.reset()
    assert line.startswith("À REVOIR     lampe")
    assert "l'appareil compte sans lampe -> éteignez et rallumez" in line


def test_8_the_cable_of_the_camera_is_out(folder):
    loaded = config.load(folder / "maskcam.toml", environment={})
    probes = selfcheck.Probes(
        load_model=lambda: pytest.fail("not needed"),
        open_camera=lambda size: WallCamera(fails=True),
    )
    first = next(selfcheck._frame_findings(loaded, probes, None))
    line = selfcheck.as_line(first)
    assert line.startswith("À REVOIR     caméra       pas de caméra Raspberry Pi ;")
    assert line.endswith("vérifiez la nappe de la caméra aux deux bouts, puis éteignez et rallumez")


@pytest.mark.parametrize("source", ["/dev/video9", "v4l2:/dev/video9", "v4l2:/dev/null"])
def test_8_a_usb_camera_is_not_plugged_in(folder, source):
    edit(folder, '# source = "picamera2"', f'source = "{source}" #')
    loaded = config.load(folder / "maskcam.toml", environment={})
    probes = selfcheck.Probes(
        load_model=lambda: pytest.fail("not needed"),
        open_camera=lambda size: VideoCamera(source, rgb_size=size),
    )
    line = selfcheck.as_line(next(selfcheck._frame_findings(loaded, probes, None)))
    assert line.endswith("vérifiez le câble de la caméra aux deux bouts, puis éteignez et rallumez")
    assert not ENGLISH.search(line), line


def test_9_the_name_of_the_broker_is_wrong(folder):
    edit(folder, "mqtt.cannes.test", "mqtt.canes.test")
    loaded = config.load(folder / "maskcam.toml", environment={})
    line = selfcheck.as_line(delivery.network(loaded))
    assert "mqtt.canes.test" in line
    assert "ce nom n'est pas connu" in line or "pas de réponse" in line
    assert "vérifiez le câble réseau ou la carte SIM" in line


def test_10_the_sign_goes_up_later(card, folder):
    later = date.today() + timedelta(days=5)
    edit(folder, "sign_date = 2026-05-01", f"sign_date = {later}")
    note = cards.set_up(card, folder, plain=True)[1]
    assert note == f"l'affiche est posée le {later} : avant ce jour l'appareil ne compte pas"
    loaded = config.load(folder / "maskcam.toml", environment={})
    line = selfcheck.as_line(delivery.sign(loaded, today=date.today()))
    assert f"posée le {later} : personne n'est compté avant" in line


@pytest.mark.parametrize("case", FOLDER_FAULTS)
def test_no_fault_of_a_folder_is_shown_in_english(case, folder, authority, card):
    spoil, _ = FOLDER_FAULTS[case]
    spoil(folder, authority)
    with pytest.raises(provisioning.ProvisioningError) as caught:
        cards.set_up(card, folder, plain=True)
    [line] = str(caught.value).splitlines()
    said = line.replace(str(folder), "")
    assert not ENGLISH.search(re.sub(r'"[^"]*"|\b\w+_\w+\b|= .*?:', "", said)), line


def test_a_locale_does_where_the_configuration_says_nothing(folder, card):
    edit(folder, 'language = "fr" #', "#")
    (folder / "ca.crt").unlink()
    result = subprocess.run(
        [sys.executable, "-S", "-E", SCRIPT, "--plain", card, folder],
        capture_output=True, text=True, timeout=60, check=False,
        env={"LANG": "fr_FR.UTF-8", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert "ca.crt manque dans" in result.stderr
    shutil.rmtree(folder)
