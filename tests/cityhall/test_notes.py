"""Administrators note on days what the figures cannot know; readers see it, and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.notes import Note, Notes
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from tests.cityhall.messages import minutes_from
from tests.cityhall.test_access import PASSWORD, sign_in

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)
FORM = {"day": "2026-05-13", "site": "forville", "text": "Market closed", "next": "/sites/forville"}


@pytest.fixture
def client(engine: Engine, calendar: Calendar, store: Store) -> Iterator[TestClient]:
    for days in range(14):
        store.write(minutes_from(NOW - timedelta(days=days, hours=1), 30))
        store.write(minutes_from(NOW - timedelta(days=days, hours=1), 30, unit="g", site="gare"))
    settings = Settings(
        city=CitySection(name="Ville", site_names={"forville": "Marché Forville"}),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(accounts=True),
    )
    Accounts(engine).add_person("maire", PASSWORD)
    Accounts(engine).add_person("chef", PASSWORD, admin=True)
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_a_note_is_shown_at_its_site_and_in_the_report(client: TestClient, engine: Engine) -> None:
    sign_in(client, "chef")
    for _ in range(2):  # a second click adds no second note
        answer = client.post("/notes", data=FORM, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sites/forville")
    client.post("/notes", data=FORM | {"site": "", "day": "2026-05-14", "text": "Rain & <wind>"})
    page = client.get("/sites/forville?length=month&day=2026-05-20").text
    assert "Wednesday 13 May, Marché Forville: Market closed" in page
    assert "Thursday 14 May, all sites: Rain &amp; &lt;wind&gt;" in page
    assert page.count("<circle") >= 2
    assert 'fill="#7a3ea8"' in page
    assert "unclear. Market closed" in page  # in what the chart says of the day
    other = client.get("/sites/gare?length=week&day=2026-05-13").text
    assert "Market closed" not in other
    assert "all sites: Rain" in other
    report = client.get("/report/2026-W20?lang=fr").text
    assert "À noter\u00a0: mercredi 13 mai, Marché Forville\u00a0: Market closed" in report
    assert "Market closed" not in client.get("/report/2026-W21").text
    found = Notes(engine).between(date(2026, 5, 1), date(2026, 5, 31), site="forville")
    assert found[0] == Note(found[0].id, date(2026, 5, 13), "forville", "Market closed")
    client.post("/notes", data={"delete": str(found[0].id), "next": "/"})
    assert len(Notes(engine).between(date(2026, 5, 1), date(2026, 5, 31))) == 1
    log = client.get("/audit").text
    assert "note added" in log
    assert "note deleted" in log


def test_readers_and_foreign_pages_write_none(client: TestClient, engine: Engine) -> None:
    sign_in(client)
    assert client.post("/notes", data=FORM).status_code == 403
    assert "/notes" not in client.get("/sites/forville").text
    client.cookies.clear()
    sign_in(client, "chef")
    foreign = {"sec-fetch-site": "cross-site"}
    assert client.post("/notes", data=FORM, headers=foreign).status_code == 403
    client.cookies.clear()
    assert client.post("/notes", data=FORM, follow_redirects=False).status_code in {303, 401}
    assert Notes(engine).between(date(2026, 1, 1), date(2026, 12, 31)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": ""},
        {"text": "x" * 121},
        {"text": "a\u202eb"},
        {"day": "2026-02-30"},
        {"day": ""},
        {"site": "nowhere"},
        {"delete": "1; DROP TABLE notes"},
    ],
)
def test_what_is_no_note_is_refused(
    client: TestClient, engine: Engine, wrong: dict[str, str]
) -> None:
    sign_in(client, "chef")
    assert client.post("/notes", data=FORM | wrong).status_code in {404, 422}
    assert Notes(engine).between(date(2026, 1, 1), date(2026, 12, 31)) == []


def test_it_leads_back_to_pages_of_ours_only(client: TestClient) -> None:
    sign_in(client, "chef")
    form = FORM | {"next": "https://evil.example.org/"}
    assert client.post("/notes", data=form, follow_redirects=False).headers["location"] == "/"
