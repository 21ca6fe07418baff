"""Home Assistant: what is announced to it, and the bridge from city hall's broker to its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import Environment

from maskcam.cityhall.broker_files import COLLECTOR, home_access_list
from maskcam.cityhall.discovery import announcements
from maskcam.cityhall.store import Store
from maskcam.delivery.wire import encode_status, status_topic
from tests.cityhall.city import City
from tests.cityhall.fleet import message
from tests.cityhall.messages import received
from tests.cityhall.servers import Mosquitto
from tests.cityhall.test_collector import GOOD, collecting, sending

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
FIELDS = {"people", "people_per_hour", "mask_share", "online", "sight"}


def test_units_are_announced_if_that_is_wanted(broker: Mosquitto, store: Store) -> None:
    listener = subprocess.Popen(
        ["mosquitto_sub", "-p", str(broker.port), "-t", "homeassistant/#", "-C", "5", "-v"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with collecting(broker, store, home_assistant=True), sending(broker) as sender:
        time.sleep(0.5)  # the listener connects
        sender.send([GOOD])
        said, _ = listener.communicate(timeout=60)
    found = dict(line.split(" ", 1) for line in said.splitlines())
    assert {topic.split("/")[3] for topic in found} == FIELDS
    people = json.loads(found["homeassistant/sensor/maskcam_forville-01/people/config"])
    assert people["state_topic"] == GOOD[0]
    assert people["availability"][0]["topic"] == "maskcam/v2/forville/forville-01/status"


@pytest.mark.parametrize(
    ("counts", "observed_s", "per_hour", "share", "sight"),
    [
        ((40, 20, 0, 5), 3600, "65.0", "67.0", "ON"),
        ((40, 20, 0, 5), 1800, "130.0", "67.0", "ON"),  # as many in half of the time
        ((40, 20, 0, 5), 1700, "None", "None", "ON"),  # too little of the hour
        ((9, 5, 0, 5), 3600, "19.0", "None", "ON"),  # too few for a share
        (None, 0, "None", "None", "OFF"),  # blind, which is not an empty street
    ],
)
def test_states_can_be_compared(
    counts: tuple[int, int, int, int] | None,
    observed_s: int,
    per_hour: str,
    share: str,
    sight: str,
) -> None:
    hour = received(START, minutes=60, hour=True, counts=counts, observed_s=observed_s)
    minute = received(START, counts=counts, observed_s=min(observed_s, 60))
    states = {}
    for topic, payload in announcements("forville", "forville-01"):
        sensor = json.loads(payload)
        for item in (hour, minute):
            state_topic, body = message(item)
            if sensor["state_topic"] == state_topic:
                template = Environment().from_string(sensor["value_template"])
                states[topic.split("/")[3]] = template.render(value_json=json.loads(body))
    assert states["people_per_hour"] == per_hour
    assert states["mask_share"] == share
    assert states["sight"] == sight
    assert states["people"] == (str(sum(counts)) if counts else "None")


class Home:
    """The broker beside Home Assistant, with the files that city hall gave away."""

    def __init__(self, directory: Path, reader: Path) -> None:
        directory.mkdir()
        passwords = directory / "passwords"
        for user in ("homeassistant", "neighbour"):
            create = () if passwords.exists() else ("-c",)
            subprocess.run(
                ["mosquitto_passwd", *create, "-b", passwords, user, "secret"],
                check=True,
                capture_output=True,
            )
        (directory / "acl").write_text(
            home_access_list("homeassistant") + "\nuser neighbour\ntopic readwrite #\n"
        )
        bridge = (reader / "bridge.conf").read_text()
        bridge = bridge.replace("/etc/mosquitto/certs/home-assistant", str(reader))
        self.broker = Mosquitto(directory / "run", config="-")
        self.broker.file.write_text(
            ("user root\n" if os.geteuid() == 0 else "")
            + f"listener {self.broker.port} 127.0.0.1\nallow_anonymous false\n"
            f"password_file {passwords}\nacl_file {directory}/acl\n{bridge}"
        )

    def client(self, program: str, user: str, *arguments: str) -> list[str]:
        place = ("-h", "127.0.0.1", "-p", str(self.broker.port), "-u", user, "-P", "secret")
        return [program, *place, *arguments]


@pytest.fixture
def home(city: City, tmp_path: Path) -> Iterator[Home]:
    assert city.run("add-reader", "home-assistant") == 0
    city.broker.start()
    home = Home(tmp_path / "home", city.directory / "readers/home-assistant")
    yield home
    home.broker.kill()


@pytest.mark.slow
def test_a_bridge_fetches_counts_and_sends_nothing(city: City, home: Home) -> None:
    hour = message(received(START, minutes=60, hour=True))
    online = encode_status(online=True, version="1.0", since=None)
    status = status_topic(site="forville", unit="forville-01")
    announced, description = next(announcements("forville", "forville-01"))
    assert publish(city, "forville-01", status, online, retain=True) == 0
    assert publish(city, COLLECTOR, announced, description, retain=True) == 0
    home.broker.start()
    listening = subprocess.Popen(
        home.client("mosquitto_sub", "homeassistant", "-t", "#", "-q", "1", "-v", "-C", "3"),
        stdout=subprocess.PIPE,
        text=True,
    )
    at_city_hall = subprocess.Popen(
        ["mosquitto_sub", *access(city, COLLECTOR), "-V", "5", "-t", "maskcam/#", "-W", "6", "-v"],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(2)
    assert publish(city, "forville-01", *hour) == 0
    said, _ = listening.communicate(timeout=30)
    assert {line.split(" ")[0] for line in said.splitlines()} == {status, announced, hour[0]}
    for user in ("homeassistant", "neighbour"):  # the second may write all, at home
        forged = home.client("mosquitto_pub", user, "-t", hour[0], "-q", "1", "-m", "forged")
        subprocess.run(forged, check=False, timeout=20, capture_output=True)
    heard, _ = at_city_hall.communicate(timeout=30)
    assert hour[0] in heard
    assert "forged" not in heard


def access(city: City, name: str) -> list[str]:
    if name != COLLECTOR:
        return city.access(name)
    folder = city.directory / "collector"
    return [
        *("-h", "127.0.0.1", "-p", str(city.port), "--cafile", str(folder / "ca.crt")),
        *("--cert", str(folder / "collector.crt"), "--key", str(folder / "collector.key")),
    ]


def publish(city: City, name: str, topic: str, payload: bytes, *, retain: bool = False) -> int:
    kept = ["-r"] if retain else []
    return subprocess.run(
        ["mosquitto_pub", *access(city, name), "-V", "5", "-q", "1", "-t", topic, *kept, "-s"],
        input=payload,
        capture_output=True,
        timeout=20,
        check=False,
    ).returncode
