"""The pages in a real browser: every view, both languages, wide and phone."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.database import connect, upgrade
from maskcam.cityhall.intake import HeardStatus
from maskcam.cityhall.registry import Registered, write_units
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.simulation import SITES, day_of_windows
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.server import WebServer
from maskcam.delivery.wire import Status
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received

playwright = pytest.importorskip("playwright.sync_api")
axe_runner = pytest.importorskip("axe_playwright_python.sync_playwright")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (apt install chromium)"),
    # Playwright's loop leaves its own pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(300),
]

NOW = datetime(2026, 5, 7, 10, 20, tzinfo=UTC)  # a Thursday, 12:20 in Paris
SIZES = {"wide": (1280, 900), "phone": (390, 844)}
LOCALES = {"en": "en-GB", "fr": "fr-FR"}


class RunningCity:
    """A dashboard with a few days of imagined history, served for real."""

    def __init__(self, directory: Path) -> None:
        self.engine = connect(f"sqlite:///{directory / 'hall.db'}")
        upgrade(self.engine, zone=PARIS)
        calendar = Calendar(PARIS)
        self.store = Store(self.engine, calendar=calendar)
        today = NOW.astimezone(PARIS).date()
        for place in SITES:
            for age in range(3):
                day = today - timedelta(days=age)
                windows = day_of_windows(place, unit=0, day=day, age_days=age, zone=PARIS)
                past = [w for w in windows if w.count.start < NOW - timedelta(hours=1)]
                self.store.write(past, [self.status(place.site, place.unit_names()[0])])
        self.calendar = calendar
        outline = directory / "city.geojson"
        outline.write_text('{"type": "LineString", "coordinates": [[7, 43.5], [7.1, 43.6]]}')
        units = {
            name: Registered(site=place.site, latitude=43.5 + i / 50, longitude=7.05)
            for i, place in enumerate(SITES)
            for name in place.unit_names()
        }
        write_units(directory / "units.json", units)
        self.settings = Settings(
            city=CitySection(
                name="Ville d'Exemple",
                site_names={place.site: place.name for place in SITES},
                outline=outline,
            ),
            broker=CollectorBroker(host="localhost", units_file=directory / "units.json"),
            web=WebSection(port=0),
        )
        self.server = self.serving(self.settings)
        self.yesterday = (today - timedelta(days=1)).isoformat()

    def serving(self, settings: Settings) -> WebServer:
        return WebServer(
            settings,
            engine=self.engine,
            calendar=self.calendar,
            clock=lambda: NOW,
        )

    @staticmethod
    def status(site: str, unit: str) -> HeardStatus:
        return HeardStatus(site, unit, Status(online=True, version="1.0", since=None), 1)

    @property
    def address(self) -> str:
        return self.server.address.rstrip("/")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    hall = RunningCity(tmp_path_factory.mktemp("hall"))
    with hall.server:
        yield hall
    hall.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as manager:
        chromium = manager.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()


class Visit:
    """A page that notes every request, error and console message."""

    def __init__(self, browser: Any, hall: RunningCity, language: str, size: str) -> None:
        width, height = SIZES[size]
        self.context = browser.new_context(
            locale=LOCALES[language], viewport={"width": width, "height": height}
        )
        self.page = self.context.new_page()
        self.address = hall.address
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._on_console)

    def _on_console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(message.text)

    def close(self) -> None:
        self.context.close()
        outside = [url for url in self.requests if not url.startswith(self.address)]
        assert outside == []
        assert self.faults == []


def views(hall: RunningCity) -> list[str]:
    return [
        "/",
        f"/sites/gare?day={hall.yesterday}&length=week",
        "/compare",
        "/where",
        "/report",
        "/about",
    ]


def serious_findings(page: Any) -> list[Any]:
    found = axe_runner.Axe().run(page).response["violations"]
    return [
        (item["id"], [node["target"] for node in item["nodes"]][:3])
        for item in found
        if item["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize(
    ("language", "size"),
    [
        ("en", "wide"),
        ("fr", "phone"),
        pytest.param("en", "phone", marks=pytest.mark.slow),
        pytest.param("fr", "wide", marks=pytest.mark.slow),
    ],
)
def test_every_view_is_accessible_and_asks_nobody_else(
    browser: Any, hall: RunningCity, language: str, size: str
) -> None:
    visit = Visit(browser, hall, language, size)
    for view in [*views(hall), "/sites/nowhere"]:
        visit.page.goto(hall.address + view)
        assert visit.page.locator("html").get_attribute("lang") == language
        assert serious_findings(visit.page) == [], view
        if view == "/sites/nowhere":
            visit.faults.clear()  # Chromium logs the 404
        width = visit.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0], f"{view} is wider than the screen"
    if size == "phone":
        visit.faults.clear()
        visit.page.goto(hall.address + "/about")
        header = visit.page.locator("header").bounding_box()
        assert header["height"] < 60  # one row
        assert not visit.page.locator("nav").is_visible()
        visit.page.get_by_role("button", name="Menu").click()
        assert serious_findings(visit.page) == []
        visit.page.locator("nav a[href='/where']").click()
        visit.page.wait_for_url("**/where")
    visit.close()


def test_what_is_printed_has_no_controls(browser: Any, hall: RunningCity) -> None:
    visit = Visit(browser, hall, "en", "wide")
    visit.page.goto(hall.address + "/where")
    assert visit.page.locator("nav").is_visible()
    visit.page.emulate_media(media="print")
    for what in ("nav", "form", "footer", ".languages", ".downloads"):
        assert not visit.page.locator(what).first.is_visible(), what
    assert visit.page.locator("table").first.is_visible()
    visit.close()


def test_dark_pages_are_readable(browser: Any, hall: RunningCity) -> None:
    visit = Visit(browser, hall, "fr", "wide")
    visit.page.emulate_media(color_scheme="dark")
    for view in views(hall):
        visit.page.goto(hall.address + view)
        assert serious_findings(visit.page) == [], view
    visit.close()


def test_a_visitor_clicks_through_everything(browser: Any, hall: RunningCity) -> None:
    visit = Visit(browser, hall, "en", "wide")
    page = visit.page
    page.goto(hall.address + "/")
    page.get_by_role("link", name="Place de la Gare: ").click()  # on the map
    page.get_by_role("link", name="Today").click()
    page.get_by_role("link", name="Place de la Gare", exact=True).click()
    page.get_by_role("link", name="Day before").click()
    assert f"day={hall.yesterday}" in page.url
    page.get_by_text("The numbers as a table").first.click()
    assert page.locator("#table-hours tbody tr").count() == 24
    page.get_by_label("Compare with").select_option("before")
    page.get_by_role("button", name="Show").click()
    assert "against=before" in page.url
    assert f"day={hall.yesterday}" in page.url
    page.get_by_role("link", name="Compare sites").click()
    playwright.expect(page.get_by_role("row")).to_have_count(4, timeout=30_000)
    page.get_by_role("link", name="Where and when").click()
    page.get_by_label("Day of the week").select_option("5")
    page.get_by_role("button", name="Show").click()
    assert "weekday=5" in page.url
    page.get_by_role("link", name="Français").click()
    assert "weekday=5" in page.url
    assert page.get_by_role("heading", level=1).inner_text().startswith("Où et quand")
    page.get_by_role("link", name="Rapport hebdomadaire").click()
    assert "lang=fr" in page.url
    page.get_by_role("link", name="Semaine précédente").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Ville d'Exemple")
    visit.close()


def test_charts_answer_to_the_keyboard_and_the_pointer(browser: Any, hall: RunningCity) -> None:
    visit = Visit(browser, hall, "en", "wide")
    page = visit.page
    page.goto(hall.address + f"/sites/gare?day={hall.yesterday}")
    chart = page.locator(".chart").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator(".readout").inner_text().startswith("00:00")
    page.keyboard.press("End")
    assert chart.locator(".readout").inner_text().startswith("23:00")
    chart.locator(".wide .hit").nth(9).hover()
    assert chart.locator(".readout").inner_text().startswith("09:00")
    page.goto(hall.address + "/")
    page.locator(".map .hit").first.focus()  # the site with most passages
    readout = page.locator(".map .readout")
    assert readout.inner_text().startswith("Place de la Gare: ")
    page.keyboard.press("ArrowRight")
    assert readout.inner_text().startswith("Promenade: ")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sites/promenade")
    visit.close()


def test_the_keyboard_alone_reaches_everything_in_every_view(
    browser: Any, hall: RunningCity
) -> None:
    visit = Visit(browser, hall, "en", "wide")
    page = visit.page
    for view in views(hall):
        page.goto(hall.address + view)
        reachable = page.evaluate(
            """() => [...document.querySelectorAll(
                'a[href], button, input:not([type=hidden]), select, summary, .scroll, .chart')]
                .filter(item => item.checkVisibility() && item.tabIndex >= 0).length"""
        )
        seen = set()
        for _ in range(3 * reachable + 20):  # a field for a day has stops of its own
            page.keyboard.press("Tab")
            state = page.evaluate(
                """() => {
                    const item = document.activeElement;
                    if (item === document.body) return null;
                    item.tabNumber ??= (window.tabCount = (window.tabCount ?? 0) + 1);
                    const shown = getComputedStyle(item).outlineStyle !== 'none';
                    return [item.tabNumber, shown || item.type === 'date'] }"""
            )
            if state is None:
                break
            number, outlined = state
            assert outlined, f"{view}: what has the focus does not show it"
            seen.add(number)
        assert len(seen) == reachable, view
    page.goto(hall.address + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(6):  # past the cameras that need attention and the map
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "q":
            break
    page.keyboard.type("promen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=promen")
    assert page.locator(".sites tbody tr").count() == 1
    visit.close()


@pytest.mark.parametrize(("language", "size"), [("en", "wide"), ("fr", "phone")])
def test_signing_in_is_accessible_and_works_by_keyboard(
    browser: Any, hall: RunningCity, language: str, size: str
) -> None:
    Accounts(hall.engine).add_person("maire", "a long pass phrase")
    closed = replace(hall.settings, web=WebSection(port=0, accounts=True))
    with hall.serving(closed) as server:
        visit = Visit(browser, hall, language, size)
        visit.address = server.address.rstrip("/")
        page = visit.page
        page.goto(visit.address + "/where?weekday=5")
        assert "/login" in page.url
        assert serious_findings(page) == []
        page.locator("input[name=name]").focus()
        page.keyboard.type("maire")
        page.keyboard.press("Tab")
        page.keyboard.type("wrong pass phrase")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        assert serious_findings(page) == []
        visit.faults.clear()  # Chromium logs the 401 of the refusal
        page.locator("input[name=name]").fill("maire")
        page.locator("input[name=password]").fill("a long pass phrase")
        page.keyboard.press("Enter")
        page.wait_for_url("**/where?weekday=5")
        assert serious_findings(page) == []
        page.get_by_role("button", name="maire").click()
        page.wait_for_url("**/login")
        visit.close()


def refresh_until(page: Any, is_there: Callable[[], bool]) -> None:
    """Lets an open page's clock run on, which rests between two refreshes."""
    until = time.monotonic() + 120
    while not is_there():
        assert time.monotonic() < until
        page.clock.fast_forward(11_000)
        time.sleep(0.3)


