"""Faults against real parts: every closed window reaches city hall, and none is made up.

The full set runs with `-m "slow or not slow"`; scripts/reliability-report makes the
table in docs/reliability.md from it.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import Publisher
from tests import needs
from tests.broker import PLAIN, Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.certificates import EXPIRED, Authority
from tests.delivery.windows import SITE, UNIT, window
from tests.proxy import Proxy

ROOT = Path(__file__).parents[2]
ACL = ROOT / "docs" / "mqtt" / "maskcam.acl"
CONFIGURATION = ROOT / "docs" / "mqtt" / "mosquitto.conf"

pytestmark = needs_mosquitto


def deliver(publisher, minutes, *, pace_s=0.0):
    kept = []
    for minute in minutes:
        kept.append(publisher.deliver(window(minute)))
        time.sleep(pace_s)
    for future in kept:
        future.result(30)


# --- the process dies -----------------------------------------------------------


class Unit:
    """Runs unit_process.py again and again, and keeps account of what it said."""

    def __init__(self, state, broker, *, pace_s=0.005):
        self.closed, self.attempted = set(), set()
        self._arguments, self._pace_s = (str(state), str(broker.port)), str(pace_s)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self):
        return self

    def __exit__(self, *args):
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)

    def start(self):
        first = str(max(self.attempted, default=-1) + 1)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.delivery.unit_process", *self._arguments, first,
             self._pace_s],
            cwd=ROOT, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._started = threading.Event()
        self._reader.start()

    def _read(self, stream):
        with stream:
            for line in stream:
                word, *minute = line.decode().split()
                if word == "closing":
                    self.attempted.add(int(*minute))
                elif word == "closed":
                    self.closed.add(int(*minute))
                else:
                    self._started.set()

    def wait_started(self):
        assert self._started.wait(60)

    def end(self, number):
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(20)
        self._reader.join(20)
        return code


def kill_often(tmp_path, broker, report, kills, seed):
    chance = random.Random(seed)
    with Unit(tmp_path / "state", broker) as unit, Subscriber(broker) as city:
        for _ in range(kills):
            unit.start()
            if chance.random() < 0.8:  # else: perhaps killed while it starts
                unit.wait_started()
            time.sleep(chance.uniform(0, 0.4))
            assert unit.end(signal.SIGKILL) == -signal.SIGKILL
        unit.start()
        unit.wait_started()
        time.sleep(0.2)
        assert unit.end(signal.SIGTERM) == 0
        city.wait_for(len(unit.closed), timeout_s=60)
        assert city.statuses[-1].online is False
        report.check(
            f"{kills} times SIGKILL at random moments",
            city,
            closed=unit.closed,
            attempted=unit.attempted,
            detail="real process, a window every 5 ms",
        )
        assert len(unit.closed) > kills


def test_killed_at_random_moments(tmp_path, broker, report):
    kill_often(tmp_path, broker, report, kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_200_times_at_random_moments(tmp_path, broker, report):
    kill_often(tmp_path, broker, report, kills=200, seed=2)


# --- the broker is away ------------------------------------------------------------


def away(tmp_path, broker, publisher, report, windows, fault):
    with Subscriber(broker) as city:
        settings = broker.settings()
        broker.stop()
        with publisher(settings) as unit:
            deliver(unit, range(windows))
            assert not unit.connected
            assert unit.healthy
            broker.start()
            back_s = time.monotonic()
            city.wait_for(windows, timeout_s=60)
            took_s = time.monotonic() - back_s
        report.check(
            fault, city, closed=range(windows), detail=f"all there {took_s:.1f} s after its return"
        )


def test_broker_away_for_an_hour(tmp_path, broker, publisher, report):
    away(tmp_path, broker, publisher, report, 60, "broker away for an hour")


@pytest.mark.slow
def test_broker_away_for_three_days(tmp_path, broker, publisher, report):
    away(tmp_path, broker, publisher, report, 3 * 1440, "broker away for three days of windows")


def restarted(broker, publisher, report, times, *, kill=False):
    minute = 0
    with Subscriber(broker) as city, publisher(broker.settings()) as unit:
        for _ in range(times):
            end = time.monotonic() + 1
            while time.monotonic() < end:
                deliver(unit, [minute], pace_s=0.02)
                minute += 1
            broker.restart(kill=kill)
        city.wait_for(minute, timeout_s=60)
        report.check(f"broker restarted every second, {times} times", city, closed=range(minute))


def test_broker_restarted_every_second(broker, publisher, report):
    restarted(broker, publisher, report, times=2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_broker_restarted_every_second_for_a_minute(broker, publisher, report):
    restarted(broker, publisher, report, times=60)


@pytest.mark.slow
def test_backlog_drains_fast(broker, outbox, publisher, report, record_property, monkeypatch):
    number = 10_000
    with monkeypatch.context() as quick:
        quick.setattr(os, "fdatasync", lambda file: None)
        for minute in range(number):
            outbox.put(window(minute))
    with Subscriber(broker) as city:
        began_s = time.monotonic()
        with publisher(broker.settings()):
            city.wait_for(number, timeout_s=60)
        took_s = time.monotonic() - began_s
        record_property("drain_10000_s", round(took_s, 1))
        report.check("backlog of 10,000 windows", city, closed=range(number),
                     detail=f"drained in {took_s:.1f} s")  # fmt: skip
    assert took_s < 60


# --- the network -----------------------------------------------------------------------


def cut(broker, publisher, report, windows, seed):
    with Subscriber(broker) as city, Proxy(broker.port, seed=seed) as proxy:
        proxy.cut_after = (60, 3000)  # from inside of CONNECT to a dozen windows later
        with publisher(broker.settings(port=proxy.port, reconnect_max_s=0.1)) as unit:
            deliver(unit, range(windows), pace_s=0.005)
            wait_until(lambda: proxy.cuts >= windows / 20, timeout_s=60, what="cuts")
            proxy.cut_after = None
            city.wait_for(windows, timeout_s=60)
        report.check(
            "connection cut in the middle of a message", city, closed=range(windows),
            detail=f"{proxy.cuts} cuts",
        )  # fmt: skip


def test_connection_cut_in_the_middle_of_a_message(broker, publisher, report):
    cut(broker, publisher, report, windows=100, seed=3)


@pytest.mark.slow
def test_connection_cut_many_times(broker, publisher, report):
    cut(broker, publisher, report, windows=2000, seed=4)


def test_lost_acknowledgements_lead_to_repeats_that_are_stored_once(
    broker, publisher, report, monkeypatch
):
    monkeypatch.setattr("maskcam.delivery.dispatch.ACKNOWLEDGE_WITHIN_S", 1.5)
    with Subscriber(broker) as city, Proxy(broker.port) as proxy:
        proxy.swallow = 1  # the first packet, CONNACK, passes; no acknowledgement does
        with publisher(broker.settings(port=proxy.port, keepalive_s=1)) as unit:
            deliver(unit, range(10))
            wait_until(lambda: len(city.received) >= 20, timeout_s=30, what="repeats")
            assert unit.delivered == 0
            proxy.swallow = None
            wait_until(lambda: unit.delivered == 10, timeout_s=30, what="acknowledgements")
        report.check("acknowledgements lost on the way", city, closed=range(10))


# --- who may ------------------------------------------------------------------------------


@pytest.fixture
def city_ca(tmp_path):
    return Authority(tmp_path / "ca")


NOT_FOR_A_TEST = ("#", "listener", "crlfile", "persistence", "persistence_location")


def encrypted(tmp_path, authority, *, server=None, more="", port=0):
    """Returns a broker with the configuration that docs/mqtt has for city hall."""
    certificate, key = server or authority.server()
    paths = {"cafile": authority.ca, "certfile": certificate, "keyfile": key, "acl_file": ACL}
    lines = [more]
    for line in CONFIGURATION.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name and name not in NOT_FOR_A_TEST:
            lines.append(f"{name} {paths.get(name, value)}")
    broker = Mosquitto(tmp_path, lines="\n".join(lines), port=port)
    broker.host = "localhost"
    return broker


def unit_settings(broker, authority, *, ca=None, unit=UNIT, client=None, **changes):
    certificate, key = client or authority.client(unit)
    return broker.settings(ca=ca or authority.ca, certificate=certificate, key=key, **changes)


def city_of(broker, authority):
    return Subscriber(broker, settings=unit_settings(broker, authority, unit="cityhall"))


# A TLS socket whose handshake failed is closed by paho only when it is collected.
CLOSED_LATE = "ignore:.*unclosed <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
wrong_certificates = pytest.mark.filterwarnings(CLOSED_LATE, "ignore:unclosed:ResourceWarning")


def test_the_configuration_for_city_hall_works(tmp_path, city_ca, publisher, report):
    with encrypted(tmp_path, city_ca) as broker, city_of(broker, city_ca) as city:
        with publisher(unit_settings(broker, city_ca)) as unit:
            deliver(unit, range(20))
            city.wait_for(20)
            assert city.statuses == [status for status in city.statuses if status.online]
        wait_until(lambda: len(city.statuses) == 2, what="the goodbye")
        report.check("none: TLS, certificates and access list as in docs/mqtt", city,
                     closed=range(20))  # fmt: skip


def refused_until_mended(tmp_path, publisher, report, caplog, *, fault, words, broken, mended):
    """`broken` and `mended` are (broker, settings); the unit uses the first, then the second."""
    (bad_broker, settings), (good_broker, authority) = broken, mended
    with publisher(settings) as unit:
        with bad_broker:
            deliver(unit, range(10))
            wait_until(lambda: words in caplog.text, what=f"{words!r} in the log")
            assert not unit.connected
            assert unit.healthy
            assert unit.waiting == 10
        with good_broker, city_of(good_broker, authority) as city:
            city.wait_for(10)
            report.check(fault, city, closed=range(10), detail=f'says: "{words}"')


@wrong_certificates
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("broker's certificate expired", "the broker's certificate has expired"),
        ("broker's certificate of another name", "is made out to another name"),
        ("broker's certificate of another CA", "was signed by another CA"),
        ("broker without TLS", "does it speak TLS on this port"),
    ],
)
def test_a_broker_with_a_wrong_certificate(
    tmp_path, city_ca, publisher, report, caplog, fault, words
):
    stranger = Authority(tmp_path / "stranger", name="Stranger")
    server = {
        "expired": lambda: city_ca.server(valid=EXPIRED, name="expired"),
        "name": lambda: city_ca.server(host="mqtt.example.org", name="other"),
        "CA": lambda: stranger.server(),
        "TLS": lambda: None,
    }[fault.split()[-1]]()
    broken = encrypted(tmp_path, city_ca, server=server)
    if server is None:
        broken.configure(PLAIN)
    mended = encrypted(tmp_path / "mended", city_ca, port=broken.port)
    refused_until_mended(
        tmp_path, publisher, report, caplog, fault=fault, words=words,
        broken=(broken, unit_settings(broken, city_ca)), mended=(mended, city_ca),
    )  # fmt: skip


@wrong_certificates
def test_a_unit_whose_certificate_has_expired_or_was_revoked(
    tmp_path, city_ca, publisher, report, caplog
):
    """Renewed files are used without a restart."""
    settings = unit_settings(
        encrypted(tmp_path, city_ca), city_ca, client=city_ca.client(UNIT, valid=EXPIRED)
    )
    broker = encrypted(tmp_path, city_ca)
    with broker, publisher(settings_for(settings, broker)) as unit:
        deliver(unit, range(10))
        wait_until(lambda: "certificate has expired" in caplog.text, what="the reason")
        assert not unit.connected
        city_ca.client(UNIT)  # over the old files
        with city_of(broker, city_ca) as city:
            city.wait_for(10)
            report.check("unit's certificate expired, then renewed", city, closed=range(10))


def settings_for(settings, broker):
    fields = ("ca", "certificate", "key")
    return broker.settings(**{name: getattr(settings, name) for name in fields})


@wrong_certificates
def test_a_unit_whose_certificate_was_revoked(tmp_path, city_ca, publisher, report, caplog):
    client = city_ca.client(UNIT)
    revoked = city_ca.revoke(client[0])
    broker = encrypted(tmp_path, city_ca, more=f"crlfile {revoked}")
    with broker, publisher(unit_settings(broker, city_ca, client=client)) as unit:
        deliver(unit, range(10))
        wait_until(lambda: "certificate was revoked" in caplog.text, what="the reason")
        assert not unit.connected
        city_ca.client(UNIT)
        with city_of(broker, city_ca) as city:
            city.wait_for(10)
            report.check("unit's certificate revoked, then a new one", city, closed=range(10))


def test_access_list_revoked_and_given_back(tmp_path, city_ca, publisher, report, caplog):
    broker = encrypted(tmp_path, city_ca)
    acl = tmp_path / "acl"
    acl.write_text("user cityhall\ntopic read maskcam/v2/#\n")
    broker.config.write_text(broker.config.read_text().replace(str(ACL), str(acl)))
    with broker, city_of(broker, city_ca) as city:
        with publisher(unit_settings(broker, city_ca)) as unit:
            deliver(unit, range(10))
            wait_until(lambda: "not allowed to" in caplog.text, what="the reason")
            assert unit.connected
            assert (unit.delivered, unit.waiting) == (0, 10)
            shutil.copy(ACL, acl)
            broker.reload()
            city.wait_for(10)
        report.check("access list without the unit, then with it", city, closed=range(10))


def test_a_unit_can_write_no_topic_of_others_and_read_nothing(tmp_path, city_ca):
    """With the access list of docs/mqtt, whatever program holds the unit's certificate."""
    broker = encrypted(tmp_path, city_ca)
    spy_settings = unit_settings(broker, city_ca, unit="carnot-01")
    spying = Subscriber(broker, topic="#", settings=spy_settings, client_id="carnot-01")
    with broker, city_of(broker, city_ca) as city, spying as spy:
        for topic in (
            "maskcam/v2/forville/forville-01/count",
            "maskcam/v2/carnot/carnot-01/other",
            "maskcam/v2/carnot/carnot-01",
            "other",
        ):
            spy.client.publish(topic, b"forged", qos=1).wait_for_publish(5)
        spy.client.publish("maskcam/v2/carnot/carnot-01/count", b"own", qos=1)
        wait_until(lambda: city.messages, what="the unit's own topic")
        time.sleep(0.2)
        assert [message.payload for message in city.messages] == [b"own"]
        assert spy.messages == []


