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
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import Sender, message, wait_until
from tests.cityhall.messages import assert_sums_are_right, received
from tests.cityhall.processes import CityHall, write_config
from tests.cityhall.servers import Mosquitto, Postgres, wait_for_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(560)]

START = datetime(2026, 1, 4, tzinfo=UTC)
SECONDS = 60
RATE = 150
UNITS = 50


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


class Load:
    """Sends windows at a steady rate from a thread, until told to stop."""

    def __init__(self, port: int, *, again_s: float) -> None:
        self.sender = Sender(port, client_id="fleet", again_s=again_s)
        self.sent: set[tuple[str, int]] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def finish(self) -> None:
        self._stopping.set()
        self._thread.join(90)
        self.sender.wait(90)
        self.sender.close()

    def _run(self) -> None:
        minute = 0
        while not self._stopping.wait(UNITS / RATE):
            start = START + timedelta(minutes=minute)
            batch = [received(start, unit=f"u-{unit}") for unit in range(UNITS)]
            self.sender.send(message(item) for item in batch)
            self.sent |= {(item.unit, int(start.timestamp() // 60)) for item in batch}
            minute += 1


@pytest.mark.parametrize(
    ("victims", "collectors", "again_s"),
    [
        (("collector",), 2, 0),
        (("collector", "database"), 2, 0),
        # mosquitto 2.0 acknowledges a moment before it saves. Killed in that moment, it loses
        # what it had acknowledged, unless units send the last seconds again.
        (("broker",), 1, 10),
    ],
)
def test_kills_lose_and_double_nothing(
    victims: tuple[str, ...],
    collectors: int,
    again_s: float,
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
    load = Load(broker.port, again_s=again_s)
    kills = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
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
