"""What the loop knows of time and hours when the system clock comes and goes."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from maskcam.unit.clock import SystemClock
from maskcam.unit.schedule import Schedule
from maskcam.unit.timekeeper import Timekeeper

NOON_S = datetime(2026, 5, 4, 10, tzinfo=UTC).timestamp()  # 12:00 in Paris
MORNING = Schedule(zone=ZoneInfo("Europe/Paris"), hours=[(time(7), time(13))])


class Clock(SystemClock):
    """A monotonic clock at `now_s`, and UTC while it `is_set`."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s, self.is_set, self.ahead_s = 1000.0, False, 0.0

    def monotonic_s(self):
        return self.now_s

    def utc_offset_s(self):
        return NOON_S - 1000.0 + self.ahead_s if self.is_set else None


def test_hours_need_the_time():
    clock = Clock()
    keeper = Timekeeper(clock, MORNING)
    assert keeper.read(clock.now_s)
    assert keeper.utc_s(clock.now_s) is None
    assert not keeper.is_open
    clock.is_set, clock.now_s = True, 1001.0
    assert keeper.read(clock.now_s)
    assert keeper.utc_s(clock.now_s) == NOON_S + 1
    assert keeper.is_open


def test_a_day_without_a_time_server_stops_no_counting():
    """The kernel calls its clock unsynchronised when nobody has corrected it for nine hours."""
    clock = Clock()
    clock.is_set = True
    keeper = Timekeeper(clock, MORNING)
    keeper.read(clock.now_s)
    clock.is_set = False
    for after_s, is_open in ((60, True), (2 * 3600, False), (23 * 3600, True)):
        clock.now_s = 1000.0 + after_s
        keeper.read(clock.now_s)
        assert keeper.utc_s(clock.now_s) == NOON_S + after_s
        assert keeper.is_open == is_open
    clock.is_set, clock.ahead_s, clock.now_s = True, 3.0, clock.now_s + 1
    keeper.read(clock.now_s)
    assert keeper.utc_s(clock.now_s) == NOON_S + 23 * 3600 + 4


def test_the_clock_is_asked_once_a_second():
    clock = Clock()
    keeper = Timekeeper(clock, MORNING)
    assert [keeper.read(1000.0 + tenths / 10) for tenths in range(20)] == [
        tenths in (0, 10) for tenths in range(20)
    ]
