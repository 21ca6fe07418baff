"""The connection to the broker: the one module that knows paho-mqtt.

A thread of its own connects, serves the connection and connects again. It decides
nothing: what happens is handed on as an event, and the callbacks of paho do nothing
else. Each connection has its own paho client, because paho sends what an old one
had left in memory again, past any limit; here only the outbox decides what is sent.
The loop is our own, made of paho's calls for that: paho's loop opens a listening
socket on the loopback to wake itself, and a unit listens on nothing.
"""

from __future__ import annotations

import logging
import random
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import (
    CallbackAPIVersion,
    LogLevel,
    MessageType,
    MQTTErrorCode,
    MQTTProtocolVersion,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from maskcam.delivery import reasons
from maskcam.delivery.broker import BrokerSettings
from maskcam.errors import DeliveryError

CONNECT_TIMEOUT_S = 10.0
STABLE_S = 10.0
STALE_S = 180.0
MOST_RECEIVED = 4096
"""Bytes of a packet. A broker sends a unit answers of a few bytes, and perhaps a reason."""

_log = logging.getLogger(__name__)
_TICK_S = 0.5


class Session(Protocol):
    """One connection, from its acceptance by the broker to its end."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Hands a message over with QoS 1; returns its token, or None if the connection ended."""

    def drop(self, why: str) -> None:
        """Ends the connection as broken; a new one follows."""

    def close(self) -> None:
        """Says goodbye to the broker, so that it does not send the last will."""


@dataclass(frozen=True, slots=True, eq=False)
class Connected:
    """The broker has accepted the connection and takes `room` unacknowledged messages."""

    session: Session
    room: int


@dataclass(frozen=True, slots=True, eq=False)
class Disconnected:
    """A connection ended, or could not be made."""

    session: Session
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Acknowledged:
    """The broker answered a message; `code` is a reason code of MQTT 5, 0 is success."""

    session: Session
    token: int
    code: int


LinkEvent = Connected | Disconnected | Acknowledged


class Will(NamedTuple):
    """What the broker publishes, retained, when the unit vanishes."""

    topic: str
    payload: bytes


class Link:
    """Keeps one connection to the broker, in a thread of its own, until stopped.

    Args:
        settings: which broker, and how; certificates are read anew for each connection.
        client_id: the unit's id.
        will: the retained last will.
        emit: takes each event, from the network thread; must not block.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        client_id: str,
        will: Will,
        emit: Callable[[LinkEvent], None],
    ) -> None:
        self._settings, self._client_id, self._will = settings, client_id, will
        self._emit = emit
        self._stop = threading.Event()
        self._beat_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="maskcam-mqtt", daemon=True)

    def start(self) -> None:
        """Begins to connect, and returns at once."""
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """Whether the network thread is alive and moving, connected or not."""
        return self._thread.is_alive() and time.monotonic() - self._beat_s < STALE_S

    def stop(self, *, timeout_s: float) -> bool:
        """Ends the thread; returns whether it ended in time."""
        self._stop.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            session = _PahoSession(
                self._settings, self._client_id, self._will, self._hand_on, self._live
            )
            why = session.run()
            self._hand_on(Disconnected(session, why))
            failures = 0 if session.proved else failures + 1
            self._stop.wait(self._delay_s(failures))

    def _hand_on(self, event: LinkEvent) -> None:
        if not self._stop.is_set() or isinstance(event, Acknowledged | Disconnected):
            self._emit(event)

    def _live(self) -> bool:
        """Marks that the thread moves; returns whether it shall go on."""
        self._beat_s = time.monotonic()
        return not self._stop.is_set()

    def _delay_s(self, failures: int) -> float:
        """Returns a delay that grows with failures, jittered so that units do not come at once."""
        settings = self._settings
        grown = settings.reconnect_min_s * 2.0 ** min(max(failures - 1, 0), 16)
        return min(grown, settings.reconnect_max_s) * random.uniform(0.5, 1)  # noqa: S311 - no secret


class _Client(mqtt.Client):
    """Paho's client, of which no broker can fill the memory.

    A unit subscribes to nothing, so all that may come are short answers to what it sent.
    Paho would keep a packet of 256 MB, and any number of messages of QoS 2.
    """

    _ANSWERS = (
        MessageType.CONNACK, MessageType.PUBACK, MessageType.PINGRESP, MessageType.DISCONNECT
    )  # fmt: skip

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MOST_RECEIVED:
            raise DeliveryError(f"the broker sends a packet of {bufsize} bytes: does it work?")
        data = super()._sock_recv(bufsize)
        is_first = not self._in_packet["command"]
        if is_first and data and data[0] & 0xF0 not in self._ANSWERS:
            raise DeliveryError(
                "the broker sends what no unit asks for (units subscribe to nothing): is it one "
                "that can be trusted?"
            )
        return data


class _PahoSession:
    """One connection over paho-mqtt."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        will: Will,
        emit: Callable[[LinkEvent], None],
        live: Callable[[], bool],
    ) -> None:
        self.proved = False
        self._settings, self._will = settings, will
        self._emit, self._live = emit, live
        self._accepted_s: float | None = None
        self._why = ""
        self._socket_error = ""
        self._bell, self._ringer = socket.socketpair()
        self._ringer.setblocking(False)
        self._client: mqtt.Client | None = self._new_client(client_id)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        client = self._client
        if client is None:
            return None
        sent = client.publish(topic, payload, qos=1, retain=retain)
        return sent.mid if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def drop(self, why: str) -> None:
        self._why = why

    def close(self) -> None:
        if (client := self._client) is not None:
            client.disconnect()

    def run(self) -> str:
        """Connects and serves the connection until it ends; returns why it ended."""
        client = self._client
        assert client is not None
        try:
            self._serve(client)
        except DeliveryError as error:
            self._why = str(error)
        except Exception as error:  # noqa: BLE001 - the network thread must outlive any answer
            self._why = reasons.of_network(error, encrypted=self._settings.encrypted)
            if not isinstance(error, OSError):
                _log.debug("connection failed", exc_info=True)
        finally:
            self._release(client)
        self.proved = self._accepted_s is not None and _since(self._accepted_s) > STABLE_S
        ended = "the broker closed the connection"
        if self._accepted_s is not None and not self.proved:
            ended += " at once; if it goes on: does another client use this unit's id?"
        return self._why or reasons.of_alert(self._socket_error) or ended

    def _serve(self, client: mqtt.Client) -> None:
        settings = self._settings
        if settings.encrypted:
            client.tls_set_context(settings.tls_context())
        started_s = time.monotonic()
        properties = None
        if settings.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MOST_RECEIVED
        client.connect_async(
            settings.host, settings.port, settings.keepalive_s, properties=properties
        )
        client.reconnect()
        while self._live() and self._turn(client):
            if self._accepted_s is None and _since(started_s) > CONNECT_TIMEOUT_S:
                self._why = 'the broker does not answer; an old one needs protocol = "3.1.1"'
            if self._why:
                return
        client.loop_write()  # the goodbye may still be queued

    def _turn(self, client: mqtt.Client) -> bool:
        """Waits for something to read or write, and does it; returns False at the end."""
        connection: Any = client.socket()
        if connection is None:
            return False
        decrypted = self._settings.encrypted and connection.pending() > 0
        writing = [connection] if client.want_write() else []
        wait_s = 0.0 if decrypted else _TICK_S
        readable, _, _ = select.select([connection, self._bell], writing, [], wait_s)
        if self._bell in readable:
            self._bell.recv(4096)
        codes = []
        if connection in readable or decrypted:
            codes.append(client.loop_read())
        if client.want_write():
            codes.append(client.loop_write())
        codes.append(client.loop_misc())
        return all(code == MQTTErrorCode.MQTT_ERR_SUCCESS for code in codes)

    def _ring(self, *_: Any) -> None:
        with suppress(OSError):  # full: it rings already; closed: the session has ended
            self._ringer.send(b".")

    def _new_client(self, client_id: str) -> mqtt.Client:
        settings = self._settings
        five = settings.protocol == "5"
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        if settings.user:
            client.username_pw_set(settings.user, settings.password)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_log = self._on_log
        # `publish` then only wakes the network thread; without it, paho writes to the
        # socket from two threads at once.
        client.on_socket_register_write = self._ring
        return client

    def _release(self, client: mqtt.Client) -> None:
        """Closes the socket now, and breaks the cycle that would keep the client alive."""
        self._client = None
        connection = client.socket()
        client.on_connect = client.on_disconnect = client.on_publish = client.on_log = None
        client.on_socket_register_write = None
        for end in (connection, self._bell, self._ringer):
            if end is not None:
                end.close()

    def _on_connect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, properties: Any
    ) -> None:
        if reason.is_failure:
            self._why = reasons.of_broker(reason.value)
            return
        if self._accepted_s is not None:
            self._why = "the broker accepts one connection twice: does it work?"
            return
        self._accepted_s = time.monotonic()
        self._emit(Connected(self, getattr(properties, "ReceiveMaximum", 65_535)))

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, flags: Any, reason: Any, _properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server and not self._why:
            self._why = reasons.of_broker(reason.value)

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, mid: int, reason: Any, _properties: Any
    ) -> None:
        self._emit(Acknowledged(self, mid, reason.value))

    def _on_log(self, _client: mqtt.Client, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._socket_error = text


def _since(moment_s: float) -> float:
    return time.monotonic() - moment_s
