from __future__ import annotations

import csv
import io
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.collector_state import report
from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection, load
from maskcam.cityhall.store import Store
from maskcam.cityhall.web import answer_cache, context, pages
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.where_and_when import find_slots
from maskcam.delivery.wire import Status
from maskcam.errors import ConfigError, UsageError
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import minutes_from, received

NOW = datetime(2026, 5, 4, 10, 20, tzinfo=UTC)
EVIL = "<script>alert(1)</script>'\"; DROP TABLE windows; --"
PASSWORD = "a long pass phrase"
PAGES = ["/", "/sites/forville", "/compare", "/where", "/report/2026-W18", "/about"]

Make = Callable[..., TestClient]


@pytest.fixture
def filled(tmp_path: Path, calendar: Calendar) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'web.db'}")
    upgrade(engine, zone=PARIS)
    store = Store(engine, calendar=calendar)
    for days in (0, 1, 7, 8):
        start = datetime(2026, 5, 4, 6, 0, tzinfo=UTC) - timedelta(days=days)
        store.write(minutes_from(start, 120))
    store.write([received(NOW - timedelta(hours=1), unit=EVIL, site=EVIL)])
    store.write([received(NOW - timedelta(hours=1), unit="=1+1", site="=cmd")])
    yield engine
    engine.dispose()


@pytest.fixture
def make(filled: Engine, calendar: Calendar) -> Iterator[Make]:
    open_clients = []

    def client(*, now: datetime = NOW, **web: Any) -> TestClient:
        settings = Settings(
            city=CitySection(name="Ville d'Exemple", site_names={"forville": "Forville"}),
            broker=CollectorBroker(host="localhost"),
            web=WebSection(**web),
        )
        app = create_app(settings, engine=filled, calendar=calendar, clock=lambda: now)
        found = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
        open_clients.append(found.__enter__())
        return found

    yield client
    for opened in open_clients:
        opened.__exit__(None, None, None)


