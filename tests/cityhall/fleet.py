"""Units as the collector sees them: they send again until the broker has acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from maskcam.delivery.wire import ReceivedCount, count_topic, encode_count

IN_FLIGHT = 200


class Sender:
    """Publishes messages with QoS 1 and knows which were acknowledged."""

    def __init__(self, port: int, *, client_id: str) -> None:
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True
        )
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.reconnect_delay_set(0.2, 0.2)  # type: ignore[arg-type]
        self._client.on_publish = self._on_publish
        self.connected = threading.Event()
        self._client.on_connect = lambda *_: self.connected.set()
        self._client.on_disconnect = lambda *_: self.connected.clear()
        self._sent = self._confirmed = 0
        self._done = threading.Condition()
        self._client.connect_async("127.0.0.1", port, keepalive=10)
        self._client.loop_start()
        assert self.connected.wait(20)

    def send(self, messages: Iterable[tuple[str, bytes]], *, qos: int = 1) -> None:
        for topic, payload in messages:
            with self._done:
                assert self._done.wait_for(lambda: self._sent - self._confirmed < IN_FLIGHT, 60)
            self._client.publish(topic, payload, qos=qos)
            self._sent += qos

    def wait(self, timeout_s: float = 60) -> None:
        """Waits until the broker has acknowledged everything."""
        with self._done:
            assert self._done.wait_for(lambda: self._confirmed == self._sent, timeout_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *_: Any) -> None:
        with self._done:
            self._confirmed += 1
            self._done.notify_all()


def message(item: ReceivedCount) -> tuple[str, bytes]:
    payload = encode_count(item.count, site=item.site, unit=item.unit)
    return count_topic(site=item.site, unit=item.unit, kind=item.count.kind), payload


def wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
