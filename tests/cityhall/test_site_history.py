"""Weeks, months and years of a site beside an earlier one, like with like."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.site_history import Against, Chosen, Length, find_chosen
from maskcam.cityhall.store import Store
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)  # a Friday


@pytest.fixture
def reader(engine: Engine, calendar: Calendar, store: Store) -> Reader:
    """Two hours of the same camera on each day of 14 months; twice as many in the last 40 days."""
    windows = []
    for ago in range(420):
        day = NOW.astimezone(PARIS).date() - timedelta(days=ago)
        start = datetime(day.year, day.month, day.day, 8, tzinfo=PARIS).astimezone(UTC)
        counts = (120, 80, 0, 0) if ago < 40 else (50, 50, 0, 0)
        windows += [received(start + timedelta(hours=h), minutes=60, counts=counts) for h in (0, 1)]
    store.write(windows)
    return Reader(engine, calendar=calendar)


def chosen(length: Length, day: date, against: Against = "weekdays") -> Chosen:
    return Chosen(length=length, against=against, day=day)


@pytest.mark.parametrize(
    ("length", "against", "first", "last", "earlier"),
    [
        ("day", "before", (2026, 5, 20), (2026, 5, 20), (2026, 5, 19)),
        ("day", "weekdays", (2026, 5, 20), (2026, 5, 20), (2026, 5, 13)),
        ("day", "last_year", (2026, 5, 20), (2026, 5, 20), (2025, 5, 21)),
        ("week", "before", (2026, 5, 18), (2026, 5, 24), (2026, 5, 11)),
        ("month", "weekdays", (2026, 5, 1), (2026, 5, 31), (2026, 4, 3)),
        ("month", "last_year", (2026, 5, 1), (2026, 5, 31), (2025, 5, 2)),
        ("year", "last_year", (2026, 1, 1), (2026, 12, 31), (2025, 1, 1)),
    ],
)
def test_the_days_of_a_choice(
    length: Length, against: Against, first: tuple[int, int, int], last: tuple[int, int, int],
    earlier: tuple[int, int, int],
) -> None:  # fmt: skip
    choice = chosen(length, date(2026, 5, 20), against)
    assert (choice.first, choice.last) == (date(*first), date(*last))
    assert choice.earlier is not None
    assert choice.earlier[0] == date(*earlier)
    if length != "year":
        back = choice.first - choice.earlier[0]
        assert choice.last - choice.earlier[1] == back
        assert against == "before" or back.days % 7 == 0  # a Saturday beside a Saturday


def test_a_month_beside_the_same_weekdays_and_beside_last_year(reader: Reader) -> None:
    choices: list[tuple[Against, int]] = [("weekdays", 4), ("last_year", 0)]
    for against, number in choices:
        found = find_chosen(
            reader, chosen("month", date(2026, 5, 20), against), site="forville", now=NOW
        )
        assert len(found.points) == len(found.earlier) == 31
        assert found.points[19].totals.people == 400
        assert [p.totals.people if p else None for p in found.earlier[:2]] == [200, 200]
        assert sum(p is not None and p.totals.people == 400 for p in found.earlier[:22]) == (
            12 if number else 0
        )
        assert found.change is not None
        assert found.change.now.people == 22 * 400  # today's two hours are over
        assert found.change.before.people == (12 * 400 + 10 * 200 if number else 22 * 200)


def test_a_year_by_months(reader: Reader) -> None:
    found = find_chosen(reader, chosen("year", date(2026, 5, 20)), site="forville", now=NOW)
    assert len(found.points) == 12
    assert found.points[1].totals.people == 28 * 200
    assert [p is not None for p in found.earlier] == [False] * 2 + [True] * 10
    assert found.earlier[3] is not None
    assert found.earlier[3].totals.people == 30 * 200


def test_a_day_whose_clocks_change_stands_beside_one_whose_clocks_do_not(reader: Reader) -> None:
    spring = chosen("day", date(2026, 3, 29))  # 23 hours
    found = find_chosen(reader, spring, site="forville", now=NOW)
    assert len(found.points) == 23
    hours = {reader.calendar.local(p.bucket).hour: e for p, e in
             zip(found.points, found.earlier, strict=True) if e}  # fmt: skip
    assert {h: reader.calendar.local(e.bucket).hour for h, e in hours.items()} == {8: 8, 9: 9}
    later = find_chosen(reader, chosen("day", date(2026, 4, 5)), site="forville", now=NOW)
    assert sum(e is not None for e in later.earlier) == 2
