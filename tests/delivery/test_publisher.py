"""The publisher and its link: what they promise whatever the broker and the network do."""

import logging
import math
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import maskcam
from maskcam.delivery import reasons, wire
from maskcam.delivery.broker import BrokerSettings
from maskcam.delivery.embedded import EmbeddedBroker
from maskcam.delivery.link import Acknowledged, Connected, Disconnected
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from maskcam.errors import ConfigError, DeliveryError
from maskcam.records import MinuteCount, WindowKind
from tests.broker import Mosquitto, Subscriber, free_port, needs_mosquitto, wait_until
from tests.certificates import Authority
from tests.delivery.windows import FIRST, SITE, UNIT, window

LOCAL = BrokerSettings(host="127.0.0.1", port=1, reconnect_min_s=0.05, reconnect_max_s=0.2)


class FakeLink:
    """A link without a network; the test plays the broker."""

    def __init__(self, settings, *, client_id, will, emit):
        self.emit, self.will, self.healthy = emit, will, True
        self.started = self.stopped = self.closed = False
        self.dropped = []
        self.sent = []
        self.times = []

    def start(self):
        self.started = True

    def stop(self, *, timeout_s):
        self.stopped = True
        return True

    # as a session
    def publish(self, topic, payload, *, retain=False):
        self.sent.append((topic, payload, retain))
        self.times.append(time.time())
        return len(self.sent)

    def drop(self, why):
        self.dropped.append(why)

    def close(self):
        self.closed = True

    def connect(self, room=65_535):
        self.emit(Connected(self, room))

    def answer(self, token, code=0):
        self.emit(Acknowledged(self, token, code))

    @property
    def counts(self):
        """Tokens and windows of the count messages handed over so far."""
        return [
            (token, wire.decode_count(payload).count)
            for token, (topic, payload, _) in enumerate(self.sent, 1)
            if topic.endswith("/count")
        ]


@pytest.fixture
def links():
    return []


@pytest.fixture
def unit(outbox, links):
    def open_link(*args, **named):
        links.append(FakeLink(*args, **named))
        return links[-1]

    with Publisher(
        outbox, broker=LOCAL, site=SITE, unit=UNIT, open_link=open_link, stop_timeout_s=0.1
    ) as unit:
        yield unit


def test_few_windows_are_under_way_at_a_time_and_in_order(unit, links):
    for minute in range(50):
        unit.deliver(window(minute)).result(5)
    links[0].connect()
    wait_until(lambda: len(links[0].counts) >= 16)
    time.sleep(0.1)
    assert [count for _, count in links[0].counts] == [window(minute) for minute in range(16)]
    answered = 0
    while unit.delivered < 50:
        wait_until(lambda answered=answered: len(links[0].sent) > answered)
        answered += 1
        links[0].answer(answered)
        wait_until(lambda answered=answered: unit.delivered >= answered - 1)
    assert [count for _, count in links[0].counts] == [window(minute) for minute in range(50)]
    wait_until(lambda: unit.waiting == 0)


def test_when_a_window_leaves_does_not_tell_how_long_the_frame_of_that_moment_took(unit, links):
    """A frame with people in it takes longer: whoever watches the network could see it."""
    links[0].connect()
    wait_until(lambda: len(links[0].sent) == 1, what="the status")
    for minute, frame_s in enumerate((0.05, 0.3)):
        time.sleep(1 - time.time() % 1 + frame_s)
        handed_over_at = time.time()
        unit.deliver(window(minute))
        unit.deliver(replace(window(minute), kind=WindowKind.HOUR)).result(5)
        wait_until(lambda minute=minute: len(links[0].sent) == 1 + 2 * (minute + 1))
        for sent_at in links[0].times[-2:]:
            assert sent_at >= math.ceil(handed_over_at) - 0.02
        for token in range(len(links[0].sent) - 1, len(links[0].sent) + 1):
            links[0].answer(token)


def test_windows_that_never_stop_coming_leave_all_the_same(unit, links):
    links[0].connect()
    for minute in range(40):
        unit.deliver(window(minute)).result(5)
        for token, _ in links[0].counts:
            links[0].answer(token)
        time.sleep(0.1)
    assert len(links[0].counts) >= 20


def test_the_limit_of_the_broker_is_kept(unit, links):
    for minute in range(10):
        unit.deliver(window(minute)).result(5)
    links[0].connect(room=3)
    time.sleep(1.3)
    assert len(links[0].sent) == 3, "the status and two windows"


