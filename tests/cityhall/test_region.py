"""A region of 2,000 units at 500 sites, a year of hours: its pages, exports and open tabs.

Run with: scripts/test --slow tests/cityhall/test_region.py -s (-k sqlite or -k postgresql)
"""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx2
import pypdf
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall.database import connect, up_to_date, upgrade
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.prefetch import warm
from maskcam.cityhall.weekly import last_monday
from tests.cityhall.conftest import PARIS
from tests.cityhall.messages import received
from tests.cityhall.processes import CityHall, write_config
from tests.cityhall.region import CAMERAS, SITES, fill_region
from tests.cityhall.servers import Mosquitto
from tests.cityhall.tabs import Tab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
TODAY = NOW.astimezone(PARIS).date()
WEEK = last_monday(TODAY).strftime("/report/%G-W%V")
PAGES = [
    "/",
    "/?page=3",
    "/sites/site-007",
    f"/sites/site-007?day={TODAY - timedelta(days=2)}",
    "/sites/site-007?length=year&against=last_year",
    "/compare",
    "/where",
    WEEK,
]
CHOSEN = [
    f"/compare?from={TODAY - timedelta(days=28)}&to={TODAY - timedelta(days=1)}",
    f"/compare?from={TODAY - timedelta(days=82)}&to={TODAY - timedelta(days=1)}",
    f"/where?from={TODAY - timedelta(days=56)}&to={TODAY - timedelta(days=1)}",
    "/where?weekday=2",
    last_monday(TODAY - timedelta(days=40)).strftime("/report/%G-W%V"),
]
"""Nobody works these out beforehand."""
TABS = 100


class Region(NamedTuple):
    url: str
    engine: Engine


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def region(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Region]:
    url = f"sqlite:///{tmp_path_factory.mktemp('region') / 'region.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database("region")
    engine = connect(url)
    upgrade(engine, zone=PARIS)
    began = time.monotonic()
    fill_region(engine, Calendar(PARIS), now=NOW)
    print(f"\n{request.param}: filled in {time.monotonic() - began:.0f} s")
    yield Region(url, engine)
    engine.dispose()


@pytest.fixture
def dashboard(region: Region, tmp_path: Path) -> Iterator[CityHall]:
    """The dashboard's own process, which has worked out what it shows of past days."""
    nowhere = Mosquitto(tmp_path / "broker")
    config = write_config(tmp_path, broker=nowhere, database_url=region.url)
    config.write_text(config.read_text() + "[web]\nport = 0\n")
    hall = CityHall(config, "--only", "dashboard")
    hall.start()
    used, quiet = 0.0, 0
    while quiet < 4:  # it may also wait, for the database or for a core
        time.sleep(4)
        quiet = quiet + 1 if hall.cpu_s() - used < 0.05 else 0
        used = hall.cpu_s()
    yield hall
    hall.end()


def app_at(engine: Engine) -> FastAPI:
    settings = Settings(city=CitySection(name="Region"), broker=CollectorBroker(host="localhost"))
    return create_app(settings, engine=engine, calendar=Calendar(PARIS), clock=lambda: NOW)


def test_pages_are_quick_and_small(region: Region) -> None:
    app = app_at(region.engine)
    client = TestClient(app, base_url="http://localhost")
    began = time.process_time()
    warm(app.state.context)  # as the dashboard does
    print(f"\nwarmed in {time.process_time() - began:.1f} s of one core")
    for page in PAGES:
        took, busy = time.monotonic(), time.process_time()
        answer = client.get(page)  # nobody asked for it before
        took, busy = time.monotonic() - took, time.process_time() - busy
        size = len(answer.content) // 1000
        print(f"{page}: {took:.2f} s, {busy:.2f} s of one core, {size} kB")
        assert answer.status_code == 200
        assert busy < 0.5  # this machine may be busy with other things
        assert len(answer.content) < 300_000


def test_a_page_that_takes_long_says_so_at_once(region: Region) -> None:
    client = TestClient(app_at(region.engine), base_url="http://localhost")
    for page in CHOSEN:
        began, busy = time.monotonic(), time.process_time()
        client.get(page)
        said = time.process_time() - busy
        answer = wait_for(client, page)
        busy, took = time.process_time() - busy, time.monotonic() - began
        size = len(answer.content) // 1000
        print(f"\n{page}: {said:.2f} s of one core; all of it {busy:.2f} ({took:.1f} s), {size} kB")
        assert said < 0.5
        assert len(answer.content) < 300_000


def wait_for(client: TestClient, page: str) -> httpx2.Response:
    """Returns a page once it is worked out."""
    until = time.monotonic() + 300
    while "Refresh" in (answer := client.get(page)).headers:
        assert time.monotonic() < until
        time.sleep(0.5)
    assert answer.status_code == 200
    return answer


def memory_of_pdf(html: bytes) -> int:
    """Returns the most memory that the printing process takes, in MB.

    Its parent is a small process: a child is charged with what its parent had when it forked.
    """
    program = (
        "import resource, sys; from maskcam.cityhall.web.pdf import print_pdf; "
        "print_pdf(sys.stdin.buffer.read()); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000)"
    )
    command = [sys.executable, "-c", program]
    return int(subprocess.run(command, input=html, capture_output=True, check=True).stdout)


