"""Takes counts from the broker and acknowledges each one only when it is stored.

The network thread only puts messages into a queue. The writer takes them in
batches, stores a batch in one transaction, and acknowledges it afterwards: what a
crash interrupts is delivered again, and stored once by its key.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from maskcam.cityhall.client import BulkClient, Message
from maskcam.cityhall.discovery import announcements
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.registry import Registry
from maskcam.cityhall.settings import CollectorBroker
from maskcam.cityhall.store import Store
from maskcam.cityhall.writing import Writing
from maskcam.delivery.wire import FILTERS
from maskcam.errors import DeliveryError

_log = logging.getLogger(__name__)

BATCH = 2000
IN_FLIGHT = 3 * BATCH
"""Unacknowledged messages that the broker may have on the way; bounds the queue."""
LINGER_S = 0.25
"""How long a first message waits for company; a window is a minute old anyway."""
RETRY_S = (0.2, 5.0)
QUIET_S = 10.0
STOP_TIMEOUT_S = 15.0


class _Delivery(NamedTuple):
    """Messages that came together, and the number of the connection that brought them."""

    connection: int
    messages: list[Message]


class Collector:
    """Runs from `start` to `stop`; a context manager does both.

    Args:
        broker: where to connect, and the name of the persistent session.
        store: where windows go; a second collector may share its database.
        metrics: counts what happens.
        registry: what the units were registered with.
        clock: the time now, in UTC.
    """

    def __init__(
        self,
        *,
        broker: CollectorBroker,
        store: Store,
        metrics: Metrics,
        registry: Registry | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._broker = broker
        self._writing = Writing(store, metrics=metrics, registry=registry or Registry())
        self._metrics = metrics
        self._clock = clock
        self._queue: queue.SimpleQueue[_Delivery] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._connection = 0
        self._arrived = self._handled = 0
        self._announced: set[tuple[str, str]] = set()
        self._writer = threading.Thread(target=self._write_batches, name="collector-writer")
        self._client = self._new_client()
        self._network = threading.Thread(target=self._run_network, name="collector-network")

    def start(self) -> None:
        """Connects in the background and goes on trying until `stop`."""
        # With MQTT 3.1.1 the broker itself decides how long a session lasts and how much
        # is on the way.
        kept: dict[str, Any] = {}
        if self._broker.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self._broker.session_days * 86_400
            properties.ReceiveMaximum = IN_FLIGHT
            kept = {"clean_start": False, "properties": properties}
        self._client.connect_async(
            self._broker.host,
            self._broker.port,
            keepalive=self._broker.keepalive_s,
            **kept,
        )
        self._writer.start()
        self._network.start()

    def stop(self) -> None:
        """Stores what was received, then disconnects; the session stays with the broker.

        Raises:
            DeliveryError: the writer did not end in time.
        """
        self._stopping.set()
        self._writer.join(STOP_TIMEOUT_S)
        self._client.disconnect()
        self._network.join(STOP_TIMEOUT_S)
        if self._writer.is_alive():
            raise DeliveryError("collector: the writer does not end; check the database")

    @property
    def alive(self) -> bool:
        """Whether both threads run."""
        return self._writer.is_alive() and self._network.is_alive()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _new_client(self) -> BulkClient:
        newest = self._broker.protocol == "5"
        client = BulkClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=mqtt.MQTTv5 if newest else mqtt.MQTTv311,
            clean_session=None if newest else False,
        )
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.connect_timeout = 10.0
        connection = self._broker.connection()
        if connection.encrypted:
            client.tls_set_context(connection.tls_context())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_messages = self._on_messages
        client.on_subscribe = self._on_subscribe
        return client

    def _run_network(self) -> None:
        self._client.loop_forever(retry_first_connection=True)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, flags: mqtt.ConnectFlags, reason: Any, _p: Any
    ) -> None:
        if reason.is_failure:
            _log.error("broker refused the collector: %s", reason)
            return
        _log.info("broker connected, session %s", "kept" if flags.session_present else "new")
        self._metrics.connected.set(1)
        self._announced = set()  # the broker may have lost what it had retained
        group = self._broker.shared_group
        for topic in FILTERS:
            # Retained states are not sent to shared subscriptions, so each collector asks alone.
            shared = group and not topic.endswith("status")
            client.subscribe(f"$share/{group}/{topic}" if shared else topic, qos=1)

    def _on_subscribe(self, _c: mqtt.Client, _d: Any, _mid: int, codes: Any, _p: Any) -> None:
        for code in codes:
            if code.is_failure:
                _log.error("broker refused a subscription (%s); check its ACL", code)

    def _on_disconnect(self, _c: mqtt.Client, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._connection += 1
        self._metrics.connected.set(0)
        if not self._stopping.is_set():
            _log.warning("broker disconnected: %s; trying again", reason)

    def _on_messages(self, messages: list[Message]) -> None:
        if self._waiting > 3 * IN_FLIGHT:  # a broker that keeps to no limit
            unwanted = [item for item in messages if not item.number]
            if unwanted:  # nobody waits for their receipts
                self._metrics.rejected.labels("overflow").inc(len(unwanted))
                messages = [item for item in messages if item.number]
        self._arrived += len(messages)
        self._queue.put(_Delivery(self._connection, messages))

    @property
    def _waiting(self) -> int:
        return self._arrived - self._handled

    def _write_batches(self) -> None:
        last: int | None = None
        while True:
            batch = self._gather()
            if batch:
                self._metrics.waiting.set(self._waiting)
                self._handle(batch)
                self._handled += sum(len(delivery.messages) for delivery in batch)
                self._metrics.waiting.set(self._waiting)
            if self._stopping.is_set():
                # What comes from now on, and it may come without end, is delivered again.
                last = self._arrived if last is None else last
                if not batch or self._handled >= last:
                    return

    def _gather(self) -> list[_Delivery]:
        """Returns what arrived, after waiting for a first message and then for a few more."""
        batch: list[_Delivery] = []
        number = 0
        until = time.monotonic() + LINGER_S
        while number < BATCH:
            left = until - time.monotonic()
            try:
                delivery = self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
            except queue.Empty:
                break
            batch.append(delivery)
            number += len(delivery.messages)
        return batch

    def _handle(self, batch: Sequence[_Delivery]) -> None:
        messages = [message for delivery in batch for message in delivery.messages]
        units = self._writing.save(
            [(_text(message.topic), message.payload) for message in messages],
            now=self._clock(),
            stopping=self._stopping,
        )
        if units is not None:
            self._acknowledge(batch)
            if self._broker.home_assistant:
                self._announce(units)

    def _announce(self, units: set[tuple[str, str]]) -> None:
        for site, unit in units - self._announced:
            for topic, payload in announcements(site, unit):
                self._client.publish(topic, payload, qos=1, retain=True)
        self._announced |= units

    def _acknowledge(self, batch: Sequence[_Delivery]) -> None:
        current = self._connection  # a number of an older one may mean another message by now
        self._client.acknowledge(
            [
                message.number
                for delivery in batch
                if delivery.connection == current
                for message in delivery.messages
                if message.number
            ]
        )


def _text(topic: bytes) -> str:
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return "?"