def test_what_was_not_acknowledged_is_sent_again_on_the_next_connection(unit, links):
    for minute in range(3):
        unit.deliver(window(minute)).result(5)
    links[0].connect()
    wait_until(lambda: len(links[0].counts) == 3)
    links[0].answer(links[0].counts[1][0])
    links[0].emit(Disconnected(links[0], "gone"))
    wait_until(lambda: not unit.connected)
    links[0].connect()
    wait_until(lambda: len(links[0].counts) == 6)
    # First what a killed broker may have acknowledged and not saved.
    assert [count for _, count in links[0].counts[3:]] == [window(1), window(0), window(2)]


def test_a_new_window_does_not_wait_for_the_answer_to_the_one_before(unit, links):
    links[0].connect()
    for minute in range(3):
        unit.deliver(window(minute)).result(5)
        wait_until(lambda: len(links[0].counts) == minute + 1, timeout_s=5)  # noqa: B023


def test_an_answer_of_an_old_connection_counts_for_nothing(unit, links):
    unit.deliver(window(1)).result(5)
    links[0].connect()
    wait_until(lambda: len(links[0].counts) == 1)
    stranger = FakeLink(LOCAL, client_id=UNIT, will=None, emit=links[0].emit)
    stranger.answer(links[0].counts[0][0])
    time.sleep(0.2)
    assert unit.delivered == 0


@pytest.mark.parametrize("code", [reasons.NO_SUBSCRIBERS, 0x87, 0x97])
def test_what_the_broker_threw_away_is_kept_and_offered_again(unit, links, code):
    for minute in range(3):
        unit.deliver(window(minute)).result(5)
    links[0].connect()
    wait_until(lambda: len(links[0].counts) == 3)
    for token, _ in list(links[0].counts):
        links[0].answer(token, code)
    time.sleep(0.3)
    assert (unit.delivered, unit.waiting) == (0, 3)
    assert len(links[0].counts) == 3, "a pause first"
    for _ in range(3):
        offered = len(links[0].counts) + 1
        wait_until(lambda offered=offered: len(links[0].counts) >= offered, timeout_s=5)
        links[0].answer(links[0].counts[-1][0])
        if unit.delivered:
            break
    wait_until(lambda: unit.delivered >= 1)


def test_a_refused_window_does_not_hold_up_the_others(unit, links):
    """For example those of the time before a unit was given another name."""
    for minute in range(4):
        unit.deliver(window(minute)).result(5)
    links[0].connect()
    refused, answered = window(0), 0
    end = time.monotonic() + 15
    while unit.delivered < 3 and time.monotonic() < end:
        for token, count in links[0].counts[answered:]:
            answered += 1
            links[0].answer(token, 0x87 if count == refused else 0)
        time.sleep(0.02)
    assert (unit.delivered, unit.waiting) == (3, 1)


def test_a_mute_broker_is_dropped(unit, links, monkeypatch):
    monkeypatch.setattr("maskcam.delivery.dispatch.ACKNOWLEDGE_WITHIN_S", 0.3)
    unit.deliver(window(1)).result(5)
    links[0].connect()
    wait_until(lambda: links[0].dropped)


def test_a_dead_network_thread_is_replaced(unit, links, caplog):
    links[0].healthy = False
    wait_until(lambda: len(links) == 2)
    assert links[0].stopped
    assert links[1].started
    wait_until(lambda: unit.restarts == 1 and unit.healthy)
    assert "network thread" in caplog.text


def test_goodbye_leaves_a_retained_offline(outbox, links):
    def open_link(*args, **named):
        links.append(FakeLink(*args, **named))
        return links[-1]

    unit = Publisher(outbox, broker=LOCAL, site=SITE, unit=UNIT, open_link=open_link)
    unit.start()
    links[0].connect()
    wait_until(lambda: unit.connected)
    assert unit.stop(timeout_s=2)
    topic, payload, retain = links[0].sent[-1]
    assert (topic, retain) == (wire.status_topic(site=SITE, unit=UNIT), True)
    assert not wire.decode_status(payload).online
    assert links[0].closed
    assert wire.decode_status(links[0].will.payload) == wire.Status(
        False, maskcam.__version__, None
    )
    with pytest.raises(DeliveryError):
        unit.deliver(window(1)).result(1)


