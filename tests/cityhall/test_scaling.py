"""Two collectors of one group beside one, with certificates of their own, on PostgreSQL.

What a window costs collectors, database and broker does not depend on how many cores there are, nor
on what else they do; the rate does. So the costs are compared, and the rate is printed.

Run with: scripts/test --slow tests/cityhall/test_scaling.py -s
"""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, func, select

from maskcam.cityhall import access_schema, schema
from maskcam.cityhall.broker_files import COLLECTOR
from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.rollup import Calendar
from tests.cityhall.city import CONTACT, City
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import message, wait_until
from tests.cityhall.messages import assert_sums_are_right, minutes_from
from tests.cityhall.processes import CityHall, cpu_of
from tests.cityhall.servers import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(560)]

START = datetime(2026, 1, 4, tzinfo=UTC)
UNITS, MINUTES = 20, 1440
SECOND = "cityhall-2"


class Region:
    """A city with two collectors; what units publish waits at the broker while neither runs."""

    def __init__(self, city: City, postgres: Postgres) -> None:
        self.city, self.postgres = city, postgres
        url = postgres.new_database("scaling")
        self.names = [f"forville-{number:02d}" for number in range(1, UNITS + 1)]
        for name in self.names[1:]:
            assert city.run("add-unit", name, "--site", "forville", *CONTACT) == 0
        assert city.run("add-collector", SECOND) == 0
        self.halls = {
            name: CityHall(self._config(name, folder, url), "--only", "collector")
            for name, folder in (
                (COLLECTOR, city.directory / "collector"),
                (SECOND, city.directory / "collectors" / SECOND),
            )
        }
        self.engine = connect(url)
        upgrade(self.engine, zone=PARIS)

    def _config(self, name: str, folder: Path, url: str) -> Path:
        """Without the units' registry: windows of a day that is over are sent at once."""
        certificate = "collector" if name == COLLECTOR else "client"
        file = self.city.directory.parent / f"{name}.toml"
        file.write_text(
            f'[city]\nname = "V"\n[database]\nurl = "{url}"\n[broker]\nhost = "127.0.0.1"\n'
            f'port = {self.city.port}\nca = "{folder}/ca.crt"\nshared_group = "region"\n'
            f'certificate = "{folder}/{certificate}.crt"\nkey = "{folder}/{certificate}.key"\n'
        )
        return file

    def make_sessions(self, names: list[str]) -> None:
        for name in names:
            self.halls[name].start()
        time.sleep(3)
        for name in names:
            self.halls[name].end()

    def publish(self, start: datetime) -> None:
        """Publishes a day of each unit, minute by minute, each unit by its own connection."""
        days = [
            [message(item) for item in minutes_from(start, MINUTES, unit=name)]
            for name in self.names
        ]
        publishers = [
            subprocess.Popen(
                ["mosquitto_pub", *self.city.access(name), "-q", "1", "-t", day[0][0], "-l"],
                stdin=subprocess.PIPE,
            )
            for name, day in zip(self.names, days, strict=True)
        ]
        for minute in range(MINUTES):
            for publisher, day in zip(publishers, days, strict=True):
                assert publisher.stdin is not None
                publisher.stdin.write(day[minute][1] + b"\n")
                publisher.stdin.flush()
        for publisher in publishers:
            assert publisher.stdin is not None
            publisher.stdin.close()
            assert publisher.wait(120) == 0

    def stored(self) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.sum(schema.daily.c.covered_minutes))) or 0

    def used(self, names: list[str]) -> dict[str, float]:
        """Returns the CPU seconds of these collectors, of the database and of the broker."""
        broker, database = self.city.broker.process, self.postgres.process
        assert broker is not None
        assert database is not None
        used = {name: self.halls[name].cpu_s() for name in names}
        return used | {"PostgreSQL": cpu_of(database.pid), "mosquitto": cpu_of(broker.pid)}

    def drain(self, names: list[str], total: int) -> tuple[float, dict[str, float]]:
        """Returns the windows per second of all, and the CPU seconds of each process."""
        before = self.stored()
        for name in names:
            self.halls[name].start()
        wait_until(lambda: self.stored() > before, 60)  # up to here it is Python that starts
        begin, first = time.monotonic(), self.stored()
        used = self.used(names)  # without Python's own start
        wait_until(lambda: self.stored() == total, 240)
        rate = (total - first) / (time.monotonic() - begin)
        used = {name: seconds - used[name] for name, seconds in self.used(names).items()}
        time.sleep(11)  # each writes its figures
        for name in names:
            self.halls[name].end()
        return rate, used


def said(used: dict[str, float], number: int) -> str:
    return "CPU seconds per 10,000 windows: " + ", ".join(
        f"{name} {seconds / number * 1e4:.2f}" for name, seconds in used.items()
    )


def windows_of(engine: Engine) -> dict[str, float]:
    """Returns how many windows each collector stored since it started."""
    table = access_schema.collectors
    with engine.connect() as connection:
        rows = connection.execute(select(table.c.name, table.c.figures)).all()
    return {
        row.name: sample.value
        for row in rows
        for family in text_string_to_metric_families(row.figures)
        for sample in family.samples
        if sample.name == "maskcam_collector_windows_total" and sample.labels["result"] == "stored"
    }


def test_a_second_collector_takes_half_of_the_work(city: City, postgres: Postgres) -> None:
    region = Region(city, postgres)
    city.broker.start()
    number = UNITS * MINUTES
    region.make_sessions([COLLECTOR])
    region.publish(START)
    one, used = region.drain([COLLECTOR], number)
    print(f"\none: {one:.0f} windows/s; {said(used, number)}")
    alone = used[COLLECTOR]
    both = [COLLECTOR, SECOND]
    region.make_sessions(both)
    region.publish(START + timedelta(days=1))
    two, used = region.drain(both, 2 * number)
    stored = windows_of(region.engine)
    print(f"two: {two:.0f} windows/s, {two / one:.2f} times as many; {said(used, number)}")
    print("stored:", ", ".join(f"{name} {stored[name]:.0f}" for name in both))
    assert sum(stored.values()) == number  # each window once, by one of them
    assert min(stored.values()) > 0.3 * number
    # Each does half of the work of one alone: sharing it costs little.
    assert sum(used[name] for name in both) < 1.5 * alone
    assert max(used[name] for name in both) < 0.8 * alone
    with region.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.windows)) == 2 * number
    assert_sums_are_right(region.engine, Calendar(PARIS))
    region.engine.dispose()
