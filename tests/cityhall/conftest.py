from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.store import Store
from tests.cityhall.city import City
from tests.cityhall.servers import Mosquitto, Postgres, running_postgres

PARIS = ZoneInfo("Europe/Paris")
_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'cityhall.db'}"
        return
    server, name = request.getfixturevalue("postgres"), f"test{next(_numbers)}"
    yield server.new_database(name)
    server.drop_database(name)  # all of them at once, at the end, would take a minute


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    upgrade(engine, zone=PARIS)
    yield engine
    engine.dispose()


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(PARIS)


@pytest.fixture
def store(engine: Engine, calendar: Calendar) -> Store:
    return Store(engine, calendar=calendar)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "broker")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path / "hall")
    yield city
    city.broker.kill()
