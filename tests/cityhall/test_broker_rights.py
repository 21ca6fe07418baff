"""What each kind of certificate may do at the broker beside what it is for: nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from maskcam.cityhall.broker_files import PLUGIN, mosquitto_conf, subscription_rules
from maskcam.cityhall.collector import Collector
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.first_setup import find_plugin
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import load
from maskcam.cityhall.store import Store
from tests.cityhall.city import City
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import wait_until
from tests.cityhall.test_takeover import publish_all, windows

COUNTS = "maskcam/v2/+/+/count"
FOREIGN = "maskcam/v2/forville/forville-01/count"
needs_plugin = pytest.mark.skipif(find_plugin() is None, reason=f"mosquitto came without {PLUGIN}")


def options(city: City, folder: Path) -> list[str]:
    """Returns the options by which mosquitto's clients connect with a certificate."""
    name = "collector" if (folder / "collector.crt").exists() else "client"
    return [
        *("-h", "127.0.0.1", "-p", str(city.port), "--cafile", str(folder / "ca.crt")),
        *("--cert", str(folder / f"{name}.crt"), "--key", str(folder / f"{name}.key"), "-V", "5"),
    ]


@pytest.fixture
def everybody(city: City) -> dict[str, list[str]]:
    """Runs the broker of a city; returns how each kind of program connects."""
    assert city.run("add-collector", "second") == 0
    assert city.run("add-reader", "home") == 0
    city.broker.start()
    folder = city.directory
    return {
        "unit": options(city, folder / "units/gare-01/maskcam"),
        "first": options(city, folder / "collector"),
        "second": options(city, folder / "collectors/second"),
        "reader": options(city, folder / "readers/home"),
    }