def test_nobody_subscribes_yet(broker, publisher, report, caplog):
    with publisher(broker.settings()) as unit:
        deliver(unit, range(10))
        wait_until(lambda: "nobody subscribes" in caplog.text, what="the reason")
        assert (unit.delivered, unit.waiting) == (0, 10)
        with Subscriber(broker) as city:
            city.wait_for(10)
            report.check("nobody subscribes yet", city, closed=range(10))


# --- the disk -----------------------------------------------------------------------------


def test_state_directory_deleted_under_way(tmp_path, broker, publisher, report):
    with Subscriber(broker) as city:
        settings = broker.settings()
        broker.stop()
        with publisher(settings) as unit:
            deliver(unit, range(20))
            shutil.rmtree(tmp_path / "state")
            deliver(unit, range(20, 40))
            assert (tmp_path / "state").exists()
            broker.start()
            city.wait_for(40)
        report.check("state directory deleted under way", city, closed=range(40))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    subprocess.run(mount, check=True, capture_output=True)
    yield place
    subprocess.run(["umount", str(place)], check=True, capture_output=True)


@needs.mounts
def test_state_directory_full(small_disk, broker, report):
    outbox = Outbox(small_disk / "state", site=SITE, unit=UNIT)
    with Subscriber(broker) as city:
        settings = broker.settings()
        broker.stop()
        (small_disk / "filler").write_bytes(bytes(100_000))
        with Publisher(outbox, broker=settings, site=SITE, unit=UNIT) as unit:
            kept = [unit.deliver(window(minute)).result(20) for minute in range(200)]
            assert not all(kept), "the disk was to be full"
            broker.start()
            city.wait_for(200)
        report.check("state directory full (real small file system)", city, closed=range(200),
                     detail=f"{kept.count(False)} windows only in memory meanwhile")  # fmt: skip


@needs.mounts
def test_state_directory_read_only(small_disk, broker, report):
    """As a card that the kernel mounts read-only after errors; what is on it is still sent."""
    state = small_disk / "state"
    with Outbox(state, site=SITE, unit=UNIT) as outbox:
        for minute in range(10):
            outbox.put(window(minute))
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True, capture_output=True)
    outbox = Outbox(state, site=SITE, unit=UNIT)
    with Subscriber(broker) as city:
        with Publisher(outbox, broker=broker.settings(), site=SITE, unit=UNIT) as unit:
            deliver(unit, range(10, 20))
            city.wait_for(20)
        report.check("state directory read-only", city, closed=range(20))


@pytest.mark.slow
def test_no_file_handle_is_left_behind(broker, publisher):
    def handles():
        return len(list(Path("/proc/self/fd").iterdir()))

    with Proxy(broker.port) as proxy:
        proxy.cut_after = (10, 200)
        with publisher(broker.settings(port=proxy.port, reconnect_max_s=0.05)) as unit:
            wait_until(lambda: proxy.cuts >= 20, timeout_s=30)
            before = handles()
            wait_until(lambda: proxy.cuts >= 200, timeout_s=60)
            assert handles() <= before + 6
            assert unit.healthy
