"""SIGKILL of collector, broker and database at random under load: nothing lost or doubled.

Run with: scripts/test --slow tests/cityhall/test_kills.py -s
"""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from maskcam.cityhall import schema
from maskcam.cityhall.database import connect
from maskcam.cityhall.rollup import Calendar
from maskcam.delivery.outbox import Outbox
from maskcam.delivery.publisher import BrokerSettings, Publisher
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import wait_until
from tests.cityhall.messages import assert_sums_are_right, received
from tests.cityhall.processes import CityHall, write_config
from tests.cityhall.servers import Mosquitto, Postgres, wait_for_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(560)]

START = datetime(2026, 1, 4, tzinfo=UTC)
SECONDS = 60
KILLS = 10
RATE = 80
UNITS = 16


def starts_stored(url: str) -> set[tuple[str, int]]:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            query = select(schema.units.c.name, schema.windows.c.start).join(
                schema.units, schema.windows.c.unit_id == schema.units.c.id
            )
            return {(unit, start) for unit, start in connection.execute(query)}
    finally:
        engine.dispose()


class Units:
    """Real delivery of real units: each has its outbox on disk and its own connection."""

    def __init__(self, port: int, directory: Path) -> None:
        broker = BrokerSettings(
            host="127.0.0.1", port=port, reconnect_min_s=0.3, reconnect_max_s=1.0, keepalive_s=10
        )
        self.sent: set[tuple[str, int]] = set()
        self._names = [f"u-{number:02d}" for number in range(UNITS)]
        self._publishers = [
            Publisher(
                Outbox(directory / name, site="forville", unit=name),
                broker=broker,
                site="forville",
                unit=name,
            )
            for name in self._names
        ]
        for publisher in self._publishers:
            publisher.start()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def finish(self) -> None:
        self._stopping.set()
        self._thread.join(90)
        wait_until(lambda: not any(publisher.waiting for publisher in self._publishers), 120)
        for publisher in self._publishers:
            publisher.stop(timeout_s=5)

    def _run(self) -> None:
        minute = 0
        while not self._stopping.wait(UNITS / RATE):
            start = START + timedelta(minutes=minute)
            for name, publisher in zip(self._names, self._publishers, strict=True):
                publisher.deliver(received(start).count)
                self.sent.add((name, int(start.timestamp() // 60)))
            minute += 1


@pytest.mark.parametrize(
    ("victims", "collectors"),
    [
        (("collector",), 2),
        (("collector", "database"), 2),
        (("broker",), 1),
        (("collector", "broker", "database"), 2),
    ],
)
def test_kills_lose_and_double_nothing(
    victims: tuple[str, ...],
    collectors: int,
    broker: Mosquitto,
    tmp_path: Path,
    postgres: Postgres,
) -> None:
    chance = random.Random(6)
    url = postgres.new_database("kills-" + "-".join(victims))
    halls = [
        CityHall(
            write_config(
                tmp_path,
                broker=broker,
                database_url=url,
                client_id=f"hall-{number}",
                more='shared_group = "hall"\n' if collectors > 1 else "",
            ),
            *("--only", "collector"),
        )
        for number in range(collectors)
    ]
    for hall in halls:
        hall.start()
    time.sleep(2)
    load = Units(broker.port, tmp_path / "units")
    kills = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or kills < KILLS:
        time.sleep(chance.uniform(1, 6))
        victim = chance.choice(victims)
        if victim == "collector":
            hall = chance.choice(halls)
            hall.kill()
            hall.start()
        elif victim == "broker":
            broker.kill()
            time.sleep(chance.uniform(0, 2))
            broker.start()
        else:
            postgres.kill()
            time.sleep(chance.uniform(0, 2))
            postgres.start()
        kills += 1
    load.finish()
    wait_for_port(postgres.port)

    def missing() -> int:
        try:
            return len(load.sent - starts_stored(url))
        except OperationalError:
            return -1

    try:
        wait_until(lambda: missing() == 0, 60)
    except AssertionError:
        pytest.fail(f"{missing()} of {len(load.sent)} windows lost after {kills} kills")
    finally:
        for hall in halls:
            hall.end()
    assert starts_stored(url) == load.sent
    engine = connect(url)
    assert_sums_are_right(engine, Calendar(PARIS))
    engine.dispose()
    print(f"\n{'+'.join(victims)}: {kills} kills, {len(load.sent)} windows, none lost or doubled")
