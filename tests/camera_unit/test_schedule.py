"""Operating hours are local, and the deployment ends after its last day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from maskcam.unit.schedule import Schedule

PARIS = ZoneInfo("Europe/Paris")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_no_hours_means_always_even_without_a_clock():
    assert Schedule(zone=PARIS).is_open(None)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-07-01T05:29", False),  # 07:29 in summer
        ("2026-07-01T05:30", True),
        ("2026-01-15T05:30", False),  # 06:30 in winter
        ("2026-07-01T10:59", True),
        ("2026-07-01T11:00", False),
        ("2026-07-01T21:00", True),  # 23:00, over midnight
        ("2026-07-01T23:30", True),
        ("2026-07-02T00:00", False),
    ],
)
def test_hours_are_local(moment, is_open):
    hours = ((time(7, 30), time(13)), (time(22), time(2)))
    assert Schedule(zone=PARIS, hours=hours).is_open(utc(moment)) is is_open


def test_the_last_day_is_counted_and_the_next_is_not():
    schedule = Schedule(zone=PARIS, ends=date(2026, 12, 31))
    assert schedule.is_open(utc("2026-12-31T22:59"))
    assert not schedule.is_open(utc("2026-12-31T23:00"))


def test_nobody_is_counted_before_the_day_of_the_sign():
    schedule = Schedule(zone=PARIS, begins=date(2026, 5, 1))
    assert not schedule.is_open(utc("2026-04-30T21:59"))
    assert schedule.is_open(utc("2026-04-30T22:00"))
    assert schedule.is_open(None)  # it is past, as a rule; what was before it is not told


def test_where_the_time_matters_and_is_unknown_nobody_is_counted():
    assert not Schedule(zone=PARIS, ends=date(2026, 12, 31)).is_open(None)
