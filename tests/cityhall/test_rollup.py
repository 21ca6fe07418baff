from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcam.cityhall.rollup import Calendar, Window, fold, minute_of, moment_of, roll_up


def window(
    start: str,
    *,
    minutes: int = 1,
    people: int | None = 5,
    observed_s: int = 60,
    run: int = 1,
    hour: bool = False,
) -> Window:
    minute = minute_of(datetime.fromisoformat(start))
    others = None if people is None else 0
    return Window(1, minute, hour, run, 2, minutes, people, others, others, others, observed_s, 1.0)


def bucket(start: str) -> tuple[int, int, int]:
    return minute_of(datetime.fromisoformat(start)), 2, 1


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kolkata", "UTC", "America/St_Johns"])
def test_hours_and_days_begin_when_the_citys_clocks_say_so(zone: str) -> None:
    calendar = Calendar(ZoneInfo(zone))
    minute = minute_of(datetime(2026, 3, 28, 11, 7, tzinfo=UTC))
    for later in range(0, 4 * 24 * 60, 13):
        moment = minute + later
        hour = calendar.local(calendar.hour(moment))
        assert hour.minute == 0
        assert timedelta(0) <= moment_of(moment) - hour < timedelta(hours=1)
        day = calendar.local(calendar.day(moment))
        assert (day.hour, day.minute) == (0, 0)
        assert day.date() == calendar.local(moment).date()


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_has_23_or_25_hours_when_the_clocks_change(date: str, hours: int) -> None:
    calendar = Calendar(ZoneInfo("Europe/Paris"))
    day = calendar.day(minute_of(datetime.fromisoformat(f"{date}T12:00:00Z")))
    assert calendar.next_day(day) - day == hours * 60
    assert calendar.local(calendar.next_day(day)).hour == 0


def test_a_window_over_the_hour_is_booked_at_its_start_and_its_time_is_split() -> None:
    hourly, _ = roll_up(
        [window("2026-05-04T08:45:00Z", minutes=60, people=6, observed_s=3600)],
        calendar=Calendar(ZoneInfo("Europe/Paris")),
    )
    first, second = hourly[bucket("2026-05-04T08:00:00Z")], hourly[bucket("2026-05-04T09:00:00Z")]
    assert (first.counts[0], second.counts[0]) == (6, 0)
    assert (first.covered_minutes, second.covered_minutes) == (15, 45)
    assert (first.observed_s, second.observed_s) == (900, 2700)


def test_a_window_over_midnight_is_split_between_the_days() -> None:
    _, daily = roll_up(
        [window("2026-05-04T21:50:00Z", minutes=20, people=None, observed_s=0)],
        calendar=Calendar(ZoneInfo("Europe/Paris")),
    )
    before, after = daily[bucket("2026-05-03T22:00:00Z")], daily[bucket("2026-05-04T22:00:00Z")]
    assert (before.covered_minutes, after.covered_minutes) == (10, 10)
    assert before.counts == after.counts == [0, 0, 0, 0]
    assert before.variance == after.variance == 0


def test_an_hour_stands_for_its_minutes() -> None:
    minutes = [window(f"2026-05-04T08:{minute:02}:00Z") for minute in range(20, 60)]
    part = window("2026-05-04T08:30:00Z", minutes=30, people=140, hour=True)
    assert fold(minutes) == minutes
    assert sorted(fold([*minutes, part])) == [*minutes[:10], part]


def test_a_higher_run_goes_before_what_a_wrong_clock_said() -> None:
    wrong = window("2026-05-04T08:00:00Z", minutes=60, hour=True, run=5)
    old = [window(f"2026-05-04T08:{minute:02}:00Z", run=5) for minute in range(60)]
    new = [window(f"2026-05-04T08:{minute:02}:00Z", run=6) for minute in range(31, 40)]
    assert sorted(fold([wrong, *old, *new])) == [*old[:31], *new, *old[40:]]


def test_what_counted_before_is_taken_off() -> None:
    calendar = Calendar(ZoneInfo("Europe/Paris"))
    one, other = window("2026-05-04T08:00:00Z", people=5), window("2026-05-04T08:00:00Z", people=7)
    hourly, _ = roll_up([other], calendar=calendar, less=[one])
    change = hourly[bucket("2026-05-04T08:00:00Z")]
    assert (change.counts[0], change.covered_minutes, change.variance) == (2, 0, 0)


starts = st.integers(minute_of(datetime(2026, 1, 1, tzinfo=UTC)), 30_000_000)


@given(st.lists(st.tuples(starts, st.integers(1, 1440), st.integers(0, 99))))
def test_no_minute_and_no_person_is_lost_or_invented(parts: list[tuple[int, int, int]]) -> None:
    windows = [Window(1, s, True, 1, 2, m, p, p, 0, 1, 60 * m, None) for s, m, p in parts]
    for sums in roll_up(windows, calendar=Calendar(ZoneInfo("Europe/Paris"))):
        assert sum(sum(part.counts) for part in sums.values()) == sum(2 * p + 1 for *_, p in parts)
        assert sum(part.covered_minutes for part in sums.values()) == sum(m for _, m, _ in parts)
