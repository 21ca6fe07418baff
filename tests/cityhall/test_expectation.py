"""A camera that is away or blind is seen in every hour and day, also on past days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall import cameras
from maskcam.cityhall.comparison import compare
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.expectation import expectation, missed_days
from maskcam.cityhall.figures import Seen, all_points, site_points
from maskcam.cityhall.periods import Periods
from maskcam.cityhall.reader import Reader
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.stints import Stint, settle
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.where_and_when import find_slots
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)
FIRST = date(2026, 5, 1)
AWAY = {date(2026, 5, 12), date(2026, 5, 13), date(2026, 5, 14)}


@pytest.fixture
def reader(engine: Engine, calendar: Calendar) -> Reader:
    return Reader(engine, calendar=calendar)


def day_of(
    store: Store, unit: str, day: date, *, hours: int = 10, blind: bool = False, site: str = "quay"
) -> None:
    start = datetime(day.year, day.month, day.day, 8, tzinfo=PARIS).astimezone(UTC)
    store.write(
        [
            received(
                start + timedelta(hours=hour),
                unit=unit,
                site=site,
                minutes=60,
                counts=None if blind else (50, 50, 0, 0),
            )
            for hour in range(hours)
        ]
    )


def days(number: int) -> list[date]:
    return [FIRST + timedelta(days=n) for n in range(number)]


@pytest.mark.parametrize("blind", [False, True])
def test_one_of_three_cameras_away_for_three_days_is_marked(
    store: Store, reader: Reader, blind: bool
) -> None:
    for day in days(21):
        for unit in ("a", "b", "c"):
            if unit != "c" or day not in AWAY:
                day_of(store, unit, day)
            elif blind:
                day_of(store, unit, day, blind=True)
    span = Periods(reader.calendar, now=NOW).days(FIRST, FIRST + timedelta(days=20))
    points = site_points(reader, site="quay", level="daily", span=span, now=NOW)
    marked = {
        reader.calendar.local(point.bucket).date() for point in points if point.seen is Seen.PARTLY
    }
    assert marked == AWAY
    assert {round(p.observed_part, 2) for p in points if p.seen is Seen.PARTLY} == {0.67}
    assert {(p.totals.units, p.cameras) for p in points if p.seen is Seen.PARTLY} == {(2, 3)}
    assert all(point.seen is Seen.FULLY for point in points if point.seen is not Seen.PARTLY)
    hours = Periods(reader.calendar, now=NOW).day(date(2026, 5, 13))
    of_day = site_points(reader, site="quay", level="hourly", span=hours, now=NOW)
    assert [point.seen for point in of_day[8:18]] == [Seen.PARTLY] * 10
    periods = Periods(reader.calendar, now=NOW)
    away = periods.days(min(AWAY), max(AWAY))
    assert missed_days(reader, span, periods=periods, site="quay") == {"c": [away]}
    exported = [p for _, p in all_points(reader, level="daily", span=span, now=NOW)]
    assert exported == points


def test_the_page_of_a_site_says_which_camera_missed_which_days(
    tmp_path: Path, calendar: Calendar
) -> None:
    with up_to_date(f"sqlite:///{tmp_path / 'hall.db'}", zone=PARIS) as engine:
        store = Store(engine, calendar=calendar)
        for day in days(21):
            day_of(store, "a", day)
            if day not in AWAY and day < date(2026, 5, 20):
                day_of(store, "c", day)
        settings = Settings(city=CitySection(name="V"), broker=CollectorBroker(host="localhost"))
        app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
        client = TestClient(app, base_url="http://localhost")
        for address in ("?day=2026-05-21", "?length=month&day=2026-05-22"):
            text = unescape(client.get(f"/sites/quay{address}&lang=fr").text)
            missed = text.split('id="part-missed"')[1].split("</ul>")[0]
            assert "<strong>c</strong>\u00a0: du mardi 12 mai au jeudi 14 mai" in missed
            assert "\u00a0; depuis le mercredi 20 mai" in missed
            assert "<strong>a" not in missed
            before = "Aucune caméra n'a compté ici avant le vendredi 1er mai 2026."
            assert (before in text) == ("month" not in address)


def test_a_camera_that_is_missed_still_belongs_and_one_that_moved_does_not(
    store: Store, reader: Reader
) -> None:
    for day in days(21):
        day_of(store, "a", day)
        if day < date(2026, 5, 10):
            day_of(store, "gone", day)
        day_of(store, "moved", day, site="quay" if day < date(2026, 5, 10) else "square")
    span = Periods(reader.calendar, now=NOW).days(FIRST, FIRST + timedelta(days=20))
    points = site_points(reader, site="quay", level="daily", span=span, now=NOW)
    assert [point.cameras for point in points] == [3] * 9 + [2] * 12
    assert [point.seen for point in points] == [Seen.FULLY] * 9 + [Seen.PARTLY] * 12
    late = NOW + timedelta(days=9)
    span = Periods(reader.calendar, now=late).days(date(2026, 5, 20), date(2026, 5, 26))
    points = site_points(reader, site="quay", level="daily", span=span, now=late)
    assert [point.cameras for point in points] == [2] * 4 + [1] * 3  # 14 days are over


def test_shorter_days_by_plan_are_whole_days(store: Store, reader: Reader) -> None:
    for day in days(21):
        if day.weekday() != 0:
            day_of(store, "market", day, hours=6 if day.weekday() == 2 else 10)
        day_of(store, "square", day)
    span = Periods(reader.calendar, now=NOW).days(date(2026, 5, 15), date(2026, 5, 21))
    points = site_points(reader, site="quay", level="daily", span=span, now=NOW)
    by_weekday = {reader.calendar.local(p.bucket).weekday(): p for p in points}
    assert by_weekday[2].seen is Seen.FULLY
    assert by_weekday[5].observed_part == 1


def test_stints_are_learnt_in_any_order(store: Store, reader: Reader) -> None:
    for day in (date(2026, 5, 9), date(2026, 5, 1), date(2026, 5, 5)):
        day_of(store, "a", day)
    day_of(store, "a", date(2026, 5, 12), site="square")
    day_of(store, "a", date(2026, 5, 15))
    found = [
        (s.site, reader.calendar.local(s.since).day, reader.calendar.local(s.until).day)
        for s in cameras.stays(reader.engine)
    ]
    assert found == [("quay", 1, 9), ("square", 12, 12), ("quay", 15, 15)]
    assert settle([Stint(1, 10, 7, 20)], 1, 7, 15) == [Stint(1, 10, 7, 20)]
    assert settle([Stint(1, 10, 7, 20)], 1, 7, 5) == [Stint(1, 5, 7, 20)]
    assert settle([Stint(1, 10, 7, 20)], 1, 8, 20) == [Stint(1, 10, 7, 20), Stint(1, 20, 8, 20)]


def test_a_market_is_closed_on_its_first_monday_too(store: Store, reader: Reader) -> None:
    for day in days(11):
        if day.weekday() != 0:
            day_of(store, "market", day)
            day_of(store, "market-2", day)
        day_of(store, "a", day, site="square")
        if day.weekday() != 0 or day > FIRST + timedelta(days=7):
            day_of(store, "b", day, site="square")
    span = Periods(reader.calendar, now=NOW).day(date(2026, 5, 4))  # the first Monday
    now = datetime(2026, 5, 12, 10, 20, tzinfo=UTC)
    for site, expected_h, seen in (("quay", 0, Seen.OFFLINE), ("square", 20, Seen.PARTLY)):
        (point,) = site_points(reader, site=site, level="daily", span=span, now=now)
        assert (point.expected_s, point.seen) == (expected_h * 3600, seen)


def test_what_is_kept_of_past_days_is_made_anew_when_a_window_comes_late(
    store: Store, reader: Reader
) -> None:
    for day in days(14):
        day_of(store, "a", day)
    periods = Periods(reader.calendar, now=NOW)
    week = periods.days(date(2026, 5, 8), date(2026, 5, 14))

    def found() -> tuple[float, float, float]:
        change = compare(reader, week, days=7, periods=periods)["quay"]
        best = find_slots(reader, span=week, periods=periods).best["quay"]
        expected = expectation(reader, week, periods=periods)
        return change.now.people, best.per_hour, expected.of_day("quay", week.start)

    for _ in range(2):  # the second answer comes from memory
        assert found() == (7 * 1000, 50, 36_000)
    day_of(store, "late", date(2026, 5, 12))
    assert found() == (7 * 1000, 100, 36_000)  # nothing to compare it with
    day_of(store, "late", date(2026, 5, 5))
    assert found() == (8 * 1000, 100, 72_000)  # it belonged to the site from then on
