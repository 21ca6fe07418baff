"""A city hall made by the commands themselves, and its real broker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from maskcam.cityhall.commands import main
from tests.cityhall.servers import Mosquitto, free_port

CONTACT = ("--contact", "tel. 01 23 45 67 89")


class City:
    """Two units, ``forville-01`` at forville and ``gare-01`` at gare."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.config = directory / "cityhall.toml"
        made = main(
            [
                *("init", "--directory", str(directory), "--host", "127.0.0.1"),
                *("--city", "Ville de Test", "--port", str(self.port)),
            ]
        )
        assert made == 0
        for unit, site in (("forville-01", "forville"), ("gare-01", "gare")):
            assert self.run("add-unit", unit, "--site", site, *CONTACT) == 0
        file = directory / "broker/mosquitto.conf"
        # Started as root, mosquitto becomes another user, who may not look into pytest's folders.
        rights = "user root\n" if os.geteuid() == 0 else ""
        self.broker = Mosquitto(directory.parent / "run", config=rights + file.read_text())
        self.broker.port = self.port

    def run(self, *arguments: str) -> int:
        return main([*arguments, "--config", str(self.config)])

    def access(self, unit: str) -> list[str]:
        """Returns the options by which mosquitto's clients connect as a unit."""
        folder = self.directory / "units" / unit / "maskcam"
        return [
            *("-h", "127.0.0.1", "-p", str(self.port), "--cafile", str(folder / "ca.crt")),
            *("--cert", str(folder / "client.crt"), "--key", str(folder / "client.key")),
        ]

    def publish(self, unit: str, topic: str, payload: bytes) -> int:
        return subprocess.run(
            [
                *("mosquitto_pub", *self.access(unit), "-V", "5", "-q", "1", "-t", topic, "-m"),
                payload.decode(),
            ],
            capture_output=True,
            timeout=20,
            check=False,
        ).returncode
