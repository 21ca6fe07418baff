"""A camera is judged by its data: connected and blind, or connected and silent, is not well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, event

from maskcam.cityhall.health import Health, State, UnitHealth, find_health
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.store import Store
from maskcam.delivery.wire import Status
from tests.cityhall.messages import minutes_from, received

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)  # a Monday, 12:20 in Paris


@pytest.fixture
def reader(engine: Engine, calendar: Calendar) -> Reader:
    return Reader(engine, calendar=calendar)


def says(store: Store, unit: str, *, online: bool) -> None:
    status = Status(online=online, version="1", since=None)
    store.write([], [HeardStatus("forville", unit, status, int(NOW.timestamp()))])


def health(reader: Reader, unit: str, *, now: datetime = NOW) -> Health:
    found = find_health(reader, periods=Periods(reader.calendar, now=now))
    return next(one for one in found if one.unit.name == unit)


def test_each_state_is_judged_from_the_data(store: Store, reader: Reader) -> None:
    for days in range(10, 0, -1):
        for unit in ("good", "blind", "silent", "off"):
            start = NOW - timedelta(days=days, hours=3)
            store.write(
                [
                    received(start + timedelta(hours=h), unit=unit, minutes=60, counts=(9, 9, 0, 0))
                    for h in range(6)
                ]
            )
    start = NOW - timedelta(hours=4)
    store.write(minutes_from(start, 240, unit="good"))
    store.write(minutes_from(start, 60, unit="blind"))
    store.write(minutes_from(start + timedelta(hours=1), 180, unit="blind", counts=None))
    store.write(minutes_from(start, 90, unit="silent"))
    store.write(minutes_from(start, 30, unit="off"))
    for unit in ("good", "blind", "silent", "off"):
        says(store, unit, online=unit != "off")
    assert health(reader, "good").state is State.GOOD
    blind, silent, off = (health(reader, unit) for unit in ("blind", "silent", "off"))
    assert (blind.state, silent.state, off.state) == (State.BLIND, State.SILENT, State.OFFLINE)
    assert silent.since == minute_of(start + timedelta(minutes=90))
    assert off.since == minute_of(start + timedelta(minutes=30))
    assert blind.since == minute_of(datetime(2026, 5, 4, 8, 0, tzinfo=UTC))  # the hour's end
    assert all(one.state.needs_attention for one in (blind, silent, off))


def test_a_camera_outside_its_usual_hours_is_not_missed(store: Store, reader: Reader) -> None:
    for days in range(14, -1, -1):  # mornings from 6 to 8
        start = datetime(2026, 5, 4, 6, 0, tzinfo=UTC) - timedelta(days=days)
        store.write(
            [
                received(start + timedelta(hours=h), unit="market", minutes=60, counts=(9, 9, 0, 0))
                for h in range(2)
            ]
        )
    says(store, "market", online=True)
    assert health(reader, "market").state is State.CLOSED
    tomorrow = NOW + timedelta(days=1) - timedelta(hours=3, minutes=10)  # 7:10 UTC, nothing came
    found = health(reader, "market", now=tomorrow)
    assert found.state is State.SILENT
    assert found.since == minute_of(datetime(2026, 5, 4, 8, 0, tzinfo=UTC))


def test_a_camera_away_for_days_stays_missed(store: Store, reader: Reader) -> None:
    for days in range(20, 5, -1):
        start = NOW - timedelta(days=days, hours=2)
        store.write(
            [
                received(start + timedelta(hours=h), unit="a", minutes=60, counts=(9, 9, 0, 0))
                for h in range(5)
            ]
        )
    says(store, "a", online=False)
    assert health(reader, "a").state is State.OFFLINE


def test_cameras_that_stop_together_cost_no_query_each(store: Store, reader: Reader) -> None:
    statements: list[str] = []
    event.listen(reader.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def stop(number: int) -> int:
        hour = NOW - timedelta(hours=1)
        for name in map(str, range(number)):
            store.write(minutes_from(NOW - timedelta(days=1), 60, unit=f"blind-{name}"))
            store.write(minutes_from(hour, 60, unit=f"blind-{name}", counts=None))
            store.write(minutes_from(NOW - timedelta(days=1), 60, unit=f"off-{name}"))
        statements.clear()
        found = find_health(reader, periods=Periods(reader.calendar, now=NOW))
        used = len(statements)
        assert [one.state for one in found] == [State.BLIND] * number + [State.OFFLINE] * number
        last = minute_of(NOW - timedelta(hours=22, minutes=20))  # the end of the hour of 11:00
        assert {one.since for one in found[:number]} == {last}
        return used

    assert stop(1) == stop(7)


def test_a_blind_camera_was_well_in_the_last_hour_with_a_minute_of_sight(
    store: Store, reader: Reader
) -> None:
    morning = NOW.replace(hour=4, minute=0)
    store.write(minutes_from(morning, 60, unit="flickers"))
    store.write(minutes_from(morning + timedelta(hours=3), 5, unit="flickers", observed_s=1))
    store.write(minutes_from(NOW - timedelta(hours=1), 60, unit="flickers", counts=None))
    assert health(reader, "flickers").since == minute_of(morning + timedelta(hours=1))


def test_a_new_camera_that_sends_nothing_is_seen(store: Store, reader: Reader) -> None:
    says(store, "new", online=True)
    found = health(reader, "new")
    assert found.state is State.SILENT
    assert found.since is None


def test_prometheus_has_the_same_states(store: Store, reader: Reader) -> None:
    store.write(minutes_from(NOW - timedelta(minutes=30), 30, unit="blind", counts=None))
    says(store, "blind", online=True)
    registry = CollectorRegistry()
    registry.register(UnitHealth(reader, Periods(reader.calendar, now=NOW)))
    labels = {"site": "forville", "unit": "blind"}
    value = registry.get_sample_value
    assert value("maskcam_unit_state", {**labels, "state": "blind"}) == 1
    assert value("maskcam_unit_state", {**labels, "state": "good"}) == 0
    assert value("maskcam_unit_newest_window_timestamp_seconds", labels) == NOW.timestamp()
