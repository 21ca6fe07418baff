"""An update comes on a USB stick, is tried once, and goes again if it does not work."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sdcard.disk import MIB, ROOT_B
from sdcard.release import SigningKey
from tests.broker import wait_until
from tests.sdcard.conftest import ROOT
from tests.sdcard.machine import Card, Machine

BOOT_S = 900.0
INSTALL_S = 2400.0
TRIAL_S = 1500.0

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]


def _key() -> SigningKey:
    return SigningKey.throw_away(ROOT / "build/image/cache/signing")


@pytest.fixture(scope="module")
def update(image, tmp_path_factory) -> Path:
    """The content of the update that was built with the image, under another version."""
    bundle = image.with_name(image.name.replace(".img.zst", ".raucb"))
    folder = tmp_path_factory.mktemp("update") / "content"
    keyring = f"--keyring={_key().certificate}"
    subprocess.run(["rauc", "extract", keyring, bundle, folder], check=True, capture_output=True)
    manifest = folder / "manifest.raucm"
    text = manifest.read_text()
    version = next(line for line in text.splitlines() if line.startswith("version="))
    manifest.write_text(text.replace(version, "version=9.9.9"))
    return folder


def _stick(content: Path, key: SigningKey, place: Path) -> Path:
    """A USB stick with an update."""
    place.mkdir()
    bundle = place / "update.raucb"
    pair = f"--cert={key.certificate}", f"--key={key.key}"
    subprocess.run(["rauc", "bundle", *pair, content, bundle], check=True, capture_output=True)
    stick = place / "stick"
    with stick.open("wb") as file:
        file.truncate(bundle.stat().st_size + 32 * MIB)
    subprocess.run(["mkfs.vfat", stick], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", stick, bundle, "::"], check=True)
    return stick


@pytest.fixture(scope="module")
def installed(flashed, city, update, tmp_path_factory) -> Card:
    """A card on which an update was installed from a stick, and that is to start it on trial."""
    place = tmp_path_factory.mktemp("installed")
    card = flashed.copy(place / "card")
    card.provision(city.folder())
    stick = _stick(update, _key(), place / "stick")
    with Machine(card, place / "machine", stick=stick) as machine:
        assert machine.wait_until_off(INSTALL_S), machine.ask(only=["log"], log=60)
        print(f"\ninstalled {machine.up_s:.0f} s after power-on")
    assert b"os_prefix=a/" in (card.read("config.txt") or b"")
    assert b"os_prefix=b/" in (card.read("tryboot.txt") or b"")
    return card


@pytest.fixture
def updated(installed, tmp_path) -> Card:
    """Such a card, of the test's own."""
    return installed.copy(tmp_path / "card")


def test_an_update_that_works_stays(updated, city, tmp_path):
    with city.subscriber() as heard, Machine(updated, tmp_path / "trial", trial=True) as machine:
        wait_until(lambda: heard.statuses, timeout_s=BOOT_S, what="a status", every_s=1)
        assert machine.ask(only=["slot"]) == {"slot": ["b"]}
        wait_until(
            lambda: b"os_prefix=b/" in (updated.read("config.txt") or b""),
            timeout_s=TRIAL_S,
            what="the unit to find itself well",
            every_s=5,
        )
        print(f"\nfound good {machine.up_s:.0f} s after power-on")
    assert updated.read("tryboot.txt") is None


def test_an_update_that_does_not_start_goes_again(updated, tmp_path):
    for part in range(1, 40):  # wherever it is looked at first
        updated.overwrite(ROOT_B.start_mib * MIB + part * 4 * MIB, b"\xff" * 64)
    with Machine(updated, tmp_path / "trial", trial=True) as machine:
        assert machine.wait_until_off(BOOT_S), machine.console
    # The firmware reads tryboot.txt once; a start that nobody asked for takes config.txt.
    with Machine(updated, tmp_path / "after") as machine:
        assert machine.ask(only=["slot"]) == {"slot": ["a"]}


def test_an_update_that_does_not_reach_its_broker_goes_again(updated, city, tmp_path):
    city.broker.stop()
    minute = "systemd.setenv=MASKCAM_TRIAL_ROUNDS=6"  # in place of a quarter of an hour
    try:
        with Machine(updated, tmp_path / "trial", trial=True, arguments=minute) as machine:
            assert machine.ask(only=["slot"]) == {"slot": ["b"]}
            assert machine.wait_until_off(BOOT_S), machine.ask(only=["log"], log=60)
    finally:
        city.broker.start()
    assert b"os_prefix=a/" in (updated.read("config.txt") or b"")


def test_an_update_of_somebody_else_is_refused(card, city, update, tmp_path):
    card.provision(city.folder())
    stick = _stick(update, SigningKey.throw_away(tmp_path / "stranger"), tmp_path / "stick")
    with Machine(card, tmp_path / "machine", stick=stick) as machine:
        wait_until(
            lambda: any("signature" in line for line in machine.ask(only=["log"], log=400)["log"]),
            timeout_s=BOOT_S,
            what="the refusal",
            every_s=5,
        )
    assert card.read("tryboot.txt") is None
