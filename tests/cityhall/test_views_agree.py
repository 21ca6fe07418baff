"""Page, report, API and tables say the same, and it is what adding up the messages gives.

Three weeks of two cameras at each of two sites: one with few masks, one with many, which is off
in the last week; one away for three days; one blind for a day. The sums are made here by dicts.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

NOW = datetime(2026, 4, 6, 18, 20, tzinfo=UTC)  # a Monday; the clocks went forward on 29 March
FIRST, LAST = date(2026, 3, 30), date(2026, 4, 5)  # the week that is over
BLIND_DAY = date(2026, 3, 31)
Row = tuple[str, str, datetime, tuple[int, int, int, int] | None]


def street() -> list[Row]:
    """Returns site, camera, local hour and counts; None is a camera that sees nothing."""
    rows: list[Row] = []
    for age in range(21):
        day = LAST - timedelta(days=age)
        for hour in range(8, 18):
            local = datetime(day.year, day.month, day.day, hour, tzinfo=PARIS)
            busy = 40 + 7 * hour + 3 * age % 11 + (25 if day >= FIRST else 0)
            few, many = (3 * busy, 7 * busy, 5, 2), (7 * busy, 3 * busy, 1, 4)
            rows.append(("forville", "forville-01", local, few))
            if day < FIRST:
                rows.append(("forville", "forville-02", local, many))
            if not 0 < age < 4:
                rows.append(("gare", "gare-01", local, many))
            rows.append(("gare", "gare-02", local, None if day == BLIND_DAY else few))
    return rows


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    file = tmp_path_factory.mktemp("hall") / "hall.db"
    with up_to_date(f"sqlite:///{file}", zone=PARIS) as engine:
        Store(engine, calendar=Calendar(PARIS)).write(
            [
                received(
                    local.astimezone(UTC), unit=unit, site=site, counts=counts, minutes=60,
                    hour=True, epsilon=None,
                )
                for site, unit, local, counts in street()
            ]
        )  # fmt: skip
        settings = Settings(city=CitySection(name="V"), broker=CollectorBroker(host="localhost"))
        app = create_app(settings, engine=engine, calendar=Calendar(PARIS), clock=lambda: NOW)
        with TestClient(app, base_url="http://localhost") as client:
            yield client


def test_every_view_says_what_the_messages_add_up_to(client: TestClient) -> None:
    people: Counter[tuple[str, date]] = Counter()
    masked: Counter[tuple[str, date]] = Counter()
    for site, _, local, counts in street():
        people[site, local.date()] += sum(counts or ())
        masked[site, local.date()] += counts[0] if counts else 0
    week = [FIRST + timedelta(days=n) for n in range(7)]
    span = {"from": str(FIRST), "to": str(LAST)}

    answer = client.get("/api/v1/counts", params={"step": "day", **span}).json()
    days = {
        (row["site"], datetime.fromisoformat(row["start"]).astimezone(PARIS).date()): row
        for row in answer
    }
    assert {key: row["people"] for key, row in days.items()} == {
        (site, day): people[site, day] for site in ("forville", "gare") for day in week
    }
    partly = {key for key, row in days.items() if row["known"] == "partly"}
    away = {date(2026, 4, day) for day in (2, 3, 4)}
    assert partly == {("forville", day) for day in week} | {
        ("gare", day) for day in away | {BLIND_DAY}
    }

    text = client.get("/api/v1/counts", params={"step": "day", "format": "csv", **span}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(row["people"]) for row in rows) == sum(r["people"] for r in answer)
    query = {"step": "day", "format": "csv", "lang": "fr", **span}
    french = client.get("/api/v1/counts", params=query).content.decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(french), delimiter=";"))
    assert [int(row[3]) for row in table[1:]] == [int(row["people"]) for row in rows]
    total = {site: sum(people[site, day] for day in week) for site in ("forville", "gare")}
    share = sum(masked["forville", day] for day in week) / sum(
        sum(counts[:3])
        for site, _, local, counts in street()
        if counts and site == "forville" and local.date() in week
    )
    for view in ("/compare", "/report/2026-W14", "/sites/forville?length=week&day=2026-04-01"):
        page = client.get(view, params={"lang": "en"} if "?" not in view else None).text
        assert f"{total['forville']:,}" in page, view
        assert f"{100 * share:.0f}\u202f%" in page, view
    today = client.get("/?lang=en").text
    assert f"Yesterday: {people['forville', LAST] + people['gare', LAST]:,}" in today


def test_every_view_compares_the_hours_that_a_camera_saw_both_times(client: TestClient) -> None:
    hours = {
        (site, unit, local): counts for site, unit, local, counts in street() if counts is not None
    }
    for site in ("forville", "gare"):
        now = before = 0
        for (name, unit, local), counts in hours.items():
            earlier = hours.get((name, unit, local - timedelta(days=7)))  # by the clocks
            if name == site and local.date() >= FIRST and earlier is not None:
                now, before = now + sum(counts), before + sum(earlier)
        change = 100 * (now / before - 1)
        sign = "+" if change > 0 else "\N{MINUS SIGN}"
        said = f"{sign}{abs(change):.0f}\u202f%"
        for view in ("/compare?lang=en", "/report/2026-W14?lang=en"):
            row = re.search(rf"{site}(</a>)?</th>.*?</tr>", client.get(view).text, re.DOTALL)
            assert row is not None
            assert said in row[0], (view, site, said)
            assert "points" not in row[0]  # the share of each camera is as it was
            assert "no clear change" in row[0]