def test_a_window_handed_over_just_before_the_end_is_kept(tmp_path, links):
    outbox = Outbox(tmp_path / "s", site=SITE, unit=UNIT)
    with Publisher(outbox, broker=LOCAL, site=SITE, unit=UNIT, open_link=FakeLink) as unit:
        kept = unit.deliver(window(5))
    assert kept.result(0) is True
    with Outbox(tmp_path / "s", site=SITE, unit=UNIT) as outbox:
        assert len(outbox) == 1


def test_decree_publishes_15_minutes_late_and_a_stop_loses_nothing(tmp_path, links):
    """A window is on disk when it is over; who stops or falls meanwhile publishes it later."""
    first, second = (replace(window(minute), minutes=20) for minute in (0, 20))
    hour = replace(window(0), kind=WindowKind.HOUR, minutes=60)
    now: list[datetime | None] = [FIRST + timedelta(minutes=30)]

    def open_link(*args, **named):
        links.append(FakeLink(*args, **named))
        return links[-1]

    def published() -> list[MinuteCount]:
        """Returns what leaves the unit in the second life of its process."""
        return [
            wire.decode_count(payload, topic=topic).count
            for topic, payload, _ in links[1].sent
            if topic.endswith(("/count", "/hour"))
        ]

    def life() -> Publisher:
        outbox = Outbox(tmp_path / "s", site=SITE, unit=UNIT)
        return Publisher(
            outbox, broker=LOCAL, site=SITE, unit=UNIT, open_link=open_link,
            utc_now=lambda: now[0], delay_minutes=15, stop_timeout_s=0.1,
        )  # fmt: skip

    with life() as unit:
        links[0].connect()
        for count in (hour, second, first):  # in no order
            assert unit.deliver(count).result(5)
        time.sleep(1.2)
        assert links[0].counts == []
    with life() as unit:
        links[1].connect()
        expected: list[MinuteCount] = []
        for minute, due in ((34.9, None), (35, first), (54.9, None), (55, second), (75, hour)):
            now[0] = FIRST + timedelta(minutes=minute)
            if due is not None:
                expected.append(due)
                wait_until(lambda: len(published()) == len(expected))
                links[1].answer(len(links[1].sent))
            else:
                time.sleep(0.7)
            assert published() == expected
        now[0] = None  # a clock that is not believed makes nothing due
        assert unit.deliver(replace(first, start=first.start + timedelta(hours=1))).result(5)
        time.sleep(0.7)
        assert published() == expected


def test_only_a_minute_count_is_taken(unit):
    with pytest.raises(TypeError, match="MinuteCount"):
        unit.deliver({"people": 3})
    bad = replace(window(1), minutes=0)
    with pytest.raises(wire.WireError):
        unit.deliver(bad).result(5)


def test_the_delivery_outlives_an_unexpected_error(unit, links, outbox, monkeypatch, caplog):
    def broken(*args, **named):
        raise RuntimeError("boom")

    unit.deliver(window(1)).result(5)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "pending", broken)
        links[0].connect()
        wait_until(lambda: "boom" in caplog.text)
    unit.deliver(window(2)).result(5)
    wait_until(lambda: len(links[0].counts) == 2)
    assert unit.healthy


def test_deliver_does_not_wait_for_a_stuck_disk(unit, outbox, monkeypatch):
    release = threading.Event()
    put = outbox.put
    monkeypatch.setattr(outbox, "put", lambda count: release.wait(10) and put(count))
    began_s = time.monotonic()
    futures = [unit.deliver(window(minute)) for minute in range(100)]
    assert time.monotonic() - began_s < 0.5
    release.set()
    assert all(future.result(10) for future in futures)


def test_a_unit_with_the_id_of_the_image_is_refused(outbox):
    with pytest.raises(ConfigError, match="give this one its own"):
        Publisher(outbox, broker=LOCAL, site=SITE, unit="unconfigured")


# --- settings --------------------------------------------------------------------------


def test_another_machine_needs_encryption():
    with pytest.raises(ConfigError, match="set ca, certificate, key"):
        BrokerSettings(host="mqtt.example.org")
    assert not BrokerSettings(host="mqtt.example.org", insecure=True).encrypted
    assert not BrokerSettings(host="localhost").encrypted


def test_encryption_needs_all_three_files(tmp_path):
    with pytest.raises(ConfigError, match="certificate, key"):
        BrokerSettings(host="localhost", ca=tmp_path / "ca.crt")


