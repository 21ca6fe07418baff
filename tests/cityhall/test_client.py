"""Packets as they lie on the wire, and through a real broker in pieces of any size."""

from __future__ import annotations

import threading
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from maskcam.cityhall.client import BulkClient, Message, _publish_at
from tests.cityhall.fleet import Sender, wait_until
from tests.cityhall.servers import Mosquitto
from tests.mqtt_packets import remaining_length

messages = st.builds(
    Message,
    topic=st.binary(min_size=1, max_size=200),
    payload=st.binary(max_size=300) | st.just(b"x" * 20_000),
    number=st.integers(1, 65_535),
)


def packet(message: Message, *, newest: bool, properties: bytes = b"") -> bytes:
    body = len(message.topic).to_bytes(2, "big") + message.topic
    body += message.number.to_bytes(2, "big")
    body += remaining_length(len(properties)) + properties if newest else b""
    body += message.payload
    return b"\x32" + remaining_length(len(body)) + body


@given(messages, st.booleans(), st.binary(max_size=200), st.binary(max_size=9))
def test_a_whole_packet_is_read_and_a_cut_one_waits(
    message: Message, newest: bool, properties: bytes, before: bytes
) -> None:
    data = before + packet(message, newest=newest, properties=properties)
    assert _publish_at(data, len(before), newest=newest) == (message, len(data))
    for cut in {len(data) - 1, len(before) + 1, (len(before) + len(data)) // 2}:
        assert _publish_at(data[:cut], len(before), newest=newest) is None


@given(st.binary(max_size=60).map(lambda rest: b"\x32" + rest), st.booleans())
def test_what_is_malformed_is_left_to_paho(data: bytes, newest: bool) -> None:
    found = _publish_at(data, 0, newest=newest)
    assert found is None or 5 <= found[1] <= len(data)


@pytest.mark.parametrize("version", [mqtt.MQTTv5, mqtt.MQTTv311])
@pytest.mark.parametrize("chunk", [1, 7, 1000, 65_536])
def test_messages_arrive_whole_and_in_order_whatever_the_pieces(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch, version: Any, chunk: int
) -> None:
    monkeypatch.setattr("maskcam.cityhall.client._CHUNK", chunk)
    found: list[Message] = []
    ready = threading.Event()
    client = BulkClient(CallbackAPIVersion.VERSION2, client_id="bulk", protocol=version)
    client.on_messages = found.extend

    def subscribe(*_: object) -> None:
        client.subscribe("t/#", qos=1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert ready.wait(20)
    sent = [(f"t/{i}", b"." * (i * 37 % 400)) for i in range(150)] + [("t/big", b"b" * 70_000)]
    sender = Sender(broker.port, client_id="sender")
    sender.send(sent)
    sender.wait()
    sender.send([("t/0", b"none")], qos=0)
    wait_until(lambda: len(found) == len(sent) + 1)
    assert [(m.topic.decode(), m.payload) for m in found] == [*sent, ("t/0", b"none")]
    assert all(message.number for message in found[:-1])
    assert found[-1].number == 0
    client.acknowledge([message.number for message in found if message.number])
    client.disconnect()
    client.loop_stop()
    sender.close()
