"""Rates on this machine; run with: scripts/test --slow tests/cityhall/test_rates.py -s"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from maskcam.cityhall import schema
from maskcam.cityhall.database import connect, upgrade, writing
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.delivery.wire import Status
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import Sender, message, wait_until
from tests.cityhall.messages import minutes_from, received
from tests.cityhall.processes import CityHall, write_config
from tests.cityhall.servers import Mosquitto

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

START = datetime(2026, 1, 4, tzinfo=UTC)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that does not save its queue at every message: the clients are measured."""
    server = Mosquitto(tmp_path / "broker", saving=False)
    server.start()
    yield server
    server.kill()


def count_stored(url: str) -> int:
    """Returns the number of stored windows, of one minute each, without disturbing the rate."""
    time.sleep(0.1)
    engine = connect(url)
    with engine.connect() as connection:
        number = connection.scalar(select(func.sum(schema.daily.c.covered_minutes))) or 0
    engine.dispose()
    return int(number)


def test_stored_messages_a_second_beside_mosquitto_sub(broker: Mosquitto, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}"
    hall = CityHall(write_config(tmp_path, broker=broker, database_url=url), "--only", "collector")
    file = tmp_path / "lines"
    listen = ["mosquitto_sub", "-p", str(broker.port), "-i", "sub", "-c", "-q", "1"]
    listen += ["-t", "maskcam/v2/+/+/count"]
    subprocess.run([*listen, "-E"], check=True, timeout=20)  # its session, without messages yet
    hall.start()
    time.sleep(2)
    hall.end()

    units, minutes = 20, 8000
    total = units * minutes
    for unit in range(units):
        batch = [message(m) for m in minutes_from(START, minutes, unit=f"u-{unit}")]
        subprocess.run(
            ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", batch[0][0], "-l"],
            input=b"\n".join(payload for _, payload in batch) + b"\n",
            check=True,
            timeout=120,
        )

    with file.open("wb") as lines:
        hall.start()  # up to here it is Python that starts
        begin = time.monotonic()
        subscriber = subprocess.Popen([*listen, "-C", str(total)], stdout=lines)
        subscriber.wait(120)
        subscriber_s = time.monotonic() - begin
        wait_until(lambda: count_stored(url) == total, 240)
        hall_s = time.monotonic() - begin
    hall.end()
    assert len(file.read_bytes().splitlines()) == total
    ours, theirs = total / hall_s, total / subscriber_s
    print(f"\nstored {ours:.0f}/s, mosquitto_sub to a file {theirs:.0f}/s: {ours / theirs:.2f}")
    assert ours >= theirs / 4


