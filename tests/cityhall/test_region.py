"""A region of 2,000 units at 500 sites: what its pages take. ``scripts/test --slow FILE -s``."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from maskcam.cityhall.rollup import Calendar, minute_of
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.web.prefetch import warm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

NOW = datetime(2026, 5, 22, 10, 20, tzinfo=UTC)
DAYS = 30
PAGES = [
    "/",
    "/?page=3",
    "/sites/site-007?day=2026-05-20",
    "/compare",
    "/where",
    "/report/2026-W20",
]
_SUMS = "bucket, site_id, unit_id, with_mask, without_mask, incorrect, unclear"


def fill(engine: Engine, calendar: Calendar) -> None:
    """Makes the sums of a month of hours and of a year of days, and the windows of an hour."""
    postgres = engine.dialect.name == "postgresql"
    false = "false" if postgres else "0"

    def run(statement: str, *, first: int, last: int, step: int) -> None:
        series = (
            f"SELECT generate_series({first}, {last}, {step}) AS v"
            if postgres
            else f"WITH RECURSIVE s(v) AS (SELECT {first} UNION ALL SELECT v + {step} FROM s "
            f"WHERE v + {step} <= {last}) SELECT v FROM s"
        )
        with engine.begin() as connection:
            connection.exec_driver_sql(f"{statement} ({series}) n")

    def day(ago: int) -> int:
        return calendar.day(minute_of(NOW - timedelta(days=ago)))

    hour = calendar.hour(minute_of(NOW))
    run(
        "INSERT INTO sites SELECT v, 'site-' || substr('' || (1000 + v), 2) FROM",
        first=1,
        last=500,
        step=1,
    )
    run(
        "INSERT INTO units (id, name, site_id, online, version, heard_at) SELECT v, 'unit-' || v, "
        f"(v - 1) / 4 + 1, {false}, '1', {int(NOW.timestamp())} FROM",
        first=1, last=2000, step=1,
    )  # fmt: skip
    run(
        f"INSERT INTO stints SELECT v, {day(365)}, (v - 1) / 4 + 1, {day(0)} FROM",
        first=1, last=2000, step=1,
    )  # fmt: skip
    sums = "observed_s, covered_minutes, variance) SELECT"
    run(
        f"INSERT INTO hourly ({_SUMS}, {sums} n.v, u.site_id, u.id, 20 + u.id - u.id / 60 * 60, "
        "40, 2, 3, 3600.0, 60, 1.8 FROM units u CROSS JOIN",
        first=day(DAYS), last=hour, step=60,
    )  # fmt: skip
    for ago in range(365, -1, -1):
        run(
            f"INSERT INTO daily ({_SUMS}, {sums} n.v, u.site_id, u.id, 900, 500, 40, 60, 86400.0, "
            "1440, 40.0 FROM units u CROSS JOIN",
            first=day(ago), last=day(ago), step=1,
        )  # fmt: skip
    run(
        f"INSERT INTO windows SELECT u.id, n.v, {false}, 1, u.site_id, 1, 1, 1, 0, 0, 60, 1.0 "
        "FROM units u CROSS JOIN",
        first=minute_of(NOW) - 60, last=minute_of(NOW) - 1, step=1,
    )  # fmt: skip
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


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


def test_pages_of_a_region_are_quick_and_small(engine: Engine, calendar: Calendar) -> None:
    fill(engine, calendar)
    settings = Settings(city=CitySection(name="Region"), broker=CollectorBroker(host="localhost"))
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    began = time.process_time()
    warm(app.state.context)  # as the dashboard does when it starts, and beside its work
    print(f"warmed in {time.process_time() - began:.1f} s of one core")
    with TestClient(app, base_url="http://localhost") as client:
        for page in PAGES:
            took, busy = time.monotonic(), time.process_time()
            answer = client.get(page)  # nobody asked for it before
            took, busy = time.monotonic() - took, time.process_time() - busy
            size = len(answer.content) // 1000
            print(f"{page}: {took:.2f} s, {busy:.2f} s of one core, {size} kB")
            assert answer.status_code == 200
            assert busy < 0.5  # this machine may be busy with other things
            assert len(answer.content) < 300_000
        began = time.monotonic()
        assert client.get("/report/2026-W20.pdf").content.startswith(b"%PDF")
        html = client.get("/report/2026-W20").content.replace(b"<link", b"<meta")
        megabytes = memory_of_pdf(html)
        print(f"PDF {time.monotonic() - began:.1f} s, {megabytes} MB")
        assert megabytes < 300
        began, rows = time.monotonic(), 0
        query = {"step": "hour", "format": "csv", "from": "2026-04-23", "to": "2026-05-21"}
        with client.stream("GET", "/api/v1/counts", params=query) as stream:
            rows = sum(part.count(b"\n") for part in stream.iter_bytes())
        assert rows == 1 + 29 * 24 * 500
        print(f"CSV {rows / (time.monotonic() - began):.0f} rows/s")
