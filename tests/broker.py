"""A real mosquitto for tests, and a subscriber that remembers: loopback only, always stopped.

with Mosquitto(tmp_path) as broker, Subscriber(broker) as city:
    ...
    city.wait_for(10)
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from maskcam.delivery import wire
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.rows import Key
from maskcam.records import MinuteCount

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)"
)
WAIT_S = 30.0  # generous: the machine may be busy with other things
PLAIN = "allow_anonymous true\nmax_queued_messages 1000000"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(
    condition, *, timeout_s: float = WAIT_S, what: str = "", every_s: float = 0.01
) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"waited {timeout_s} s for {what or condition}"
        time.sleep(every_s)


class Mosquitto:
    """A broker process; `lines` are added to its configuration. Can be started again."""

    host = "127.0.0.1"

    def __init__(self, directory: Path, *, lines: str = PLAIN, port: int = 0):
        self.port = port or free_port()
        self.directory = directory / f"mosquitto-{self.port}"
        self.directory.mkdir(parents=True)
        self.config = self.directory / "mosquitto.conf"
        self.configure(lines)
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, lines: str) -> None:
        # Run as root, mosquitto gives up its rights; here it must keep reading our files.
        self.config.write_text(
            f"user root\nlistener {self.port} {self.host}\n"
            f"persistence true\npersistence_location {self.directory}/\n"
            f"log_dest file {self.directory}/log\n{lines}\n"
        )

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def settings(self, **changes) -> BrokerSettings:
        quick: dict[str, Any] = {"reconnect_min_s": 0.05, "reconnect_max_s": 0.5, "keepalive_s": 5}
        return BrokerSettings(**{"host": self.host, "port": self.port, **quick, **changes})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *args) -> None:
        self.stop()

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", self.config])
        wait_until(self._listens, what="mosquitto to listen")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"mosquitto ended: {self.log}"
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def reload(self) -> None:
        """Makes it read passwords and access lists again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(60)  # it saves what it holds, and the disk may be busy
            self._process = None

    def restart(self, *, kill: bool = False) -> None:
        self.stop(kill=kill)
        self.start()


class Address(Protocol):
    """Where a broker listens."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class Subscriber:
    """City hall: a lasting session that stores each message as it came."""

    def __init__(
        self, broker: Address, *, topic="maskcam/v2/#", settings=None, client_id="cityhall"
    ):
        self.messages: list[mqtt.MQTTMessage] = []
        self._received: list[wire.ReceivedCount] = []
        self._read = 0  # of the messages
        self._broker, self._topic = broker, topic
        self._subscribed = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _client, _data, message: self.messages.append(message)
        client.reconnect_delay_set(1, 1)
        if settings is not None and settings.encrypted:
            client.tls_set_context(settings.tls_context())
        self.client = client

    def _on_connect(self, client, userdata, flags, reason, properties):
        if not reason.is_failure:
            client.subscribe(self._topic, qos=1)

    def __enter__(self):
        lasting = Properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 0xFFFFFFFF
        self.client.connect_async(
            self._broker.host, self._broker.port, clean_start=False, properties=lasting
        )
        self.client.loop_start()
        assert self._subscribed.wait(WAIT_S), "the subscriber could not subscribe"
        return self

    def __exit__(self, *args) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    @property
    def received(self) -> list[wire.ReceivedCount]:
        """All count messages, in the order of arrival, each checked against the schema."""
        for message in self.messages[self._read :]:
            self._read += 1
            if message.topic.endswith(("/count", "/hour")):
                payload = bytes(message.payload)
                self._received.append(wire.decode_count(payload, topic=message.topic))
        return list(self._received)

    @property
    def stored(self) -> dict[Key, MinuteCount]:
        """Counts by key, as a store keeps them; two that differ under one key are an error."""
        store: dict[Key, MinuteCount] = {}
        for received in self.received:
            count = received.count
            key = Key(count.start, count.kind, received.unit, count.run)
            assert store.setdefault(key, count) == count
        return store

    @property
    def statuses(self) -> list[wire.Status]:
        return [
            wire.decode_status(bytes(message.payload))
            for message in list(self.messages)
            if message.topic.endswith("/status")
        ]

    def wait_for(self, windows: int, *, timeout_s: float = WAIT_S) -> None:
        def enough() -> bool:
            return len(self.messages) >= windows and len(self.stored) >= windows

        wait_until(enough, timeout_s=timeout_s, what=f"{windows} windows")