@pytest.mark.parametrize(("language", "size"), [("en", "phone"), ("fr", "wide")])
def test_a_page_follows_new_windows_and_keeps_what_its_reader_does(
    browser: Any, hall: RunningCity, language: str, size: str
) -> None:
    visit = Visit(browser, hall, language, size)
    page = visit.page
    page.clock.install()  # it rests between two refreshes
    kinds: list[str] = []
    page.on("response", lambda answer: kinds.append(answer.headers.get("content-type", "")))
    page.goto(hall.address + "/?sort=share")
    page.locator(".live.on").wait_for(timeout=60_000)
    shown = page.locator("#row-gare td.n")
    people = int(re.sub(r"\D", "", shown.inner_text()))

    def pass_by(minutes_ago: int) -> None:
        nonlocal people
        people += 30
        hall.store.write(
            [
                received(
                    NOW - timedelta(minutes=minutes_ago),
                    unit=f"gare-{size}",
                    site="gare",
                    counts=(9, 8, 7, 6),
                )
            ],
            [hall.status("gare", f"gare-{size}")],
        )
        refresh_until(page, lambda: re.sub(r"\D", "", shown.inner_text()) == str(people))

    pass_by(4)  # the page asks for the first time, and gets all of it
    page.evaluate("window.search = document.querySelector('[type=search]')")
    page.get_by_role("searchbox").fill("promenade")  # not sent yet
    page.locator("#row-gare a").focus()
    order = page.locator(".sites tbody th").all_inner_texts()
    kinds.clear()
    pass_by(3)
    assert any("json" in kind for kind in kinds)
    assert not any("html" in kind for kind in kinds)
    assert page.evaluate("window.search.isConnected && window.search.value") == "promenade"
    assert page.evaluate("document.activeElement.closest('tr').id") == "row-gare"
    assert page.locator(".sites tbody th").all_inner_texts() == order
    visit.close()