def subscribes(who: list[str], *topics: str) -> bool:
    asked = [option for topic in topics for option in ("-t", topic)]
    done = subprocess.run(
        ["mosquitto_sub", *who, "-q", "1", *asked, "-E"],
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert b"onnection" not in done.stderr, done.stderr
    return b"denied" not in done.stderr


@contextmanager
def listening(who: list[str], *topics: str) -> Iterator[list[bytes]]:
    """Listens meanwhile; afterwards the list holds the lines that came."""
    asked = [option for topic in topics for option in ("-t", topic)]
    listener = subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", *who, "-q", "1", "-v", "-d", *asked],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert listener.stdout is not None
    lines: list[bytes] = []
    try:
        while line := listener.stdout.readline():
            if b"SUBACK" in line:
                break
        yield lines
        time.sleep(0.3)
    finally:
        listener.terminate()
        left = listener.communicate(timeout=10)[0].splitlines()
        lines += [line for line in left if line.startswith((b"maskcam/", b"homeassistant/"))]


@needs_plugin
def test_a_unit_subscribes_to_nothing_and_a_reader_joins_no_group(
    everybody: dict[str, list[str]],
) -> None:
    for topic in ("a", "#", COUNTS, f"$share/hall/{COUNTS}", "$share/hall/#", "$SYS/#"):
        assert not subscribes(everybody["unit"], topic), topic
    assert not subscribes(everybody["reader"], f"$share/hall/{COUNTS}")
    assert subscribes(everybody["reader"], COUNTS)
    assert subscribes(everybody["second"], f"$share/hall/{COUNTS}", COUNTS)


@needs_plugin
def test_nobody_gets_a_part_of_what_is_the_collectors(
    city: City, everybody: dict[str, list[str]]
) -> None:
    """In the group of the collectors a unit got, and lost, every second window."""
    settings = load(city.config)
    broker = replace(settings.broker, shared_group="hall")
    metrics = Metrics()
    with up_to_date(settings.database.url, zone=PARIS) as engine:
        store = Store(engine, calendar=Calendar(PARIS))
        with (
            listening(everybody["unit"], f"$share/hall/{COUNTS}") as of_unit,
            listening(everybody["reader"], f"$share/hall/{COUNTS}") as of_reader,
            Collector(broker=broker, store=store, metrics=metrics),
        ):
            wait_until(lambda: metrics.value("connected") == 1)
            topic, payloads = windows(20)
            assert publish_all(city, "forville-01", topic, payloads) == 0
            wait_until(lambda: metrics.value("windows_total", result="stored") == 20)
    assert of_unit == of_reader == []


def test_each_writes_its_own_topics_and_no_other_by_any_means(
    city: City, everybody: dict[str, list[str]]
) -> None:
    """By publishing, retained or not, and by a last will."""
    own = "maskcam/v2/gare/gare-01/status"
    foreign = [FOREIGN, "maskcam/v2/gare/forville-01/count", "homeassistant/sensor/a/b/config"]
    with listening(everybody["first"], "maskcam/#", "homeassistant/#") as came:
        for topic in (*foreign, f"$share/hall/{FOREIGN}", "$SYS/broker/version", own):
            will = ["--will-topic", topic, "--will-payload", "will", "--will-retain"]
            dying = subprocess.Popen(
                ["stdbuf", "-oL", "mosquitto_sub", *everybody["unit"], *will, "-t", "x", "-d"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert dying.stdout is not None
            dying.stdout.readline()
            dying.stdout.readline()  # CONNACK
            dying.kill()
            dying.communicate(timeout=10)
        for who, topics in {
            "unit": foreign,
            "second": [FOREIGN, own],
            "reader": [FOREIGN, own, foreign[2]],
        }.items():
            for topic in topics:
                for more in ([], ["-r"]):
                    subprocess.run(
                        [
                            "mosquitto_pub",
                            *everybody[who],
                            "-q",
                            "1",
                            "-t",
                            topic,
                            "-m",
                            who,
                            *more,
                        ],
                        capture_output=True,
                        timeout=20,
                        check=False,
                    )
    assert [line for line in came if not line.startswith(own.encode())] == []
    assert all(line.endswith(b"will") for line in came)


def test_a_second_collector_leaves_the_first_ones_session_alone(
    city: City, everybody: dict[str, list[str]]
) -> None:
    session = ["-i", "cityhall-collector", "-q", "1", "-t", COUNTS]
    first = ["mosquitto_sub", *everybody["first"], *session, "-c", "-x", "1000"]
    subprocess.run([*first, "-E"], check=True, timeout=20)
    topic, payloads = windows(5)
    assert publish_all(city, "forville-01", topic, payloads) == 0
    subprocess.run(
        ["mosquitto_sub", *everybody["second"], *session, "-E"],  # begins a session anew
        check=False,
        timeout=20,
    )
    waited = subprocess.run([*first, "-C", "5", "-W", "5"], capture_output=True, timeout=20)
    assert len(waited.stdout.splitlines()) == 5


def test_no_option_of_mqtt_5_gets_a_unit_further(
    city: City, everybody: dict[str, list[str]]
) -> None:
    """With aliases a message would have 8 bytes."""
    own = ["-q", "1", "-t", "maskcam/v2/gare/gare-01/count", "-m", "x"]
    for option, refused in (
        (["publish", "topic-alias", "1"], True),
        (["connect", "maximum-packet-size", "10"], True),  # its own affair
        (["connect", "session-expiry-interval", "4294967295"], False),
        (["connect", "receive-maximum", "1"], False),
        (["publish", "response-topic", FOREIGN], False),
    ):
        done = subprocess.run(
            ["mosquitto_pub", *everybody["unit"], *own, "-D", *option],
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode != 0) == refused, (option, done.stderr)
    topic, payloads = windows(3)
    assert publish_all(city, "forville-01", topic, payloads) == 0


def test_a_revoked_unit_is_mute_at_a_reload_and_out_at_a_restart(
    city: City, everybody: dict[str, list[str]]
) -> None:
    unit = ["mosquitto_pub", *everybody["unit"], "-q", "1", "-t", "maskcam/v2/gare/gare-01/count"]
    with listening(everybody["first"], COUNTS) as came:
        still_in = subprocess.Popen([*unit, "-l"], stdin=subprocess.PIPE)
        assert still_in.stdin is not None
        still_in.stdin.write(b"before\n")
        still_in.stdin.flush()
        time.sleep(0.3)
        assert city.run("revoke-unit", "gare-01") == 0
        assert city.broker.process is not None
        city.broker.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        still_in.stdin.write(b"after\n")
        still_in.stdin.flush()
    assert [line.split()[-1] for line in came] == [b"before"]
    city.broker.stop()
    city.broker.start()
    still_in.kill()
    still_in.communicate(timeout=10)
    assert subprocess.run([*unit, "-m", "x"], capture_output=True, timeout=20).returncode != 0


def test_without_the_plugin_the_broker_is_made_as_before(tmp_path: Path) -> None:
    assert PLUGIN not in mosquitto_conf(tmp_path)
    assert find_plugin([tmp_path]) is None
    place = tmp_path / "aarch64-linux-gnu" / PLUGIN
    place.parent.mkdir()
    place.touch()
    assert find_plugin([tmp_path]) == place
    assert f"plugin {place}" in mosquitto_conf(tmp_path, plugin=place)
    rules = json.loads(subscription_rules(["gare-01"], readers=["home"]))
    assert [client["username"] for client in rules["clients"]] == ["gare-01", "home"]
