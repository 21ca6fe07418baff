"""A broker that is broken, or somebody else's: it can end a connection, and nothing more."""

from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.link import MOST_RECEIVED
from maskcam.delivery.publisher import Publisher
from tests.broker import wait_until
from tests.delivery.windows import SITE, UNIT, window
from tests.mqtt_packets import remaining_length

ACCEPTED = b"\x20\x03\x00\x00\x00"
FLOOD = 64 << 20
"""Bytes that each broker would send."""


def message(qos: int, number: int, *, payload: bytes = b"x" * 4000) -> bytes:
    topic = b"maskcam/v2/forville/forville-01/count"
    identifier = number.to_bytes(2) if qos else b""
    body = len(topic).to_bytes(2) + topic + identifier + b"\x00" + payload
    return bytes([0x30 | qos << 1]) + remaining_length(len(body)) + body


def repeated(packet: bytes) -> Iterator[bytes]:
    """Yields FLOOD bytes of one packet."""
    block = packet * (1 + 65_536 // len(packet))
    for _ in range(FLOOD // len(block)):
        yield block


def numbered(qos: int) -> Iterator[bytes]:
    for number in range(FLOOD // 4050):
        yield message(qos, 1 + number % 65_535)


def endless(first: int, size: int) -> Iterator[bytes]:
    """Yields one packet that says how large it is, and is."""
    yield bytes([first]) + remaining_length(size)
    yield from repeated(b"x" * 65_536)


FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "messages of QoS 0": lambda: numbered(0),
    "messages of QoS 1": lambda: numbered(1),
    "messages of QoS 2, never released": lambda: numbered(2),
    "one message of 64 MB": lambda: endless(0x30, FLOOD),
    "an acknowledgement of 64 MB": lambda: endless(0x40, FLOOD),
    "a goodbye of 256 MB": lambda: endless(0xE0, 268_435_455),
    "releases that want an answer each": lambda: repeated(b"\x62\x02\x00\x01"),
    "receipts of QoS 2": lambda: repeated(b"\x50\x02\x00\x01"),
    "questions whether it lives": lambda: repeated(b"\xc0\x00"),
    "acceptance again and again": lambda: repeated(ACCEPTED),
    "answers to nothing": lambda: repeated(b"\x40\x02\x12\x34"),
    "packets of no kind": lambda: repeated(b"\x00\x00"),
}


class Hostile:
    """Accepts each connection properly, then sends a flood; keeps what the unit said first."""

    def __init__(self, flood: Callable[[], Iterator[bytes]]) -> None:
        self.greetings: list[bytes] = []
        self.ended = 0
        self._flood = flood
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Hostile:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError):
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(1)
                    self._attack(connection)
                self.ended += 1

    def _attack(self, connection: socket.socket) -> None:
        self.greetings.append(connection.recv(4096))
        with suppress(OSError):  # the unit hangs up
            connection.sendall(ACCEPTED)
            for block in self._flood():
                if self._stop.is_set():
                    return
                connection.sendall(block)


@contextmanager
def attacked(outbox, flood) -> Iterator[tuple[Publisher, Hostile]]:
    with Hostile(flood) as broker:
        settings = BrokerSettings(
            host="127.0.0.1", port=broker.port, reconnect_min_s=0.01, reconnect_max_s=0.05
        )
        with Publisher(outbox, broker=settings, site=SITE, unit=UNIT) as unit:
            yield unit, broker


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_no_broker_fills_the_memory_of_a_unit(outbox, flood):
    """All Python objects grow by less than 2 MB (64 are sent); each window is kept."""
    for minute in range(40):
        outbox.put(window(minute))
    tracemalloc.start()
    try:
        with attacked(outbox, flood) as (unit, broker):
            with suppress(AssertionError):  # whoever is not thrown out may go on for ever
                wait_until(lambda: broker.ended >= 2, timeout_s=2)
            _, peak = tracemalloc.get_traced_memory()
            assert broker.greetings
            assert unit.healthy
            assert unit.restarts == 0
            assert unit.deliver(window(100)).result(5)
            assert len(outbox) == 41
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20


def test_a_unit_says_how_much_it_takes(outbox):
    """Maximum Packet Size (MQTT 5, section 3.1.2.11.4) in its first packet."""
    with attacked(outbox, lambda: iter(())) as (_, broker):
        wait_until(lambda: broker.greetings, timeout_s=10)
        assert b"\x27" + MOST_RECEIVED.to_bytes(4) in broker.greetings[0]


def test_whoever_sends_what_nobody_asked_for_is_reported(outbox, caplog):
    with attacked(outbox, lambda: iter([message(0, 1)])) as (unit, broker):
        wait_until(lambda: len(broker.greetings) > 1, timeout_s=10)
        assert "what no unit asks for" in caplog.text
        assert unit.healthy
