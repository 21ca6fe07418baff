from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from maskcam.cityhall import schema
from maskcam.cityhall.database import connect
from maskcam.cityhall.demo import demo, make_history, zone_where_it_is_day
from maskcam.cityhall.settings import CitySection, CollectorBroker, DatabaseSection, Settings
from maskcam.cityhall.simulation import SITES, day_of_windows
from maskcam.delivery.wire import encode_count
from maskcam.records import WindowKind
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import wait_until


@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
def test_one_command_serves_an_imagined_city(monkeypatch: pytest.MonkeyPatch, broker: str) -> None:
    # Which of httpx and httpx2 the web tests use is starlette's choice.
    from starlette.testclient import httpx  # type: ignore[attr-defined]  # not in its __all__

    if broker == "embedded":
        monkeypatch.setattr("maskcam.cityhall.demo.shutil.which", lambda *_, **__: None)
    stopping = threading.Event()
    said: list[str] = []
    answers: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("dashboard: "):
            address = line.split()[1]

            def alive() -> bool:  # states of the units have come through the broker
                answers[:] = [httpx.get(address, timeout=30).text]
                sites = httpx.get(f"{address.rstrip('/')}/api/v1/sites", timeout=30).json()
                return sum(bool(u["online"]) for site in sites for u in site["units"]) == 11

            wait_until(alive, 60)
            stopping.set()

    demo(browser=False, say=say, stopping=stopping, days=1)
    assert "12 units" in said[0]
    for place in SITES:
        assert place.name.replace("'", "&#39;") in answers[0]
    assert "Map of the sites" in answers[0]


def test_the_imagined_past_is_stored_like_a_real_one(tmp_path: Path) -> None:
    settings = Settings(
        city=CitySection(name="X"),
        database=DatabaseSection(url=f"sqlite:///{tmp_path / 'x.db'}"),
        broker=CollectorBroker(host="localhost"),
    )
    now = datetime(2026, 5, 6, 10, 0, tzinfo=UTC)
    make_history(settings, days=1, now=now)
    engine = connect(settings.database.url)
    with engine.connect() as connection:
        units = connection.scalar(select(func.count()).select_from(schema.units))
        newest = connection.scalar(
            select(func.max(schema.windows.c.start + schema.windows.c.minutes))
        )
    engine.dispose()
    assert units == 12
    assert newest is not None
    assert 0 <= now.timestamp() // 60 - newest < 60


def test_imagined_windows_are_as_a_unit_publishes_them() -> None:
    received = list(day_of_windows(SITES[1], unit=0, day=date(2026, 5, 6), age_days=3, zone=PARIS))
    minutes = [item.count for item in received if item.count.kind is WindowKind.COUNT]
    hours = [item.count for item in received if item.count.kind is WindowKind.HOUR]
    assert len(minutes) > 1000
    assert 20 < len(hours) <= 24
    for item in received:
        encode_count(item.count, site=item.site, unit=item.unit)
    assert min(count.people for count in minutes if count.people is not None) < 0
    for hour in hours:
        inside = [c for c in minutes if hour.start <= c.start < hour.start + timedelta(hours=1)]
        assert (len(inside), inside[0].start) == (hour.minutes, hour.start)
        if hour.people is not None:
            assert abs(sum(count.people or 0 for count in inside) - hour.people) < 150


@pytest.mark.parametrize("hour", range(24))
def test_the_demo_shows_a_city_by_day(hour: int) -> None:
    from zoneinfo import ZoneInfo

    now = datetime(2026, 5, 6, hour, 30, tzinfo=UTC)
    assert 8 <= now.astimezone(ZoneInfo(zone_where_it_is_day(now))).hour <= 19