@pytest.fixture
def client(make: Make) -> TestClient:
    return make()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_in_both_languages(client: TestClient, page: str, language: str) -> None:
    answer = client.get(page, headers={"accept-language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert "<script>alert" not in answer.text
    assert " style=" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_first_screen_answers_in_words(client: TestClient) -> None:
    text = client.get("/", headers={"accept-language": "en"}).text
    assert '<p class="value">1,464</p>' in text
    assert "3 sites" in text
    assert "as many as on Monday 27 April" in text
    french = client.get("/", headers={"accept-language": "fr"}).text
    assert "autant que le lundi 27 avril" in french


def test_cameras_that_fell_silent_are_shown_with_what_to_do(filled: Engine, make: Make) -> None:
    store = Store(filled, calendar=Calendar(PARIS))
    for days in (8, 7, 1):  # it is usual for this camera to count at a quarter past five
        start = datetime(2026, 5, 4, 15, 0, tzinfo=UTC) - timedelta(days=days)
        store.write(minutes_from(start, 60))
    status = Status(online=True, version="1", since=None)
    store.write([], [HeardStatus("forville", "forville-01", status, int(NOW.timestamp()))])
    store.write(minutes_from(NOW - timedelta(minutes=9), 9))
    quiet = make().get("/").text
    assert "No counts arrive" not in quiet
    later = make(now=NOW + timedelta(hours=5)).get("/").text
    assert "No counts arrive from any camera" in later
    said = "connected, but sends no counts, since 4\u00a0May\u00a012:20. Restart it"
    assert said in later
    assert '<a href="#part-attention">' in later
    site = make(now=NOW + timedelta(hours=5)).get("/sites/forville").text
    notice = site[site.index('<p class="notice"') :].split("</p>")[0]
    assert "<strong>forville-01</strong>" in notice
    assert said in notice
    assert 'class="notice"' not in make().get("/sites/forville").text


def test_lists_are_searched_sorted_and_paged(make: Make, filled: Engine) -> None:
    store = Store(filled, calendar=Calendar(PARIS))
    for number in range(60):
        start = NOW - timedelta(minutes=30)
        counts = (number, 0, 0, 0)
        store.write(
            [received(start, unit=f"u{number}", site=f"square-{number:02d}", counts=counts)]
        )
    client = make()
    assert client.get("/").text.count('<th scope="row">') == 50
    assert client.get("/?page=2").text.count('<th scope="row">') == 13
    assert client.get("/?page=999").status_code == 200
    searched = client.get("/?q=SQUARE-07").text
    assert searched.count('<th scope="row">') == 1
    assert client.get("/?q=nothing").text.count('<th scope="row">') == 0
    rows = client.get("/?sort=passages&q=square").text
    assert rows.index("square-59") < rows.index("square-58") < rows.index("square-20")
    assert client.get("/?sort=x").status_code == 422
    for page in ("/compare", "/where"):
        assert client.get(f"{page}?q=square-07").status_code == 200


def test_hostile_names_are_shown_as_names(client: TestClient) -> None:
    from urllib.parse import quote

    listed = client.get("/api/v1/sites").json()
    assert EVIL in [site["site"] for site in listed]
    page = client.get(f"/sites/{quote(EVIL, safe='')}")
    assert page.status_code in {200, 404}  # a "/" in a name is another address
    for value in ("' OR 1=1 --", "%27", "<b>", "..%2f..%2fetc", "x" * 900):
        assert client.get(f"/sites/{quote(value, safe='')}").status_code == 404
        for parameter in ("day", "length", "against", "from", "to", "weekday", "week"):
            for path in ("/sites/forville", "/compare", "/where", "/report"):
                answer = client.get(path, params={parameter: value})
                assert answer.status_code in {200, 422}, answer.url
                assert "<b>" not in answer.text


def test_the_api_says_null_where_nothing_is_known(client: TestClient) -> None:
    query = {"step": "hour", "site": "forville", "from": "2026-05-04", "to": "2026-05-04"}
    hours = client.get("/api/v1/counts", params=query).json()
    assert len(hours) == 24
    assert hours[0]["people"] is None
    assert hours[0]["known"] == "offline"
    assert hours[8]["people"] == 720
    assert hours[8]["start"] == "2026-05-04T06:00:00Z"
    assert hours[8]["mask_share"] == pytest.approx(7 / 11, abs=1e-4)
    assert hours[23]["known"] == "to_come"


def test_a_share_of_few_people_is_shown_nowhere(client: TestClient) -> None:
    """At "=cmd" eleven passages were judged: the numbers are published, a share is not made."""
    query = {"step": "day", "site": "=cmd", "from": "2026-05-04", "to": "2026-05-04"}
    (day,) = client.get("/api/v1/counts", params=query).json()
    assert day["with_mask"] == 7
    assert day["mask_share"] is day["mask_share_low"] is day["mask_share_high"] is None
    text = client.get("/api/v1/counts", params=query | {"format": "csv"}).text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["mask_share"] == row["mask_share_low"] == row["mask_share_high"] == ""


def test_csv_is_for_spreadsheets_and_no_formula(client: TestClient) -> None:
    query = {"step": "day", "format": "csv", "from": "2026-05-03", "to": "2026-05-04"}
    answer = client.get("/api/v1/counts", params=query)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["site"] for row in rows} == {"forville", EVIL, "'=cmd"}
    windows = client.get("/api/v1/counts", params=query | {"step": "window"}).text
    assert windows.count("\n") == 1 + 120 + 120 + 2


def test_weeks_and_months_are_the_sums_of_their_days(client: TestClient) -> None:
    query = {"site": "forville", "from": "2026-04-20", "to": "2026-05-10"}
    api = "/api/v1/counts"
    days = client.get(api, params=query).json()
    assert len(days) == 21
    weeks = client.get(api, params=query | {"step": "week"}).json()
    assert [week["start"] for week in weeks] == [
        *("2026-04-19T22:00:00Z", "2026-04-26T22:00:00Z", "2026-05-03T22:00:00Z")
    ]
    for place, week in enumerate(weeks):
        of_week = days[7 * place : 7 * place + 7]
        people = [day["people"] for day in of_week if day["people"] is not None]
        assert (week["people"] or 0) == sum(people)
        assert week["minutes"] == 7 * 1440
    months = client.get(api, params=query | {"step": "month"}).json()
    assert [month["minutes"] for month in months] == [11 * 1440, 10 * 1440]
    years = client.get(api, params=query | {"step": "year", "from": "2020-01-01"}).json()
    assert len(years) == 7
    assert years[0]["known"] == "offline"
    assert years[6]["people"] == sum(month["people"] for month in months)


def test_a_french_spreadsheet_opens_the_french_csv(client: TestClient) -> None:
    query = {"step": "hour", "format": "csv", "from": "2026-05-04", "to": "2026-05-04"}
    answer = client.get("/api/v1/counts", params=query | {"lang": "fr", "site": "forville"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert len(rows) == 24
    assert rows[8]["site"] == "Forville"
    assert rows[8]["début (heure locale)"] == "2026-05-04 08:00"
    assert rows[8]["passages"] == "720"
    assert rows[8]["part masquée"].startswith("0,63")
    assert rows[0]["connu"] == "aucune donnée"
    assert "format=csv&amp;lang=fr" in client.get("/compare?lang=fr").text


@pytest.mark.parametrize(
    "query",
    [
        {"step": "century"},
        {"from": "2026-05-04", "to": "2026-05-03"},
        {"from": "2001-01-01", "to": "2026-05-03"},
        {"step": "window", "format": "csv", "from": "2026-01-01", "to": "2026-05-03"},
        {"step": "window"},
        {"from": "yesterday"},
    ],
)
def test_wrong_questions_are_refused_with_a_reason(
    client: TestClient, query: dict[str, str]
) -> None:
    answer = client.get("/api/v1/counts", params=query)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_the_api_is_documented_without_outside_pages(client: TestClient) -> None:
    api = client.get("/openapi.json").json()
    assert {"/api/v1/sites", "/api/v1/counts", "/api/v1/unmasked", "/metrics", "/live"} <= set(
        api["paths"]
    )
    assert client.get("/docs").status_code == 404


def test_prometheus_reads_what_each_collector_says_of_itself(
    client: TestClient, filled: Engine
) -> None:
    for name, number in (("one", 3), ("two", 4)):
        metrics = Metrics()
        metrics.connected.set(1)
        metrics.rejected.labels("future").inc(number)
        report(filled, name, metrics)
        report(filled, name, metrics)
    text = client.get("/metrics").text
    assert 'maskcam_collector_rejected_total{collector="one",reason="future"} 3.0' in text
    assert 'maskcam_collector_rejected_total{collector="two",reason="future"} 4.0' in text
    assert text.count('maskcam_collector_connected{collector="one"} 1.0') == 1
    assert text.count("# TYPE maskcam_collector_connected ") == 1
    assert "maskcam_collector_seen_timestamp_seconds" in text


def kinds_of(item: Any) -> set[str]:
    """Returns the kinds of structure elements in a PDF, from one of them downwards."""
    item = item.get_object()
    if isinstance(item, list):
        return set().union(*map(kinds_of, item))
    if not isinstance(item, dict) or "/S" not in item:
        return set()
    return {str(item["/S"])} | (kinds_of(item["/K"]) if "/K" in item else set())


def test_the_report_is_printable_and_a_pdf(client: TestClient) -> None:
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("weasyprint")
    answer = client.get("/report", follow_redirects=False)
    assert answer.headers["location"] == "/report/2026-W18"
    pdf = client.get("/report/2026-W18.pdf", params={"lang": "fr"})
    assert pdf.headers["content-type"] == "application/pdf"
    document = pypdf.PdfReader(io.BytesIO(pdf.content))
    root, pages = document.trailer["/Root"], document.pages
    assert (root["/MarkInfo"]["/Marked"], root["/Lang"]) == (True, "fr")
    kinds = kinds_of(root["/StructTreeRoot"]["/K"])
    assert kinds >= {"/H1", "/P", "/Table", "/TH", "/TD"}
    text = " ".join(page.extract_text() for page in pages)
    assert "semaine 18 de 2026" in text
    assert "Forville" in text
    for wrong in ("2026-W60", "x", "2026-W18.pdf.pdf", "9999-W01"):
        assert client.get(f"/report/{wrong}").status_code in {200, 404, 422}


def test_without_the_pdf_library_it_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "weasyprint.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = client.get("/report/2026-W18.pdf")
    assert answer.status_code == 501
    assert "Print the page instead" in answer.text


def test_nothing_is_open_without_signing_in(make: Make, filled: Engine) -> None:
    client = make(accounts=True)
    Accounts(filled).add_person("maire", PASSWORD)
    for page in [*PAGES, "/report/2026-W18.pdf", "/nonsense"]:
        answer = client.get(page, follow_redirects=False)
        assert answer.status_code == 303, page
        assert answer.headers["location"].startswith("/login?next=")
    for page in ("/api/v1/sites", "/api/v1/counts", "/metrics", "/live", "/openapi.json"):
        assert client.get(page).status_code == 401, page
    for page in ("/login", "/healthz", "/static/city.css"):
        assert client.get(page).status_code == 200, page


def test_signing_in_leads_back_and_a_new_password_ends_the_session(
    make: Make, filled: Engine
) -> None:
    client = make(accounts=True)
    accounts = Accounts(filled)
    accounts.add_person("maire", PASSWORD)
    form = {"name": "maire", "password": PASSWORD, "next": "/where?weekday=5"}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/where?weekday=5"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/", follow_redirects=False).status_code == 200
    accounts.add_person("maire", PASSWORD + "!")
    assert client.get("/", follow_redirects=False).status_code == 303
    client.post("/login", data=form | {"password": PASSWORD + "!"})
    assert client.get("/", follow_redirects=False).status_code == 200
    client.post("/logout")
    assert client.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("next_", ["//evil.example", "https://evil.example", "/\\evil", "\n/x"])
def test_signing_in_never_leads_outside(make: Make, filled: Engine, next_: str) -> None:
    client = make(accounts=True)
    Accounts(filled).add_person("maire", PASSWORD)
    form = {"name": "maire", "password": PASSWORD, "next": next_}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_guessing_is_slowed_down_and_never_logged(
    make: Make, filled: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = make(accounts=True)
    Accounts(filled).add_person("maire", PASSWORD)
    codes = [
        client.post("/login", data={"name": "maire", "password": f"guess {i}"}).status_code
        for i in range(7)
    ]
    assert codes == [401] * 5 + [429] * 2
    right = client.post("/login", data={"name": "maire", "password": PASSWORD})
    assert right.status_code == 429
    with TestClient(client.app, base_url="http://localhost", client=("10.0.0.9", 1)) as elsewhere:
        form = {"name": "maire", "password": PASSWORD}
        assert elsewhere.post("/login", data=form, follow_redirects=False).status_code == 303
    assert "guess" not in caplog.text
    assert PASSWORD not in caplog.text


def test_a_form_of_another_site_is_refused(make: Make, filled: Engine) -> None:
    client = make(accounts=True)
    Accounts(filled).add_person("maire", PASSWORD)
    form = {"name": "maire", "password": PASSWORD}
    answer = client.post("/login", data=form, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_large_question_says_that_it_is_being_worked_out(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, page = threading.Event(), "/where?from=2026-04-27&to=2026-05-03"
    monkeypatch.setattr(context, "LARGE", 0)
    monkeypatch.setattr(answer_cache, "SOON_S", 0.0)
    monkeypatch.setattr(pages, "find_slots", lambda *a, **k: go.wait(20) and find_slots(*a, **k))
    for language, words in (("en", "One moment"), ("fr", "Un instant")):
        answer = client.get(f"{page}&lang={language}")
        assert words in answer.text
        assert answer.headers["Refresh"] == "1"
    go.set()
    monkeypatch.setattr(answer_cache, "SOON_S", 20.0)
    assert "without a mask" in client.get(page + "&lang=en").text


def test_programs_use_a_token(make: Make, filled: Engine) -> None:
    client = make(accounts=True)
    token = Accounts(filled).add_program("prometheus")
    bearer = {"authorization": f"Bearer {token}"}
    assert client.get("/metrics", headers=bearer).status_code == 200
    assert client.get("/metrics", headers={"authorization": "Bearer x"}).status_code == 401
    Accounts(filled).remove("prometheus")
    assert client.get("/metrics", headers=bearer).status_code == 401
    with filled.connect() as connection:
        dump = str(connection.exec_driver_sql("SELECT * FROM accounts").all())
    assert token not in dump


def test_another_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_weak_accounts_are_refused(filled: Engine) -> None:
    with pytest.raises(UsageError, match="12 to 200 characters"):
        Accounts(filled).add_person("maire", "short")
    for known in ("123456789012", "motdepasse12", "passwordpassword", "maire-maire-maire"):
        with pytest.raises(UsageError, match="easy to guess"):
            Accounts(filled).add_person("maire", known)
    with pytest.raises(UsageError, match="letters"):
        Accounts(filled).add_person("<b>", PASSWORD)


CONFIG = '[city]\nname = "X"\n[broker]\nhost = "localhost"\n[web]\n'


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('listen = "0.0.0.0"', "encryption"),
        ('listen = "0.0.0.0"\naccounts = false', "accounts = false"),
        ("behind_proxy = true\naccounts = false", "accounts = false"),
        ('certificate = "x"', "together"),
        ("colour = 3", "not a known key"),
        ("port = 99999", "port"),
    ],
)
def test_an_unsafe_or_wrong_configuration_is_refused(tmp_path: Path, more: str, words: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(CONFIG + more)
    with pytest.raises(ConfigError, match=words):
        load(file)


def test_the_openapi_description_is_json(client: TestClient) -> None:
    assert json.loads(client.get("/openapi.json").text)["info"]["title"] == "maskcam city hall"


def test_open_pages_get_their_figures_once_for_all(client: TestClient) -> None:
    asked = {"X-Maskcam-Part": "main"}
    whole = client.get("/?lang=en")
    first = client.get("/?lang=en", headers=asked)
    numbers = re.compile(r"(chart|hatch)\d+")  # of the charts, each time others
    part = numbers.sub("", first.text.strip())
    assert part.startswith('<main id="content"')
    assert part.endswith("</main>")
    assert part in numbers.sub("", whole.text)
    assert first.headers["content-encoding"] == "gzip"
    plain = client.get("/?lang=en", headers=asked | {"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert numbers.sub("", plain.text) == numbers.sub("", first.text)
    known = asked | {"If-None-Match": first.headers["etag"]}
    time.sleep(0.6)  # it is rendered anew
    again = client.get("/?lang=en", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    french = client.get("/?lang=fr", headers=known)
    assert french.status_code == 200
    assert "Aujourd'hui" in french.text.replace("&#39;", "'")
    assert client.get("/sites/nowhere", headers=asked).status_code == 404


def test_an_open_page_gets_what_changed_since_it_last_asked(
    make: Make, filled: Engine, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("KEPT_S", 0.0), ("TIMES", 0), ("SLOW_S", 60.0)):  # all is made anew
        monkeypatch.setattr(answer_cache, name, value)
    client, store, asked = make(), Store(filled, calendar=calendar), {"X-Maskcam-Part": "main"}
    for path, name, minutes in (
        ("/?lang=en", "row-forville", (5, 4)),
        ("/sites/forville?lang=fr", "part-lead", (3, 2)),
    ):
        for ago in minutes:  # the first one may change more
            first = client.get(path, headers=asked)
            store.write(
                [received(NOW - timedelta(minutes=ago), counts=(30 * ago, len(path), 1, 1))]
            )
            now = client.get(path, headers=asked | {"If-None-Match": first.headers["etag"]})
        whole = client.get(path, headers=asked)
        number = re.compile(r"(chart|hatch)\d+")
        parts = {key: number.sub("", part) for key, part in now.json().items()}
        assert name in parts
        assert all(part in number.sub("", whole.text) for part in parts.values())
        assert all(part not in number.sub("", first.text) for part in parts.values())
        assert now.headers["etag"] == whole.headers["etag"]
        unknown = client.get(path, headers=asked | {"If-None-Match": '"of-yesterday"'})
        assert number.sub("", unknown.text) == number.sub("", whole.text)
