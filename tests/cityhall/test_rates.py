"""Rates on this machine; run with: scripts/test --slow tests/cityhall/test_rates.py -s"""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from maskcam.cityhall import schema
from maskcam.cityhall.database import connect
from tests.cityhall.fleet import Sender, message, wait_until
from tests.cityhall.messages import minutes_from, received
from tests.cityhall.processes import CityHall, write_config
from tests.cityhall.servers import Mosquitto

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

START = datetime(2026, 1, 4, tzinfo=UTC)


def count_stored(url: str) -> int:
    engine = connect(url)
    with engine.connect() as connection:
        number = connection.scalar(select(func.count()).select_from(schema.windows)) or 0
    engine.dispose()
    return number


def test_stored_messages_a_second_beside_mosquitto_sub(broker: Mosquitto, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'city.db'}"
    hall = CityHall(write_config(tmp_path, broker=broker, database_url=url), "--only", "collector")
    file = tmp_path / "lines"
    listen = ["mosquitto_sub", "-p", str(broker.port), "-i", "sub", "-c", "-q", "1"]
    listen += ["-t", "maskcam/v1/+/+/count"]
    subprocess.run([*listen, "-E"], check=True, timeout=20)  # its session, without messages yet
    hall.start()
    time.sleep(2)
    hall.end()

    units, minutes = 20, 3000
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
