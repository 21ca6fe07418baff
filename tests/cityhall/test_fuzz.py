"""Mutated messages and addresses against both ends: an answer or a refusal, never an exception.

As long as you like: MASKCAM_FUZZ_S=3600 scripts/test --slow tests/cityhall/test_fuzz.py -s
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from maskcam.cityhall.client import _publish_at
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.intake import Refused, read_as_sent, sort
from maskcam.cityhall.plausibility import find_fault
from maskcam.cityhall.quarantine import unit_of
from maskcam.cityhall.registry import Registered
from maskcam.cityhall.rollup import Calendar, Window, roll_up
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.web.app import create_app
from maskcam.delivery.wire import ReceivedCount, WireError, decode_count, encode_status
from maskcam.records import WindowKind
from tests.cityhall.conftest import PARIS
from tests.cityhall.fleet import message
from tests.cityhall.messages import received

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * 3600)]

SECONDS = float(os.environ.get("MASKCAM_FUZZ_S", "20"))
NOW = datetime(2026, 6, 1, tzinfo=UTC)
START = datetime(2026, 5, 4, 8, 20, tzinfo=UTC)
KNOWN = {"forville-01": Registered(site="forville")}
PIECES = [
    *(b"", b"0", b"-", b"9999", b"1e9", b"NaN", b"Infinity", b"null", b"true", b'"', b"{", b"["),
    *(b"\\u0000", b"\xff", b"\xc3\x28", b"2100-02-30T25:61:00Z", b"9999-12-31T23:59:00Z"),
    *(b"0001-01-01T00:00:00Z", b" " * 40, b",", b":", b"+", b"#", b"/", b"..", b"%00", b"\r\n"),
]
VALUES: list[object] = [
    None,
    True,
    -1,
    0,
    1,
    10**6,
    10**30,
    -(10**30),
    0.5,
    1e308,
    "",
    "x" * 300,
    [],
    {},
    [[]],
]


def seeds() -> list[tuple[str, bytes]]:
    windows = [
        received(START),
        received(START, counts=None, observed_s=0),
        received(START, minutes=20),
    ]
    found = [message(window) for window in windows]
    state = encode_status(online=True, version="1.0", since=START)
    return [*found, ("maskcam/v2/forville/forville-01/status", state)]


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Returns the bytes with a few of them replaced, doubled, moved or left out."""
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(data))
        ends = min(len(data), place + chance.choice([0, 1, 1, 2, 4, 16]))
        piece = chance.choice([*PIECES, data[place : place + 8], bytes([chance.randrange(256)])])
        data = data[:place] + piece + data[ends:]
    return data


def altered(chance: random.Random, payload: bytes) -> bytes:
    """Returns a message with a few of its values replaced, added or left out."""
    body = json.loads(payload)
    for _ in range(chance.randint(1, 3)):
        key = chance.choice([*body, "extra"])
        if chance.random() < 0.15:
            body.pop(key, None)
        else:
            body[key] = chance.choice([*VALUES, *(body.values())])
    return json.dumps(body, separators=(",", ":")).encode().ljust(384)


def run_for(what: str, step: Callable[[random.Random], None]) -> None:
    chance = random.Random(int(os.environ.get("MASKCAM_FUZZ_SEED", "1")))
    begun, number = time.monotonic(), 0
    while time.monotonic() - begun < SECONDS:
        for _ in range(200):
            step(chance)
        number += 200
    print(
        f"\n{what}: {number} in {time.monotonic() - begun:.0f} s, cpu {time.process_time():.0f} s"
    )


def test_messages() -> None:
    calendar = Calendar(PARIS)
    known = seeds()

    def step(chance: random.Random) -> None:
        topic, payload = chance.choice(known)
        payload = (mutated if chance.random() < 0.6 else altered)(chance, payload)
        if chance.random() < 0.2:
            topic = mutated(chance, topic.encode()).decode("utf-8", "replace")
        record = sort(topic, payload, now=NOW)
        unit_of(topic)
        if isinstance(record, Refused):
            assert record.detail.isprintable()
            assert len(record.detail) < 300
        elif isinstance(record, ReceivedCount):
            find_fault(record, KNOWN)
            count = record.count
            minute = int(count.start.timestamp() // 60)
            states = (count.with_mask, count.without_mask, count.incorrect, count.unclear)
            row = (count.minutes, *states, count.observed_s, count.epsilon)
            roll_up([Window(1, minute, False, count.run, 1, *row)], calendar=calendar)

    run_for("messages", step)


def test_the_two_readers_of_counts_agree() -> None:
    known = [payload for _, payload in seeds()[:3]]

    def step(chance: random.Random) -> None:
        payload = mutated(chance, chance.choice(known))
        quick = read_as_sent(payload, WindowKind.COUNT)
        try:
            thorough = decode_count(payload, kind=WindowKind.COUNT)
        except WireError:
            assert quick is None
        else:
            assert quick in {None, thorough}

    run_for("readers", step)


def test_packets() -> None:
    topic, payload = seeds()[0]
    body = len(topic).to_bytes(2) + topic.encode() + b"\x00\x07\x00" + payload
    packet = b"\x32" + bytes([len(body) % 128 | 128, len(body) // 128]) + body

    def step(chance: random.Random) -> None:
        data = mutated(chance, packet)
        found = _publish_at(data, 0, newest=chance.random() < 0.5)
        if found is not None:
            assert 0 < found[1] <= len(data)

    run_for("packets", step)


def test_addresses(tmp_path: Path, calendar: Calendar) -> None:
    pages = ["/", "/sites/x", "/compare", "/where", "/report/2026-W18", "/report", "/about"]
    pages += [
        "/api/v1/counts",
        "/api/v1/unmasked",
        "/api/v1/sites",
        "/attention",
        "/audit",
        "/login",
    ]
    names = ["from", "to", "day", "week", "weeks", "weekday", "lang", "step", "format", "site"]
    names += ["before", "next"]
    good = ["2026-05-04", "2026-W18", "hour", "day", "window", "csv", "json", "fr", "5", "x"]
    good += ["9999-12-31", "0001-01-01", "9999-W52", "1899-12-31", "2199-12-31", "2000-01-01"]
    settings = Settings(city=CitySection(name="X"), broker=CollectorBroker(host="localhost"))
    with up_to_date(f"sqlite:///{tmp_path / 'c.db'}", zone=PARIS) as engine:
        app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
        with TestClient(app, base_url="http://localhost") as client:

            def step(chance: random.Random) -> None:
                page = chance.choice(pages)
                if chance.random() < 0.3:
                    text = mutated(chance, page.encode()).decode("latin-1")
                    page = quote(text, safe="/" if chance.random() < 0.7 else "/%")
                query = {}
                for name in chance.sample(names, chance.randint(0, 3)):
                    value = chance.choice(good)
                    if chance.random() < 0.5:
                        value = mutated(chance, value.encode()).decode("latin-1")
                    query[name] = value
                if not page.startswith("/") or page.startswith("//"):
                    page = "/" + page.lstrip("/")
                answer = client.get(page, params=query, follow_redirects=False)
                assert answer.status_code < 500, (page, query)

            run_for("addresses", step)
