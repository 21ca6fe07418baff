"""Floods the broker of a new city hall as one unit while another publishes; prints what came of it.

In a network of its own, with the rules that `init` wrote; the collector runs:
unshare --net python -m tests.cityhall.flooding FOLDER NFT MESSAGES LONGEST_S
"""

from __future__ import annotations

import json
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from maskcam.cityhall import schema
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.settings import load
from tests.cityhall.city import City
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import message
from tests.cityhall.messages import received
from tests.cityhall.test_takeover import mqtt_socket, publish_all, resident_mb
from tests.mqtt_packets import remaining_length

RHYTHM_S = 0.4
"""The other unit's minute."""
IDLE = 350
_TOPIC = b"maskcam/v2/gare/gare-01/count"
_CHUNK = 400
"""Messages that are sent at once."""


class Flood(threading.Thread):
    """Sends the shortest messages there are as fast as it can, from an address of its own."""

    def __init__(self, city: City, *, number: int, longest_s: float) -> None:
        super().__init__(daemon=True)
        self._city, self._number, self._longest_s = city, number, longest_s
        self.sent = self.acknowledged = 0
        self.took_s = 0.0

    def run(self) -> None:
        """Floods until all is sent or the time is over."""
        rest = len(_TOPIC).to_bytes(2, "big") + _TOPIC + b"\0\1"
        packets = _CHUNK * (b"\x32" + remaining_length(len(rest)) + rest)
        begun_s = time.monotonic()
        with mqtt_socket(self._city, "gare-01", source="127.0.0.2") as connection:
            threading.Thread(target=self._count_receipts, args=(connection,), daemon=True).start()
            connection.settimeout(60)
            with suppress(OSError):
                while self.sent < self._number and time.monotonic() - begun_s < self._longest_s:
                    connection.sendall(packets)
                    self.sent += _CHUNK
            while self.acknowledged < self.sent and time.monotonic() - begun_s < self._longest_s:
                time.sleep(0.1)
            self.took_s = time.monotonic() - begun_s

    def _count_receipts(self, connection: ssl.SSLSocket) -> None:
        received_bytes = 0
        with suppress(OSError):  # it is closed when the flood is over
            while part := connection.recv(65_536):
                received_bytes += len(part)
                self.acknowledged = received_bytes // 4  # PUBACK is four bytes


@contextmanager
def collector(city: City) -> Iterator[None]:
    """Runs the collector in a process of its own, as the service does."""
    command = [sys.executable, "-m", "maskcam.cityhall", "serve", "--only", "collector"]
    with (city.directory.parent / "collector.log").open("wb") as log:
        process = subprocess.Popen([*command, "--config", str(city.config)], stdout=log, stderr=log)
    broker_log = city.broker.directory / "log"
    until = time.monotonic() + 30
    while " as cityhall-collector " not in broker_log.read_text():
        assert time.monotonic() < until, "the collector does not connect"
        time.sleep(0.1)
    try:
        yield
        before = -1
        while before != (before := stored(city, "forville-01")[0]):  # it still has to write
            time.sleep(5)
    finally:
        process.terminate()
        process.wait(30)


def stored(city: City, unit: str) -> tuple[int, int]:
    """Returns how many windows of a unit are stored, and of how many minutes."""
    settings = load(city.config)
    windows, units = schema.windows.c, schema.units.c
    query = (
        select(func.count(), func.count(windows.start.distinct()))
        .join_from(schema.windows, schema.units, units.id == windows.unit_id)
        .where(units.name == unit)
    )
    with up_to_date(settings.database.url, zone=PARIS) as engine, engine.connect() as connection:
        number, minutes = connection.execute(query).one()
    return number, minutes


def publish_while(flood: Flood, city: City, found: dict[str, float]) -> int:
    """Publishes a window in each `RHYTHM_S` while the flood goes on; returns how many."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=23)
    number = 0
    with mqtt_socket(city, "forville-01") as connection:
        connection.settimeout(60)
        while flood.is_alive() or number < 10:
            begun_s = time.monotonic()
            topic, payload = message(received(start + timedelta(minutes=number)))
            rest = len(topic).to_bytes(2, "big") + topic.encode() + b"\0\1" + payload
            connection.sendall(b"\x32" + remaining_length(len(rest)) + rest)
            connection.recv(4)  # acknowledged
            number += 1
            took_s = time.monotonic() - begun_s
            found["slowest_s"] = max(found.get("slowest_s", 0), took_s)
            found["broker_mb"] = max(found.get("broker_mb", 0), resident_mb(city))
            time.sleep(max(0.0, RHYTHM_S - took_s))
    return number


def idle_callers(city: City) -> int:
    """Opens connections that never say who they are; returns how many there could be."""
    number = 0
    with ExitStack() as opened:
        for _ in range(IDLE):
            with suppress(OSError):
                place, source = ("127.0.0.1", city.port), ("127.0.0.3", 0)
                opened.enter_context(socket.create_connection(place, 0.5, source_address=source))
                number += 1
        assert publish_all(city, "forville-01", "maskcam/v2/forville/forville-01/status", []) == 0
    return number


def main() -> None:
    """Loads the rules that `init` wrote, twice as at a restart, and runs all of it."""
    folder, nft, number, longest_s = sys.argv[1:]
    subprocess.run(["ip", "link", "set", "lo", "up", "mtu", "1500"], check=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    city = City(Path(folder))
    rules = city.directory / "server/nftables.conf"
    rules.write_text(rules.read_text().replace("iif lo accept", ""))  # all is local here
    for _ in range(2):
        subprocess.run([nft, "-f", str(rules)], check=True)
    found: dict[str, float] = {}
    city.broker.start()
    try:
        with collector(city):
            flood = Flood(city, number=int(number), longest_s=float(longest_s))
            flood.start()
            found["windows_sent"] = publish_while(flood, city, found)
            found["idle"] = idle_callers(city)
        found["windows_stored"], found["minutes_stored"] = stored(city, "forville-01")
        found.update(sent=flood.sent, let_through=flood.acknowledged, flood_s=flood.took_s)
    finally:
        city.broker.kill()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
