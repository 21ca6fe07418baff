"""What pages show of the past is worked out before anybody asks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.prefetch import Warmer, warm
from tests.cityhall.fleet import wait_until
from tests.cityhall.messages import received

SLOTS = "without_mask * "
"""In the queries of "Where and when" only."""
NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)


def test_warm_pages_read_no_hours_of_past_days(
    engine: Engine, calendar: Calendar, store: Store
) -> None:
    for day in (*range(15), *range(364, 372)):
        start = datetime(2026, 5, 22, 8, tzinfo=UTC) - timedelta(days=day)
        store.write(
            [
                received(start + timedelta(hours=h), minutes=60, counts=(60 - day // 10, 40, 0, 0))
                for h in (0, 1)
            ]
        )
    settings = Settings(city=CitySection(name="City"), broker=CollectorBroker(host="localhost"))
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    warm(app.state.context)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with TestClient(app, base_url="http://localhost") as client:
        for page in ("/", "/compare", "/where", "/report"):
            assert client.get(page).status_code == 200
    hourly = [text for text in statements if "FROM hourly" in text]
    assert len([text for text in hourly if "before" in text]) <= 1  # today so far
    assert not [text for text in hourly if SLOTS in text]
    with TestClient(app, base_url="http://localhost") as client:
        page = client.get("/where?lang=en").text
        today = client.get("/?lang=en").text
    for said in (
        "Yesterday: 200",
        "up by ",
        ") against the same 7 days a year before",
        "About 40 masks per hour would be needed (last 4 weeks)",
    ):
        assert said in today
    assert str(date(2026, 5, 21)) in page  # yesterday
    assert "40" in page


def test_it_looks_again(engine: Engine, calendar: Calendar, store: Store) -> None:
    store.write([received(NOW - timedelta(days=1))])
    settings = Settings(city=CitySection(name="City"), broker=CollectorBroker(host="localhost"))
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    with Warmer(app.state.context, every_s=0.01):
        slots = 2 * 7 * 24  # of two spans, each once
        wait_until(lambda: len([text for text in seen if SLOTS in text]) >= slots)
        known = len(seen)
        wait_until(lambda: len(seen) > known + 20)
    assert len([text for text in seen if SLOTS in text]) == slots
