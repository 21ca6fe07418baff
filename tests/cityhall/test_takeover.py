"""What a unit's own certificate can do to the broker and to the others: nothing."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maskcam.cityhall import broker_files
from maskcam.cityhall.broker_files import (
    access_patterns,
    bridge_conf,
    home_access_list,
    mosquitto_conf,
)
from maskcam.cityhall.collector import Collector
from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.discovery import announcements
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import load
from maskcam.cityhall.store import Store
from tests.cityhall.city import City
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import message, wait_until
from tests.cityhall.messages import minutes_from
from tests.mqtt_packets import remaining_length

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs/mqtt"


@contextmanager
def collecting(city: City) -> Iterator[Metrics]:
    settings = load(city.config)
    engine = connect(settings.database.url)
    upgrade(engine, zone=PARIS)
    metrics = Metrics()
    store = Store(engine, calendar=Calendar(PARIS))
    with Collector(broker=settings.broker, store=store, metrics=metrics):
        wait_until(lambda: metrics.value("connected") == 1)
        yield metrics
    engine.dispose()


def publish_all(city: City, unit: str, topic: str, payloads: list[bytes]) -> int:
    lines = b"\n".join(payloads) + b"\n"
    return subprocess.run(
        ["mosquitto_pub", *city.access(unit), "-V", "5", "-q", "1", "-l", "-t", topic],
        input=lines,
        capture_output=True,
        timeout=90,
        check=False,
    ).returncode


def windows(number: int) -> tuple[str, list[bytes]]:
    batch = [message(item) for item in minutes_from(START, number)]
    return batch[0][0], [payload for _, payload in batch]


@pytest.mark.parametrize("name", ["maskcam-cityhall", "cityhall-collector"])
def test_no_unit_can_empty_the_session_of_city_hall(city: City, name: str) -> None:
    city.broker.start()
    with collecting(city):
        pass
    topic, payloads = windows(20)
    assert publish_all(city, "forville-01", topic, payloads) == 0
    for version in ("5", "311"):  # both begin a session anew
        subprocess.run(
            [
                *("mosquitto_sub", *city.access("gare-01"), "-V", version, "-i", name),
                *("-t", "nothing", "-W", "1"),
            ],
            timeout=20,
            check=False,
            capture_output=True,
        )
    with collecting(city) as metrics:
        wait_until(lambda: metrics.value("windows_total", result="stored") == 20)


def test_no_unit_can_throw_the_collector_or_another_unit_out(city: City) -> None:
    city.broker.start()
    log = city.broker.directory / "log"
    with collecting(city) as metrics:
        topic, payloads = windows(5)
        for name in ("maskcam-cityhall", "cityhall-collector", "forville-01"):
            subprocess.run(
                [
                    *("mosquitto_pub", *city.access("gare-01"), "-V", "5", "-i", name),
                    *("-t", "nothing", "-n"),
                ],
                timeout=20,
                check=False,
                capture_output=True,
            )
        assert publish_all(city, "forville-01", topic, payloads) == 0
        wait_until(lambda: metrics.value("windows_total", result="stored") == 5)
    connections = log.read_text().count(" as cityhall-collector ")
    assert connections == 1, "the collector had to connect again"


def test_the_longest_messages_fit_and_longer_ones_do_not_wait_for_anybody(city: City) -> None:
    longest = "x" * 63
    described = max(len(payload) for _, payload in announcements(longest, longest))
    assert described <= broker_files.MESSAGE_BYTES
    assert broker_files.WINDOW_BYTES <= broker_files.MESSAGE_BYTES < broker_files.PACKET_BYTES
    city.broker.start()
    with collecting(city):
        pass
    before = resident_mb(city)
    topic = "maskcam/v2/gare/gare-01/count"
    # As was seen: 177,802 messages of 3.9 kB took 755 MB. The first one ends the connection.
    assert publish_all(city, "gare-01", topic, [b"x" * 3900] * 20_000) != 0
    assert resident_mb(city) - before < 10
    topic, payloads = windows(20)
    assert publish_all(city, "forville-01", topic, payloads) == 0
    with collecting(city) as metrics:
        wait_until(lambda: metrics.value("windows_total", result="stored") == 20)


def test_a_long_packet_is_not_even_read(city: City) -> None:
    city.broker.start()
    before = resident_mb(city)
    with mqtt_socket(city, "gare-01") as connection:
        # PUBLISH that says it has 200 MB; none of it has to be sent.
        connection.sendall(b"\x30" + remaining_length(200_000_000) + b"\x00\x01t")
        connection.settimeout(20)
        while connection.recv(4096):
            pass
    assert resident_mb(city) - before < 10


def test_nobody_leaves_messages_half_delivered(city: City) -> None:
    city.broker.start()
    said = subprocess.run(
        [
            *("mosquitto_pub", *city.access("gare-01"), "-V", "5", "-q", "2"),
            *("-t", "maskcam/v2/gare/gare-01/count", "-m", "x"),
        ],
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert said.returncode != 0 or b"QoS" in said.stderr


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_three_days_of_a_hundred_units_wait_in_bounded_memory(city: City) -> None:
    """And what is more than that: the queue ends, not the memory."""
    city.broker.start()
    with collecting(city):
        pass
    before = resident_mb(city)
    topic = "maskcam/v2/gare/gare-01/count"
    number = broker_files.QUEUED_MESSAGES
    window = b"{}".ljust(384)
    for part in range(0, number, 40_000):  # mosquitto_pub goes no further than its 65,535 numbers
        windows = [window] * min(40_000, number - part)
        assert publish_all(city, "gare-01", topic, windows) == 0
    full = resident_mb(city)
    print(f"\n{number} windows of 384 bytes: {full - before:.0f} MB in the broker")
    assert b"dropped" not in (city.broker.directory / "log").read_bytes()
    assert publish_all(city, "gare-01", topic, [window] * 50_000) == 0
    assert resident_mb(city) - full < 30
    assert (full - before) * 1e3 > 0.5 * number
    assert (full - before) * 1e6 < 0.5 * broker_files.MEMORY_BYTES


def test_the_page_about_mqtt_shows_the_configuration_that_is_used() -> None:
    """To write them again: python -m tests.cityhall.test_takeover."""
    for name, text in documents().items():
        assert (DOCS / name).read_text() == text


def documents() -> dict[str, str]:
    return {
        "mosquitto.conf": mosquitto_conf(Path("/etc/maskcam-cityhall/broker")),
        "maskcam.acl": access_patterns("cityhall"),
        "bridge.conf": bridge_conf(
            "mqtt.example.org",
            8883,
            folder=Path("/etc/mosquitto/certs/home-assistant"),
            name="home-assistant",
        ),
        "home.acl": home_access_list("homeassistant"),
    }


def resident_mb(city: City) -> float:
    assert city.broker.process is not None
    status = Path(f"/proc/{city.broker.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


@contextmanager
def mqtt_socket(city: City, unit: str, *, source: str = "") -> Iterator[ssl.SSLSocket]:
    """Yields a connection that has said CONNECT (MQTT 3.1.1) and was let in."""
    folder = city.directory / "units" / unit / "maskcam"
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    context.load_cert_chain(folder / "client.crt", folder / "client.key")
    name = unit.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(name)) + name
    with (
        socket.create_connection(
            ("127.0.0.1", city.port), timeout=20, source_address=(source, 0)
        ) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(b"\x10" + remaining_length(len(body)) + body)
        assert connection.recv(4)[3] == 0
        time.sleep(0.1)
        yield connection


if __name__ == "__main__":
    for name, text in documents().items():
        (DOCS / name).write_text(text)
