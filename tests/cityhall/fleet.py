"""Units as the collector sees them: they send again until the broker has acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from maskcam.delivery.wire import ReceivedCount, count_topic, encode_count

IN_FLIGHT = 200


class Sender:
    """Publishes messages with QoS 1 and knows which were acknowledged.

    again_s: when a connection ends, what was sent in so many seconds before is sent
    again on the next one, acknowledged or not. The key makes that harmless.
    """

    def __init__(self, port: int, *, client_id: str, again_s: float = 0) -> None:
        self._again_s = again_s
        self._recent: deque[tuple[float, str, bytes]] = deque()
        self._ended_at_s: float | None = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True
        )
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.reconnect_delay_set(0.2, 0.2)  # type: ignore[arg-type]
        self._client.on_publish = self._on_publish
        self._client.on_connect = lambda *_: self.connected.set()
        self._client.on_disconnect = self._on_disconnect
        self.connected = threading.Event()
        self._sent = self._confirmed = 0
        self._done = threading.Condition()
        self._client.connect_async("127.0.0.1", port, keepalive=10)
        self._client.loop_start()
        assert self.connected.wait(20)

    def send(self, messages: Iterable[tuple[str, bytes]], *, qos: int = 1) -> None:
        for topic, payload in messages:
            with self._done:
                assert self._done.wait_for(lambda: self._sent - self._confirmed < IN_FLIGHT, 60)
            self._send_again()
            if self._again_s:
                self._recent.append((time.monotonic(), topic, payload))
            self._client.publish(topic, payload, qos=qos)
            self._sent += qos

    def wait(self, timeout_s: float = 60) -> None:
        """Waits until the broker has acknowledged everything."""
        assert self.connected.wait(timeout_s)
        self._send_again()
        with self._done:
            assert self._done.wait_for(lambda: self._confirmed == self._sent, timeout_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _send_again(self) -> None:
        now = time.monotonic()
        if self._ended_at_s is not None and self.connected.is_set():
            since, self._ended_at_s = self._ended_at_s - self._again_s, None
            for _, topic, payload in [item for item in self._recent if item[0] >= since]:
                self._recent.append((now, topic, payload))  # it may be lost a second time
                self._client.publish(topic, payload, qos=1)
                self._sent += 1
        while self._recent and self._recent[0][0] < now - self._again_s - 60:
            self._recent.popleft()

    def _on_disconnect(self, *_: Any) -> None:
        self.connected.clear()
        if self._again_s and self._ended_at_s is None:  # the first end counts until sent again
            self._ended_at_s = time.monotonic()

    def _on_publish(self, *_: Any) -> None:
        with self._done:
            self._confirmed += 1
            self._done.notify_all()


def message(item: ReceivedCount) -> tuple[str, bytes]:
    payload = encode_count(item.count, site=item.site, unit=item.unit)
    return count_topic(site=item.site, unit=item.unit), payload


def wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
