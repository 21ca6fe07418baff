"""What the tests of the image need: the image itself, a broker with TLS, a provisioned card."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.broker import MOSQUITTO, Mosquitto, Subscriber, free_port
from tests.certificates import Authority
from tests.sdcard import network
from tests.sdcard.machine import BROKER_HOST, EMULATOR, Card

ROOT = Path(__file__).parents[2]
ACCESS = ROOT / "docs/mqtt/maskcam.acl"
SITE, UNIT = "forville", "forville-01"

CONFIG = """\
[unit]
id = "{unit}"
site = "{site}"

[camera]
source = "/usr/share/maskcam/street.mp4"
fps = 12

[detector]
threads = 1    # an emulated processor that waits for another one costs as much as one that works

[counting]
exact = true

[broker]
host = "{host}"
port = {port}
ca = "ca.crt"
certificate = "client.crt"
key = "client.key"
keepalive_s = 3600    # of the board's time, which may go slower than the broker's

[notice]
controller = "Ville de Cannes"
contact = "masques@cannes.test"
sign_date = 2026-05-01

[technician]
aim = false
"""


@pytest.fixture(scope="session")
def image() -> Path:
    """The ci image, as scripts/test --image builds it."""
    path = Path(os.environ.get("MASKCAM_IMAGE", ROOT / "build/maskcam-ci.img.zst"))
    if not path.exists():
        pytest.fail(f"{path} is missing: scripts/build-image --profile ci --output {path}")
    if EMULATOR is None:
        pytest.fail("qemu-system-aarch64 is missing: apt-get install qemu-system-arm")
    return path


class Place(NamedTuple):
    host: str
    port: int


class City:
    """City hall: certificates, a broker that asks for them, and a subscriber.

    The broker listens twice, since the unit and the subscriber reach it by two addresses.
    """

    def __init__(self, directory: Path):
        assert MOSQUITTO, "mosquitto is missing: apt-get install mosquitto"
        self.directory = directory
        self._sessions = itertools.count()
        self.authority = Authority(directory / "ca")
        listeners = {BROKER_HOST: free_port(), "127.0.0.1": free_port()}
        self.port = listeners[BROKER_HOST]
        self.broker = Mosquitto(directory, port=self.port)
        lines = [
            "user root",
            "persistence true",
            f"persistence_location {self.broker.directory}/",
            f"log_dest file {self.broker.directory}/log",
            "max_queued_messages 1000000",
            "allow_anonymous false",
            f"acl_file {ACCESS}",
        ]
        for host, port in listeners.items():
            certificate, key = self.authority.server(host=host, name=host)
            lines += [
                f"listener {port} 127.0.0.1",
                f"cafile {self.authority.ca}",
                f"certfile {certificate}",
                f"keyfile {key}",
                "require_certificate true",
                "use_identity_as_username true",
            ]
        self.broker.config.write_text("\n".join(lines) + "\n")
        certificate, key = self.authority.client("cityhall")
        self.host, self.inner_port = "127.0.0.1", listeners["127.0.0.1"]
        self.settings = self.broker.settings(
            port=self.inner_port, ca=self.authority.ca, certificate=certificate, key=key
        )

    def subscriber(self) -> Subscriber:
        """One with a session of its own."""
        return Subscriber(
            Place(self.host, self.inner_port),
            settings=self.settings,
            client_id=f"cityhall-{next(self._sessions)}",
        )

    def folder(self, unit: str = UNIT, **changes) -> Path:
        """The provisioning folder of a unit."""
        made = self.directory / f"folder-{unit}-{len(list(self.directory.iterdir()))}"
        made.mkdir()
        certificate, key = self.authority.client(unit)
        values = {"unit": unit, "site": SITE, "host": BROKER_HOST, "port": self.port}
        (made / "maskcam.toml").write_text(CONFIG.format(**(values | changes)))
        shutil.copy(self.authority.ca, made / "ca.crt")
        shutil.copy(certificate, made / "client.crt")
        shutil.copy(key, made / "client.key")
        return made


@pytest.fixture(scope="session", autouse=True)
def names():
    """Answers the virtual machines' questions, in the network that scripts/test gives them."""
    if os.environ.get("MASKCAM_OWN_NETWORK"):
        network.serve(host=BROKER_HOST)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    made = City(tmp_path_factory.mktemp("city"))
    with made.broker:
        yield made


@pytest.fixture(scope="session")
def flashed(image, tmp_path_factory) -> Card:
    """A card as it comes from the card writer."""
    return Card(image, tmp_path_factory.mktemp("flashed") / "card")


@pytest.fixture
def card(flashed, tmp_path) -> Card:
    """A card of the test's own."""
    return flashed.copy(tmp_path / "card")
