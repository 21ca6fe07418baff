"""An MQTT client for many small messages: paho's, which reads and acknowledges in bulk.

paho 2 spends three calls of the kernel and some 60 microseconds on each message, and
one call on each receipt. At thousands a second that costs more than all the rest.
Here what has arrived is taken from the socket at once, whole PUBLISH packets of QoS 1
are handed on together, and everything else is left to paho. Only this module reaches
into paho.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageType, MQTTErrorCode

_CHUNK = 65_536
_CHUNKS_AT_ONCE = 32
"""Then receipts and pings have their turn."""
_PUBLISH_QOS_1 = {0x32, 0x33, 0x3A, 0x3B}  # with and without DUP and RETAIN


class Message(NamedTuple):
    """What the broker delivered; `number` is for the receipt, 0 if none is wanted."""

    topic: bytes
    payload: bytes
    number: int


class BulkClient(mqtt.Client):
    """Gives messages to `on_messages`, many at once; `acknowledge` sends the receipts.

    on_messages: set by the owner; is called in the network thread.
    """

    on_messages: Callable[[list[Message]], None]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options | {"manual_ack": True})
        self.on_message = self._on_single_message
        self._source: object = None
        self._ahead, self._taken = b"", 0
        self._chunks_left = 0

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Sends the receipts of these messages; the broker may forget them then."""
        kind = int(MessageType.PUBACK)
        receipts = (bytes((kind, 2, number >> 8, number & 0xFF)) for number in numbers)
        if packets := b"".join(receipts):
            self._packet_queue(kind, packets, 0, 1)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handles what has arrived, and all that was taken from the socket."""
        self._chunks_left = _CHUNKS_AT_ONCE
        while True:
            self._hand_on()
            code = super().loop_read(max_packets)
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS or self._taken == len(self._ahead):
                return code

    def _hand_on(self) -> None:
        """Takes the whole PUBLISH packets that lie next, if paho is not within a packet."""
        if self._in_packet["command"] or self._source is not self._sock:
            return
        newest = self._protocol == mqtt.MQTTv5
        messages = []
        while found := _publish_at(self._ahead, self._taken, newest=newest):
            message, self._taken = found
            messages.append(message)
        if messages:
            self.on_messages(messages)

    def _on_single_message(self, _c: mqtt.Client, _d: Any, message: mqtt.MQTTMessage) -> None:
        number = message.mid if message.qos else 0
        self.on_messages([Message(message.topic.encode(), bytes(message.payload), number)])

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._source is not self._sock:  # another connection: the rest of the old one is void
            self._source = self._sock
            self._ahead, self._taken = b"", 0
        if self._taken == len(self._ahead):
            if not self._chunks_left:
                raise BlockingIOError
            self._chunks_left -= 1
            self._ahead, self._taken = super()._sock_recv(_CHUNK), 0
        start = self._taken
        self._taken = min(start + bufsize, len(self._ahead))
        return self._ahead[start : self._taken]


def _publish_at(data: bytes, place: int, *, newest: bool) -> tuple[Message, int] | None:
    """Returns the PUBLISH packet of QoS 1 that begins at `place` and the place after it.

    None: another packet begins there, or this one is not whole, or is malformed.
    (MQTT 5, sections 2.1 and 3.3.)
    """
    if place + 2 > len(data) or data[place] not in _PUBLISH_QOS_1:
        return None
    body, at = _length_at(data, place + 1)
    end = at + body
    if body < 5 or end > len(data):
        return None
    topic_end = at + 2 + (data[at] << 8 | data[at + 1])
    start = topic_end + 2
    if start > end:
        return None
    number = data[topic_end] << 8 | data[topic_end + 1]
    if newest:
        properties, start = _length_at(data, start)
        start += properties
        if start > end:
            return None
    return Message(data[at + 2 : topic_end], data[start:end], number), end


def _length_at(data: bytes, place: int) -> tuple[int, int]:
    """Returns the length written there in one to four bytes, and the place after it."""
    length = shift = 0
    for place in range(place, min(place + 4, len(data))):  # noqa: B020
        length |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            return length, place + 1
        shift += 7
    return len(data), place  # not whole, or malformed: longer than all there is