def cpu_with_children_s() -> float:
    """Returns the CPU seconds of this process, and of those that it started and that ended."""
    return sum(os.times()[:4])


def print_report(app: FastAPI) -> int:
    """Prints a report and returns the number of its pages."""
    client = TestClient(app, base_url="http://localhost")
    began, before = time.monotonic(), cpu_with_children_s()
    body = client.get(f"{WEEK}.pdf").content
    took, used = time.monotonic() - began, cpu_with_children_s() - before
    number = len(pypdf.PdfReader(io.BytesIO(body)).pages)
    megabytes = memory_of_pdf(wait_for(client, WEEK).content.replace(b"<link", b"<meta"))
    print(f"\nPDF: {number} pages, {took:.1f} s, {used:.1f} s of one core, {megabytes} MB")
    assert used < 10  # this machine may be busy with other things
    assert megabytes < 300
    return number


def test_the_report_of_a_region_is_printed_in_seconds(region: Region) -> None:
    assert print_report(app_at(region.engine)) < 8


def test_the_report_of_eleven_sites_has_two_or_three_pages(tmp_path: Path) -> None:
    with up_to_date(f"sqlite:///{tmp_path / 'c.db'}", zone=PARIS) as engine:
        fill_region(engine, Calendar(PARIS), now=NOW, days=60, sites=11)
        assert print_report(app_at(engine)) in {2, 3}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_hours_are_streamed(dashboard: CityHall, form: str) -> None:
    first, last = TODAY - timedelta(days=29), TODAY - timedelta(days=1)
    query = {"step": "hour", "format": form, "from": f"{first}", "to": f"{last}"}
    before, used, began, rows = memory_mb(dashboard), dashboard.cpu_s(), time.monotonic(), 0
    address = f"{dashboard.address}api/v1/counts"
    with httpx2.stream("GET", address, params=query, timeout=300) as answer:
        for part in answer.iter_bytes():
            rows += part.count(b"\n")
    took, used = time.monotonic() - began, dashboard.cpu_s() - used
    grown = memory_mb(dashboard) - before
    print(
        f"\n{form}: {rows} rows, {rows / took:.0f} rows/s, {rows / used:.0f} rows per second of "
        f"one core, {grown:.0f} MB more memory"
    )
    assert rows >= 29 * 23 * SITES
    assert rows / used > 50_000  # 100,000 on a core that does nothing else
    assert grown < 50


def memory_mb(hall: CityHall) -> float:
    """Returns the most memory that it ever had."""
    assert hall.process is not None
    status = Path(f"/proc/{hall.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def test_a_hundred_open_tabs_cost_less_than_half_a_core(
    region: Region, dashboard: CityHall
) -> None:
    share, counted = asyncio.run(watch_tabs(region, dashboard, seconds=60))
    answers = counted["200"] + counted["304"]
    print(
        f"\n{TABS} tabs: {100 * share:.1f} % of one core; {counted['events']} events of "
        f"{counted['event bytes'] / max(1, counted['events']):.0f} bytes, {answers} refreshes of "
        f"{counted['page bytes'] / max(1, answers) / 1000:.1f} kB"
    )
    assert share < 0.5
    assert counted["events"] > 0
    assert counted["failed"] < 0.05 * answers


async def watch_tabs(
    region: Region, dashboard: CityHall, *, seconds: float
) -> tuple[float, Counter[str]]:
    """Returns the share of a core that open tabs take while windows arrive, and what they got."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(base_url=dashboard.address, limits=limits, timeout=120) as client:
        tabs = [
            Tab(
                client,
                "/" if number < 70 else f"/sites/site-{number:03d}",
                {"Accept-Language": ("en", "fr")[number % 2]},
            )
            for number in range(TABS)
        ]
        running = [asyncio.create_task(arrive(region))]
        for tab in tabs:
            running.append(asyncio.create_task(tab.run()))
            await asyncio.sleep(0.1)
        await asyncio.sleep(15)
        before, used, began = counts_of(tabs), dashboard.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        share = (dashboard.cpu_s() - used) / (time.monotonic() - began)
        counted = counts_of(tabs)
        counted.subtract(before)
        assert not any(task.done() for task in running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return share, counted


def counts_of(tabs: list[Tab]) -> Counter[str]:
    return sum((tab.counted for tab in tabs), Counter())


async def arrive(region: Region) -> None:
    """Stores a window of each unit per minute, evenly."""
    store, began, sent = Store(region.engine, calendar=Calendar(PARIS)), time.monotonic(), 0
    while True:
        await asyncio.sleep(1)
        due = int((time.monotonic() - began) * SITES * CAMERAS / 60)
        minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
        batch = [
            received(
                minute,
                unit=f"unit-{number % (SITES * CAMERAS) + 1}",
                site=f"site-{number % (SITES * CAMERAS) // CAMERAS + 1:03d}",
                counts=(3 + number % 5, 2, 0, 1),
                run=2,
            )
            for number in range(sent, due)
        ]
        sent = due
        await asyncio.to_thread(store.write, batch)
