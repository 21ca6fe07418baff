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
                return "11 of 12 cameras" in answers[0]

            wait_until(alive, 60)
            stopping.set()

    demo(browser=False, say=say, stopping=stopping, days=1)
    assert "12 units" in said[0]
    for place in SITES:
        assert place.name.replace("'", "&#39;") in answers[0]


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


def test_imagined_windows_keep_the_rule_for_small_numbers() -> None:
    windows = list(day_of_windows(SITES[1], unit=0, day=date(2026, 5, 6), age_days=3, zone=PARIS))
    told = [w.count.people for w in windows if not w.count.suppressed]
    assert len(windows) > 300
    assert all(people == 0 or people >= 5 for people in told if people is not None)
    ends = [w.count.start + timedelta(minutes=w.count.minutes) for w in windows]
    assert all(end <= later.count.start for end, later in zip(ends, windows[1:], strict=False))


@pytest.mark.parametrize("hour", range(24))
def test_the_demo_shows_a_city_by_day(hour: int) -> None:
    from zoneinfo import ZoneInfo

    now = datetime(2026, 5, 6, hour, 30, tzinfo=UTC)
    assert 8 <= now.astimezone(ZoneInfo(zone_where_it_is_day(now))).hour <= 19
