"""The demo's broker speaks real MQTT with a real client."""

from __future__ import annotations

import gc
import queue
import socket
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from maskcam.delivery.embedded import EmbeddedBroker


def client(broker: EmbeddedBroker) -> mqtt.Client:
    made = mqtt.Client(CallbackAPIVersion.VERSION2)
    made.connect(broker.host, broker.port)
    made.loop_start()
    return made


def test_a_message_goes_from_publisher_to_subscriber():
    received: queue.Queue[tuple[str, bytes]] = queue.Queue()
    with EmbeddedBroker() as broker:
        subscribed = threading.Event()
        subscriber = client(broker)
        subscriber.on_subscribe = lambda *_: subscribed.set()
        subscriber.on_message = lambda _c, _u, message: received.put(
            (message.topic, bytes(message.payload))
        )
        subscriber.subscribe("maskcam/v2/+/+/count", qos=1)
        assert subscribed.wait(5)
        publisher = client(broker)
        publisher.publish("maskcam/v2/a/b/count", b"{}", qos=1).wait_for_publish(5)
        assert received.get(timeout=5) == ("maskcam/v2/a/b/count", b"{}")
        for each in (publisher, subscriber):
            each.disconnect()
            each.loop_stop()


def test_it_leaves_nothing_behind():
    with EmbeddedBroker() as broker:
        port = broker.port
    assert "broker" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        mqtt.Client(CallbackAPIVersion.VERSION2).connect("127.0.0.1", port)


CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd"


@pytest.mark.parametrize("sent", [b"", CONNECT[:7], CONNECT], ids=["nothing", "half", "all"])
def test_a_connection_that_is_still_being_made_leaves_nothing_open(sent, capfd):
    """A demo whose source cannot be opened ends while its clients connect."""
    with EmbeddedBroker() as broker, socket.create_connection((broker.host, broker.port)) as end:
        end.sendall(sent)
        time.sleep(0.05)
    gc.collect()  # an unclosed socket would warn, and a warning is an error
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("sent", [b"", CONNECT[:7]], ids=["nothing", "half"])
def test_who_hangs_up_before_it_is_connected_is_hung_up_on(sent, capfd):
    with EmbeddedBroker() as broker, socket.create_connection((broker.host, broker.port)) as end:
        end.sendall(sent)
        end.shutdown(socket.SHUT_WR)
        end.settimeout(5)
        assert end.recv(1) == b""  # closed, and not just forgotten
    gc.collect()
    capfd.readouterr()  # amqtt says that no data came
