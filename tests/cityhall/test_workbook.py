"""Workbooks hold numbers as numbers, local times as times, and no formulas."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.count_rows import FRENCH_COLUMNS
from tests.cityhall.messages import minutes_from

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)
EPOCH = datetime(1899, 12, 30)
NAME = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells(body: bytes) -> list[dict[str, str | float]]:
    """Returns the rows of the first sheet, by the letters of their columns."""
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        assert book.testzip() is None
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in sheet.iter(f"{NAME}row"):
        values: dict[str, str | float] = {}
        for cell in row.iter(f"{NAME}c"):
            assert cell.find(f"{NAME}f") is None  # no formula
            column = re.sub(r"\d", "", cell.attrib["r"])
            text = cell.find(f"{NAME}is/{NAME}t")
            number = cell.findtext(f"{NAME}v")
            if text is not None:
                values[column] = text.text or ""
            elif number is not None:
                values[column] = float(number)
        rows.append(values)
    return rows


@pytest.fixture
def client(engine: Engine, calendar: Calendar, store: Store) -> Iterator[TestClient]:
    start = datetime(2026, 5, 20, 6, 0, tzinfo=UTC)
    store.write(minutes_from(start, 60, counts=(60, 40, 0, 0)))
    store.write(minutes_from(start, 60, unit="=1+1", site="=cmd"))
    settings = Settings(
        city=CitySection(name="V", site_names={"forville": "Marché Forville"}),
        broker=CollectorBroker(host="localhost"),
    )
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_a_workbook_says_what_the_api_says(client: TestClient) -> None:
    query = {"step": "hour", "site": "forville", "from": "2026-05-20", "to": "2026-05-20"}
    items = client.get("/api/v1/counts", params=query).json()
    answer = client.get("/api/v1/counts", params=query | {"format": "xlsx", "lang": "fr"})
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert "maskcam-hour-2026-05-20-2026-05-20.xlsx" in answer.headers["content-disposition"]
    head, *rows = cells(answer.content)
    assert list(head.values()) == list(FRENCH_COLUMNS)
    assert len(rows) == len(items) == 24
    eight, item = rows[8], items[8]
    assert eight["A"] == "Marché Forville"
    assert abs(EPOCH + timedelta(days=float(eight["B"])) - datetime(2026, 5, 20, 8)) < timedelta(
        seconds=1
    )
    assert (eight["D"], eight["E"], eight["I"]) == (
        item["people"],
        item["with_mask"],
        item["mask_share"],
    )
    assert eight["N"] == "observé"
    assert "D" not in rows[3]  # not known is empty


def test_names_are_text_and_too_much_is_refused_with_the_rule(client: TestClient) -> None:
    query = {"step": "day", "format": "xlsx", "from": "2026-05-20", "to": "2026-05-21"}
    rows = cells(client.get("/api/v1/counts", params=query | {"lang": "en"}).content)
    assert {row["A"] for row in rows[1:]} == {"=cmd", "Marché Forville"}
    assert rows[0]["B"] == "start (local time)"
    assert len(rows) == 1 + 2 * 2
    too_long = {"step": "hour", "format": "xlsx", "from": "2025-05-01", "to": "2026-05-21"}
    assert client.get("/api/v1/counts", params=too_long).status_code == 200  # 18,528 rows
    windows = client.get("/api/v1/counts", params={"step": "window", "format": "xlsx"})
    assert windows.status_code == 422


def test_a_workbook_of_a_region_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcam.cityhall.web.api.MAX_ROWS", 40)
    query = {"step": "hour", "format": "xlsx", "from": "2026-05-20", "to": "2026-05-20"}
    answer = client.get("/api/v1/counts", params=query)
    assert answer.status_code == 422
    assert "at most 40 rows; take format=csv" in answer.json()["detail"]
    for page in ("/sites/forville", "/compare", "/where"):
        assert "format=xlsx" in client.get(page).text
