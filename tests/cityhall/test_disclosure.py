"""City hall tells no more than what the units published.

Whoever asks before and after each message, and keeps every answer, learns what whoever kept
the messages knows: each number in each answer is worked out here from the messages alone.
"""

from __future__ import annotations

import asyncio
import csv
import io
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.statistics import FEW
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.live import Live
from maskcam.delivery.wire import ReceivedCount
from maskcam.people.noise import draw_noise
from maskcam.records import WindowKind
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

STATES = ("with_mask", "without_mask", "incorrect", "unclear")
FIRST = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)  # a Monday, 9 o'clock in Paris
NOW = FIRST + timedelta(hours=3, minutes=5)
UNITS = {"forville-01": "forville", "forville-02": "forville", "gare-01": "gare"}
Numbers = tuple[int, ...]
UNKNOWN: tuple[None, ...] = (None,) * 4


def published(seed: int) -> list[ReceivedCount]:
    """Returns two hours of minutes and hours with noise, some again under a higher run."""
    chance = random.Random(seed)

    def noisy(exact: list[int]) -> tuple[int, int, int, int]:
        one, two, three, four = (number + draw_noise(1.0, chance.randrange) for number in exact)
        return one, two, three, four

    messages = []
    for unit, site in UNITS.items():
        for hour in range(2):
            begin, total = FIRST + timedelta(hours=hour), [0, 0, 0, 0]
            for minute in range(0, 60, 4):
                exact = [chance.randrange(3), chance.randrange(2), 0, 0]
                total = [a + b for a, b in zip(total, exact, strict=True)]
                runs = (1, 2) if chance.random() < 0.1 else (1,)
                start = begin + timedelta(minutes=minute)
                messages += [
                    received(start, unit=unit, site=site, counts=noisy(exact), run=run)
                    for run in runs
                ]
            if chance.random() < 0.7:  # else the unit lost its power before the hour was over
                hours = noisy(total)
                messages.append(
                    received(begin, unit=unit, site=site, counts=hours, minutes=60, hour=True)
                )
    chance.shuffle(messages)
    return messages


def hours_from(messages: list[ReceivedCount]) -> dict[tuple[str, datetime], Numbers]:
    """Returns the sums by site and hour that follow from what was published so far.

    The rule of the wire format: a higher run before a lower one, an hour before its minutes.
    """
    of_hour: dict[tuple[str, str, datetime], list[ReceivedCount]] = defaultdict(list)
    for one in messages:
        of_hour[one.site, one.unit, one.count.start.replace(minute=0)].append(one)
    sums: dict[tuple[str, datetime], Numbers] = {}
    for (site, _, hour), group in of_hour.items():
        taken: set[int] = set()
        is_hour = WindowKind.HOUR
        for one in sorted(group, key=lambda one: (-one.count.run, one.count.kind is not is_hour)):
            minutes = set(range(one.count.start.minute, one.count.start.minute + one.count.minutes))
            if taken & minutes:
                continue
            taken |= minutes
            before = sums.get((site, hour), (0, 0, 0, 0))
            numbers = (getattr(one.count, state) for state in STATES)
            sums[site, hour] = tuple(a + b for a, b in zip(before, numbers, strict=True))
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_no_answer_holds_more_than_the_windows(tmp_path: Path, seed: int) -> None:
    settings = Settings(city=CitySection(name="X"), broker=CollectorBroker(host="localhost"))
    calendar = Calendar(PARIS)
    messages = published(seed)
    with up_to_date(f"sqlite:///{tmp_path / 'c.db'}", zone=PARIS) as engine:
        store = Store(engine, calendar=calendar)
        app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
        with TestClient(app, base_url="http://localhost") as client:
            for known in range(1, len(messages) + 1):
                store.write(messages[known - 1 : known])
                if known % 7 == 0 or known == len(messages):
                    assert_answers_follow(client, messages[:known])


def assert_answers_follow(client: TestClient, messages: list[ReceivedCount]) -> None:
    query = {"from": "2026-05-04", "to": "2026-05-04"}
    expected = hours_from(messages)
    days: dict[str, Numbers] = {}
    for (site, _), hour in expected.items():
        days[site] = tuple(a + b for a, b in zip(days.get(site, (0,) * 4), hour, strict=True))
    for step, truth in (
        ("hour", {(site, f"{at:%Y-%m-%dT%H:%M:%SZ}"): n for (site, at), n in expected.items()}),
        ("day", {(site, "2026-05-03T22:00:00Z"): n for site, n in days.items()}),
        ("month", {(site, "2026-05-03T22:00:00Z"): n for site, n in days.items()}),
    ):
        rows = client.get("/api/v1/counts", params=query | {"step": step}).json()
        for row in rows:
            numbers: Numbers | tuple[None, ...] = truth.get((row["site"], row["start"])) or UNKNOWN
            assert tuple(row[state] for state in STATES) == numbers
            judged = sum(number or 0 for number in numbers[:3])
            if judged < FEW:
                assert row["mask_share"] is row["mask_share_low"] is row["mask_share_high"] is None
        assert truth.keys() <= {(row["site"], row["start"]) for row in rows}
    text = client.get("/api/v1/counts", params=query | {"step": "window", "format": "csv"}).text
    highest: dict[tuple[str, str], ReceivedCount] = {}
    for one in sorted(messages, key=lambda one: one.count.run):
        if one.count.kind is WindowKind.COUNT:
            highest[one.unit, f"{one.count.start:%Y-%m-%dT%H:%M:%SZ}"] = one
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(highest)
    for row in rows:
        count = highest[row["unit"], row["start"]].count
        assert [int(row[state]) for state in STATES] == [getattr(count, s) for s in STATES]


def test_the_live_stream_holds_no_number(tmp_path: Path) -> None:
    """It says that something changed, not what: the words are the same for everybody."""

    async def listen(store: Store, reader: Reader) -> set[str]:
        events, said = Live(reader, clock=lambda: NOW, every_s=0.02).events(), set()
        for minute in range(4):
            said.add(await asyncio.wait_for(anext(events), 10))
            store.write([received(FIRST + timedelta(minutes=minute))])
        return said

    with up_to_date(f"sqlite:///{tmp_path / 'c.db'}", zone=PARIS) as engine:
        calendar = Calendar(PARIS)
        reader = Reader(engine, calendar=calendar)
        said = asyncio.run(listen(Store(engine, calendar=calendar), reader))
    assert said == {"retry: 3000\n\n", "event: change\ndata: \n\n"}
