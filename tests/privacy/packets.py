"""Records what passes between unit and broker, and takes MQTT 5 apart (OASIS, MQTT 5.0)."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from maskcam.delivery.link import MOST_RECEIVED
from tests.proxy import Proxy

CONNECT, PUBLISH, PINGREQ, DISCONNECT = 1, 3, 12, 14


class Recorder(Proxy):
    """Forwards, and keeps each connection's bytes towards the broker."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.streams: list[bytearray] = []

    def _forward(self, client: socket.socket, broker: socket.socket) -> None:
        stream = bytearray()
        self.streams.append(stream)
        other = {client: broker, broker: client}
        with suppress(ConnectionError):
            while not self._ended.is_set():
                for source in select.select([client, broker], [], [], 0.1)[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client:
                        stream += data
                    other[source].sendall(data)


@dataclass
class Reader:
    """Takes fields off the front of a packet."""

    data: bytes
    at: int = 0

    def take(self, number: int) -> bytes:
        assert self.at + number <= len(self.data), "a packet is cut"
        self.at += number
        return self.data[self.at - number : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def varying(self) -> int:
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def field(self) -> bytes:
        return self.take(self.number(2))

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)


@dataclass(frozen=True)
class Message:
    """What a PUBLISH or the last will of a CONNECT holds."""

    topic: str
    payload: bytes
    properties: bytes
    retain: bool


@dataclass
class Conversation:
    """All that a unit said on one connection."""

    kinds: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    client_ids: list[str] = field(default_factory=list)


def parsed(stream: bytes) -> Conversation:
    """Takes a whole stream apart; a byte that belongs to nothing is an error."""
    said = Conversation()
    for head, body in _packets(stream):
        kind = head >> 4
        said.kinds.append(kind)
        if kind == CONNECT:
            client_id, will = _connect(body)
            said.client_ids.append(client_id)
            said.messages.append(will)
        elif kind == PUBLISH:
            said.messages.append(_publish(head, body))
        elif kind == PINGREQ:
            assert body == b""
        elif kind == DISCONNECT:
            assert len(body) <= 1, "a goodbye has a reason code at most"
    return said


def _packets(stream: bytes) -> Iterator[tuple[int, bytes]]:
    reader = Reader(bytes(stream))
    while reader.at < len(reader.data):
        head = reader.number(1)
        yield head, reader.take(reader.varying())


def _connect(body: bytes) -> tuple[str, Message]:
    reader = Reader(body)
    assert (reader.field(), reader.number(1)) == (b"MQTT", 5)
    flags = reader.number(1)
    reader.number(2)  # keep-alive
    at_most = reader.take(reader.varying())
    assert at_most == b"\x27" + MOST_RECEIVED.to_bytes(4), "Maximum Packet Size, and nothing else"
    client_id = reader.field().decode()
    assert flags & 0b11000100 == 0b100, "a will, no user, no password"
    of_will = reader.take(reader.varying())
    will = Message(reader.field().decode(), reader.field(), of_will, bool(flags & 0b100000))
    assert reader.rest() == b""
    return client_id, will


def _publish(head: int, body: bytes) -> Message:
    reader = Reader(body)
    topic = reader.field().decode()
    assert head >> 1 & 3 == 1, "QoS 1"
    reader.number(2)  # packet identifier
    properties = reader.take(reader.varying())
    return Message(topic, reader.rest(), properties, bool(head & 1))