def test_ten_thousand_units_of_one_message_a_minute(broker: Mosquitto, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}"
    hall = CityHall(write_config(tmp_path, broker=broker, database_url=url), "--only", "collector")
    hall.start()
    units, seconds = 10_000, 60
    messages = [
        message(received(START + timedelta(minutes=round_), unit=f"u-{u}", site=f"s-{u % 100}"))
        for round_ in range(2)
        for u in range(units)
    ]
    sender = Sender(broker.port, client_id="fleet")
    sender.send(messages[:units])  # all units are known, as on any day but the first
    sender.wait()
    wait_until(lambda: count_stored(url) == units, 120)
    before, begin = hall.cpu_s(), time.monotonic()
    for second in range(seconds):
        part = messages[units + second * units // seconds : units + (second + 1) * units // seconds]
        sender.send(part)
        time.sleep(max(0.0, begin + second + 1 - time.monotonic()))
    elapsed = time.monotonic() - begin
    share = (hall.cpu_s() - before) / elapsed
    sender.wait()
    wait_until(lambda: count_stored(url) == 2 * units, 30)
    sender.close()
    hall.end()
    print(f"\n{units} units, {units / elapsed:.0f} messages/s: {100 * share:.1f} % of one core")
    assert share < 0.3


def fill_a_year(url: str, *, units: int, with_windows: int, last: datetime) -> int:
    """Makes a year of sums in SQL, and of windows for some units; returns the number of windows."""
    engine = connect(url)
    upgrade(engine, zone=PARIS)
    calendar = Calendar(PARIS)
    store = Store(engine, calendar=calendar)
    online = Status(online=True, version="1.0", since=None)
    names = [(f"site-{unit % 20:02d}", f"unit-{unit:03d}") for unit in range(units)]
    store.write([], [HeardStatus(site, unit, online, 1) for site, unit in names])
    end = minute_of(last)
    start = calendar.day(end - 365 * 1440)
    counted = "sum(with_mask), sum(without_mask), sum(incorrect), sum(unclear)"
    with writing(engine).connect() as connection:
        rows = connection.exec_driver_sql("SELECT id, site_id FROM units").all()
        connection.rollback()
        for place, (unit, site) in enumerate(rows):
            with connection.begin():
                if place >= with_windows:
                    connection.exec_driver_sql(
                        "WITH RECURSIVE h(s) AS (SELECT ? UNION ALL SELECT s + 60 FROM h "
                        "WHERE s + 60 < ?) INSERT INTO hourly SELECT s, ?, ?, "
                        "abs(random()) % 400, abs(random()) % 250, 10, 60, 3600.0, 60, 0 FROM h",
                        (start, end - 1, site, unit),
                    )
                    continue
                connection.exec_driver_sql(
                    "WITH RECURSIVE m(s) AS (SELECT ? UNION ALL SELECT s + 1 FROM m WHERE s < ?) "
                    "INSERT INTO windows SELECT ?, s, 0, 1, ?, 1, abs(random()) % 8, "
                    "abs(random()) % 5, abs(random()) % 2, 1, 60, 1.0 FROM m",
                    (start, end - 1, unit, site),
                )
                connection.exec_driver_sql(
                    f"INSERT INTO hourly SELECT start / 60 * 60, site_id, unit_id, {counted}, "
                    "sum(observed_s), sum(minutes), 0 FROM windows WHERE unit_id = ? "
                    "GROUP BY start / 60",
                    (unit,),
                )
        with connection.begin():
            hours = connection.exec_driver_sql("SELECT DISTINCT bucket FROM hourly").scalars()
            days = [(hour, calendar.day(hour)) for hour in hours.all()]
            connection.exec_driver_sql("CREATE TEMP TABLE days (hour INTEGER PRIMARY KEY, day INT)")
            connection.exec_driver_sql("INSERT INTO days VALUES (?, ?)", days)
            connection.exec_driver_sql(
                f"INSERT INTO daily SELECT day, site_id, unit_id, {counted}, sum(observed_s), "
                "sum(covered_minutes), 0 FROM hourly JOIN days ON hour = bucket GROUP BY 1, 2, 3"
            )
    engine.dispose()
    return with_windows * (end - start)


@pytest.mark.timeout(3000)
def test_the_first_screen_over_a_year_of_a_hundred_units(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'year.db'}"
    now = datetime.now(UTC)
    # The pages read sums only, so not every unit needs its 525,600 windows behind them.
    with_windows = int(os.environ.get("MASKCAM_YEAR_UNITS_WITH_WINDOWS", "2"))
    windows = fill_a_year(url, units=100, with_windows=with_windows, last=now)
    engine = connect(url)
    settings = Settings(
        city=CitySection(name="X"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(),
    )
    app = create_app(settings, engine=engine, calendar=Calendar(PARIS))
    with TestClient(app, base_url="http://localhost") as client:
        client.get("/about")  # Python's own imports and templates
        for page in ("/", "/", "/sites/site-01?length=year", "/compare", "/where"):
            begin, used = time.monotonic(), time.process_time()
            answer = client.get(page)
            took, used = time.monotonic() - begin, time.process_time() - used
            assert answer.status_code == 200
            print(
                f"\n100 units, 1 year, {windows} windows, {page}: {took:.2f} s, {used:.2f} s of CPU"
            )
            if page == "/":
                busy = os.getloadavg()[0] > (os.cpu_count() or 1)  # then the clock proves nothing
                assert used < 0.5
                assert busy or took < 1.0
    engine.dispose()