def test_missing_and_broken_files_are_named(tmp_path):
    paths = {name: tmp_path / name for name in ("ca", "certificate", "key")}
    settings = BrokerSettings(host="mqtt.example.org", **paths)
    with pytest.raises(DeliveryError, match=r"\[broker\] ca .*no such file"):
        settings.tls_context()
    paths["ca"].write_text("no certificate")
    with pytest.raises(DeliveryError, match=r"\[broker\] ca .*PEM"):
        settings.tls_context()


def test_the_context_checks_certificate_and_name_and_wants_tls_1_2(tmp_path):
    city = Authority(tmp_path)
    certificate, key = city.client(UNIT)
    settings = BrokerSettings(host="mqtt.example.org", ca=city.ca, certificate=certificate, key=key)
    context = settings.tls_context()
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    other = BrokerSettings(
        host="mqtt.example.org", ca=city.ca, certificate=certificate, key=city.client("b")[1]
    )
    with pytest.raises(DeliveryError, match="key does not belong"):
        other.tls_context()


def test_the_password_is_not_shown():
    assert "secret" not in repr(BrokerSettings(host="localhost", user="u", password="secret"))


def test_every_start_without_encryption_is_warned_of(unit, caplog):
    said = [record for record in caplog.get_records("setup") if "NOT ENCRYPTED" in record.message]
    assert [record.levelno for record in said] == [logging.WARNING]