def test_a_site_follows_new_windows_and_keeps_what_its_reader_opened(
    browser: Any, hall: RunningCity
) -> None:
    visit = Visit(browser, hall, "fr", "phone")
    page = visit.page
    page.clock.install()
    page.goto(hall.address + "/sites/gare")
    page.locator(".live.on").wait_for(timeout=60_000)
    page.locator("#table-hours summary").click()
    chart = page.locator("#part-passages")
    chart.focus()
    page.keyboard.press("ArrowRight")
    readout = chart.locator(".readout").inner_text().split(":")[0]  # of which hour it speaks
    lead = page.locator("#part-lead")

    def pass_by(minutes_ago: int) -> None:
        before = lead.inner_text()
        item = received(NOW - timedelta(minutes=minutes_ago), unit="gare-08", site="gare")
        hall.store.write([item], [hall.status("gare", "gare-08")])
        refresh_until(page, lambda: lead.inner_text() != before)

    pass_by(6)  # all of it
    pass_by(5)  # what changed
    assert page.locator("#table-hours").get_attribute("open") is not None
    assert chart.locator(".readout").inner_text().startswith(readout)
    assert page.evaluate("document.activeElement.id") == "part-passages"
    visit.close()


def test_pages_work_without_script(browser: Any, hall: RunningCity) -> None:
    context = browser.new_context(java_script_enabled=False, locale="fr-FR")
    page = context.new_page()
    page.goto(hall.address + f"/sites/gare?day={hall.yesterday}")
    assert page.locator("svg").count() >= 4
    context.close()
