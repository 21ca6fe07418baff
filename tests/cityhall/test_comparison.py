"""Changes are of the people, not of which cameras happened to run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from maskcam.cityhall.comparison import compare, whole_weeks
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.store import Store
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)  # a Monday
WEEK = (date(2026, 4, 27), date(2026, 5, 3))


@pytest.fixture
def reader(engine: Engine, calendar: Calendar) -> Reader:
    return Reader(engine, calendar=calendar)


def hours(store: Store, first: date, *, unit: str, masked: int, days: int = 7) -> None:
    """Writes 10 hours of each day, 100 people in each, by the clocks of Paris."""
    for day in range(days):
        start = datetime(first.year, first.month, first.day, 8, tzinfo=PARIS) + timedelta(days=day)
        counts = (masked, 100 - masked, 0, 0)
        store.write(
            [
                received(
                    (start + timedelta(hours=hour)).astimezone(UTC),
                    unit=unit,
                    minutes=60,
                    counts=counts,
                )
                for hour in range(10)
            ]
        )


def test_a_camera_that_is_off_changes_neither_share_nor_passages(
    store: Store, reader: Reader
) -> None:
    hours(store, date(2026, 4, 20), unit="market-30", masked=30)
    hours(store, date(2026, 4, 20), unit="station-70", masked=70)
    hours(store, *WEEK[:1], unit="market-30", masked=30)  # the other one is off this week
    periods = Periods(reader.calendar, now=NOW)
    change = compare(reader, periods.days(*WEEK), days=7, periods=periods)["forville"]
    assert (change.now.people, change.before.people) == (7000, 7000)
    assert change.ratio == 0
    assert change.share is not None
    assert change.share.value == 0
    assert change.left_out_s == 0
    # It comes back, new hours have no match, and that is stated.
    hours(store, date(2026, 5, 2), unit="station-70", masked=70, days=2)
    hours(store, date(2026, 4, 30), unit="new", masked=99, days=2)
    change = compare(reader, periods.days(*WEEK), days=7, periods=periods)["forville"]
    assert change.now.people == 9000
    assert change.share is not None
    assert change.share.value == pytest.approx(0)
    assert change.left_out_s == 2 * 10 * 3600


def test_half_observed_hours_are_left_out(store: Store, reader: Reader) -> None:
    hours(store, date(2026, 4, 20), unit="a", masked=50)
    hours(store, WEEK[0], unit="a", masked=50, days=1)
    start = datetime(2026, 4, 28, 8, tzinfo=PARIS).astimezone(UTC)
    store.write([received(start, unit="a", minutes=60, counts=(9, 1, 0, 0), observed_s=1800)])
    periods = Periods(reader.calendar, now=NOW)
    change = compare(reader, periods.days(*WEEK), days=7, periods=periods)["forville"]
    assert change.now.people == 1000
    assert change.left_out_s == 1800


@pytest.mark.parametrize(
    ("first", "hour_by_hour"),
    [
        (date(2026, 3, 30), 7 * 24 - 1),  # the night before has no 2 o'clock
        (date(2026, 10, 26), 7 * 24 - 0),  # the night before had it twice: one is left out
        (date(2026, 6, 8), 7 * 24),
    ],
)
def test_hours_are_matched_by_the_clocks_also_when_they_change(
    calendar: Calendar, first: date, hour_by_hour: int
) -> None:
    periods = Periods(calendar, now=NOW)
    span = periods.days(first, first + timedelta(days=6))
    matched = 0
    for part, earlier in periods.counterparts(span, days=7):
        for minute in range(part.start, part.end, 60):
            now, before = calendar.local(minute), calendar.local(minute - earlier)
            assert (now.hour, now.weekday()) == (before.hour, before.weekday())
            assert (now.date() - before.date()).days == 7
            matched += 1
    assert matched == hour_by_hour


def test_longer_spans_are_compared_with_the_same_weekdays_at_least_as_long_ago() -> None:
    assert [whole_weeks(timedelta(days=days)) for days in (1, 7, 8, 30, 335)] == [
        7,
        7,
        14,
        35,
        336,
    ]