# --- a real network -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "words"),
    [("127.0.0.1", "nothing listens there"), ("maskcam.invalid", "cannot be resolved")],
)
def test_an_unreachable_broker_is_logged_once_and_counting_goes_on(outbox, caplog, host, words):
    settings = BrokerSettings(
        host=host, port=free_port(), insecure=True, reconnect_min_s=0.01, reconnect_max_s=0.05
    )
    with Publisher(outbox, broker=settings, site=SITE, unit=UNIT) as unit:
        wait_until(lambda: words in caplog.text)
        assert unit.deliver(window(1)).result(5)
        time.sleep(0.3)
        assert unit.healthy
        assert not unit.connected
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 2
    assert caplog.text.count(words) == 1


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00\x01", b"\x20\x03\x00\x00\x00\xff" * 9,
     bytes(range(256)) * 4],
    ids=["nothing", "http", "mqtt 3", "half a packet", "noise"],
)  # fmt: skip
def test_the_link_outlives_any_answer(outbox, answer):
    """A server that answers nonsense and hangs up, again and again."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    port = listener.getsockname()[1]
    settings = BrokerSettings(
        host="127.0.0.1", port=port, reconnect_min_s=0.01, reconnect_max_s=0.05
    )
    with listener, Publisher(outbox, broker=settings, site=SITE, unit=UNIT) as unit:
        for _ in range(4):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(1000)
                connection.sendall(answer)
        assert unit.healthy
        assert unit.restarts == 0
        assert unit.deliver(window(1)).result(5)
        assert unit.delivered == 0


@needs_mosquitto
def test_status_and_last_will(broker, publisher):
    now = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
    with Subscriber(broker) as city:
        with publisher(broker.settings(), utc_now=lambda: now):
            wait_until(lambda: city.statuses)
            assert city.statuses == [wire.Status(True, maskcam.__version__, now)]
        wait_until(lambda: len(city.statuses) == 2)
        assert city.statuses[1] == wire.Status(False, maskcam.__version__, now)


def test_the_status_gets_its_time_once_the_clock_is_set(outbox, links):
    def open_link(*args, **named):
        links.append(FakeLink(*args, **named))
        return links[-1]

    times: dict[str, datetime] = {}
    named: dict[str, Any] = {"broker": LOCAL, "site": SITE, "unit": UNIT, "stop_timeout_s": 0.1}
    with Publisher(outbox, utc_now=lambda: times.get("now"), open_link=open_link, **named) as unit:
        links[0].connect()
        wait_until(lambda: unit.connected and links[0].sent)
        assert wire.decode_status(links[0].sent[0][1]).since is None
        times["now"] = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
        wait_until(lambda: len(links[0].sent) == 2)
        assert wire.decode_status(links[0].sent[1][1]).since == times["now"]


@needs_mosquitto
def test_the_status_is_retained_and_the_will_speaks_for_a_dead_unit(tmp_path, broker):
    port = str(broker.port)
    arguments = [sys.executable, "-m", "tests.delivery.unit_process", str(tmp_path / "s"), port]
    process = subprocess.Popen([*arguments, "0", "60"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)
    with process.stdout, Subscriber(broker) as city:
        wait_until(lambda: city.statuses and city.statuses[-1].online)
        process.kill()
        process.wait(10)
        wait_until(lambda: city.statuses[-1] == wire.Status(False, maskcam.__version__, None))


@needs_mosquitto
@pytest.mark.parametrize("kill", [False, True])
def test_the_status_is_right_after_the_broker_was_away(tmp_path, broker, kill):
    """A broker that is killed has forgotten it; one that ends well has kept "offline"."""
    outbox = Outbox(tmp_path / "s", site=SITE, unit=UNIT)
    with Publisher(outbox, broker=broker.settings(), site=SITE, unit=UNIT) as unit:
        wait_until(lambda: unit.connected)
        broker.restart(kill=kill)
        wait_until(lambda: unit.connected)
        with Subscriber(broker) as city:
            wait_until(lambda: city.statuses and city.statuses[-1].online)
            broker.restart(kill=kill)
            broker.restart(kill=kill)
            heard = len(city.statuses)
            wait_until(lambda: len(city.statuses) > heard and city.statuses[-1].online)
    with Subscriber(broker, client_id="later") as later:
        wait_until(lambda: later.statuses)
        assert not later.statuses[-1].online


@needs_mosquitto
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (apt install strace)")
def test_a_unit_listens_on_nothing_not_even_for_a_moment(tmp_path, broker):
    """paho's own loop would open a listening socket on the loopback."""
    calls, state = tmp_path / "calls", tmp_path / "s"
    process = subprocess.Popen(
        ["strace", "-f", "-qq", "-e", "trace=listen,accept,accept4,connect", "-o", calls,
         sys.executable, "-m", "tests.delivery.unit_process", state, str(broker.port), "0", "0.01"],
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        with process.stdout, Subscriber(broker) as city:
            city.wait_for(20)
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    seen = calls.read_text()
    assert f"htons({broker.port})" in seen
    assert not [call for call in seen.splitlines() if "connect(" not in call and "(" in call]


@needs_mosquitto
def test_a_second_unit_with_the_same_id_is_named_in_the_log(broker, publisher, tmp_path, caplog):
    other = Outbox(tmp_path / "other", site=SITE, unit=UNIT)
    with publisher(broker.settings()) as first:
        wait_until(lambda: first.connected)
        with Publisher(other, broker=broker.settings(), site=SITE, unit=UNIT):
            wait_until(lambda: "this unit's id" in caplog.text)
        assert len(caplog.records) < 10, "not a line for each round"


@needs_mosquitto
def test_user_and_password(tmp_path, publisher, caplog):
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-c", "-b", passwords, UNIT, "right"], check=True, timeout=10
    )
    passwords.chmod(0o600)
    lines = f"allow_anonymous false\npassword_file {passwords}"
    with Mosquitto(tmp_path, lines=lines) as broker:
        with publisher(broker.settings(user=UNIT, password="wrong")):
            wait_until(lambda: "refuses" in caplog.text or "not allowed" in caplog.text)
        outbox = Outbox(tmp_path / "again", site=SITE, unit=UNIT)
        settings = broker.settings(user=UNIT, password="right")
        with Publisher(outbox, broker=settings, site=SITE, unit=UNIT) as unit:
            wait_until(lambda: unit.connected)
    assert "right" not in caplog.text.replace("is port right", "")
    assert "wrong" not in caplog.text


def test_a_broker_that_speaks_only_mqtt_3(outbox, tmp_path, caplog, monkeypatch):
    """The demo's own broker; the message says which setting it needs."""
    monkeypatch.setattr("maskcam.delivery.link.CONNECT_TIMEOUT_S", 1.0)
    with EmbeddedBroker() as broker:
        quick: dict[str, Any] = {"host": broker.host, "port": broker.port, "reconnect_min_s": 0.1}
        with Publisher(outbox, broker=BrokerSettings(**quick), site=SITE, unit=UNIT) as unit:
            wait_until(lambda: "3.1.1" in caplog.text)
            assert not unit.connected
        outbox = Outbox(tmp_path / "again", site=SITE, unit=UNIT)
        settings = BrokerSettings(**quick, protocol="3.1.1")
        with Publisher(outbox, broker=settings, site=SITE, unit=UNIT) as unit:
            unit.deliver(window(1)).result(5)
            wait_until(lambda: unit.delivered == 1)
