"""An update comes on a USB stick, is tried once, and goes again if it does not work."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from image.disk import MIB
from image.release import SigningKey
from tests.broker import wait_until
from tests.image.conftest import ROOT
from tests.image.machine import Card, Machine

BOOT_S = 420.0
INSTALL_S = 1500.0

pytestmark = [pytest.mark.image, pytest.mark.timeout(3600)]


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


def _key() -> SigningKey:
    return SigningKey.throw_away(ROOT / "build/image/cache/signing")


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


def _installed(card: Card, stick: Path, place: Path) -> None:
    with Machine(card, place, stick=stick) as machine:
        assert machine.wait_until_off(INSTALL_S), machine.ask(only=["log"], log=60)
    assert b"os_prefix=a/" in (card.read("config.txt") or b"")
    assert b"os_prefix=b/" in (card.read("tryboot.txt") or b"")


def test_an_update_is_tried_and_stays(card, city, update, tmp_path):
    card.provision(city.folder())
    _installed(card, _stick(update, _key(), tmp_path / "stick"), tmp_path / "first")
    with city.subscriber() as heard, Machine(card, tmp_path / "second", trial=True) as machine:
        wait_until(lambda: heard.statuses, timeout_s=BOOT_S, what=machine.console)
        assert machine.ask(only=["slot"]) == {"slot": ["b"]}
        wait_until(
            lambda: b"os_prefix=b/" in (card.read("config.txt") or b""),
            timeout_s=900,
            what="the unit to find itself well",
        )
        assert card.read("tryboot.txt") is None


def test_an_update_that_does_not_start_goes_again(card, city, update, tmp_path):
    card.provision(city.folder())
    broken = tmp_path / "broken"
    subprocess.run(["cp", "-r", update, broken], check=True)
    with (broken / "root.img").open("r+b") as root:
        for part in range(1, 40):
            root.seek(part * 4 * MIB)
            root.write(b"\xff" * 64)
    _installed(card, _stick(broken, _key(), tmp_path / "stick"), tmp_path / "first")
    with Machine(card, tmp_path / "second", trial=True) as machine:
        assert machine.wait_until_off(BOOT_S), machine.console
    # The firmware reads tryboot.txt once; a start that nobody asked for takes config.txt.
    with Machine(card, tmp_path / "third") as machine:
        assert machine.ask(only=["slot"]) == {"slot": ["a"]}


def test_an_update_of_somebody_else_is_refused(card, city, update, tmp_path):
    card.provision(city.folder())
    stick = _stick(update, SigningKey.throw_away(tmp_path / "stranger"), tmp_path / "stick")
    with Machine(card, tmp_path / "machine", stick=stick) as machine:
        wait_until(
            lambda: any("signature" in line for line in machine.ask(only=["log"], log=400)["log"]),
            timeout_s=BOOT_S,
            what="the refusal",
        )
    assert card.read("tryboot.txt") is None
