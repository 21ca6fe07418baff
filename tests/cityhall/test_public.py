"""The page for everybody: off by default, no cookie, nothing of today, nothing else opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from starlette.responses import Response
from starlette.testclient import TestClient

from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.context import PART_HEADER
from tests.cityhall.messages import minutes_from

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)
Open = Callable[[WebSection], TestClient]


@pytest.fixture
def opened(engine: Engine, calendar: Calendar, store: Store) -> Iterator[Open]:
    for days in range(1, 10):
        store.write(minutes_from(NOW - timedelta(days=days), 100, counts=(6, 4, 0, 0)))
    store.write(minutes_from(NOW - timedelta(minutes=100), 77, counts=(1, 0, 0, 0)))
    with ExitStack() as clients:

        def client(web: WebSection) -> TestClient:
            settings = Settings(
                city=CitySection(name="Ville", site_names={"forville": "Marché Forville"}),
                broker=CollectorBroker(host="localhost"),
                web=web,
            )
            app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
            found = TestClient(app, base_url="http://localhost")
            return clients.enter_context(found)

        yield client


def test_it_is_off_by_default(opened: Open) -> None:
    closed = opened(WebSection(accounts=True)).get("/public", follow_redirects=False)
    assert (closed.status_code, closed.headers["location"]) == (303, "/login?next=/public")
    assert opened(WebSection()).get("/public").status_code == 404


def test_everybody_sees_the_days_that_are_over(opened: Open) -> None:
    client = opened(WebSection(accounts=True, public_page=True, public_contact="dpo@example.org"))
    page = client.get("/public?lang=en")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "public, max-age=300"
    part = client.get("/public?lang=en", headers={PART_HEADER: "main"})
    assert part.text != page.text  # so a cache must not take one for the other
    assert page.headers["vary"] == part.headers["vary"] == f"Accept-Language, {PART_HEADER}"
    assert "set-cookie" not in page.headers
    assert "7,000 passages. Mask worn properly: 60" in page.text
    assert "Marché Forville" in page.text
    assert "Questions and objections: dpo@example.org" in page.text
    assert "shook their head" in page.text
    assert "forville-01" not in page.text  # no camera is named
    site = client.get("/public?site=forville&lang=fr").text
    assert "9\u202f000 passages" in site
    assert "jeudi 21 mai" in site
    assert "vendredi 22 mai" not in site
    assert client.get("/public?site=nowhere").status_code == 404
    for path in (
        "/",
        "/sites/forville",
        "/api/v1/sites",
        "/public/x",
        "/report",
        "/live",
        "/notes",
    ):
        assert client.get(path, follow_redirects=False).status_code in {303, 401}, path
    for link in ('href="/"', "/report", "/compare"):
        assert link not in page.text


def test_however_many_strangers_ask_they_are_answered_one_at_a_time(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they take all the threads, and who is signed in waits for them."""
    running, most = 0, 0

    def slowly(_page: object) -> Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1
        return Response("")

    monkeypatch.setattr("maskcam.cityhall.web.public._all_sites", slowly)
    client = opened(WebSection(accounts=True, public_page=True))
    with ThreadPoolExecutor(8) as strangers:
        answers = list(strangers.map(client.get, ["/public"] * 8))
    assert {answer.status_code for answer in answers} == {200}
    assert most == 1
