"""What cannot be right is kept with its reason, shown, and taken or deleted: never lost."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from starlette.testclient import TestClient

from maskcam.cityhall import intake, schema
from maskcam.cityhall import quarantine as module
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.plausibility import MAX_PER_MINUTE, NOISE_ROOM, find_fault
from maskcam.cityhall.quarantine import Kept, Quarantine
from maskcam.cityhall.registry import Registered, Registry, write_units
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings
from maskcam.cityhall.store import Store
from maskcam.cityhall.web.app import create_app
from maskcam.cityhall.writing import Writing
from maskcam.records import WindowKind
from tests.cityhall.fleet import message
from tests.cityhall.messages import assert_sums_are_right, received

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
UNIT = "forville-01"
KNOWN = {UNIT: Registered(site="forville", added_at=int(START.timestamp()))}


@pytest.fixture
def writing(store: Store, tmp_path: Path) -> Writing:
    write_units(tmp_path / "units.json", KNOWN)
    return Writing(store, metrics=Metrics(), registry=Registry(tmp_path / "units.json"))


def save(writing: Writing, *messages: tuple[str, bytes]) -> None:
    assert writing.save(list(messages), now=NOW, stopping=threading.Event()) is not None


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(schema.windows)) or 0


def kept(engine: Engine) -> dict[str, int]:
    return {group.reason: group.number for group in Quarantine(engine).groups()}


@pytest.mark.parametrize(
    ("reason", "changes", "place"),
    [
        ("site", {}, {"site": "gare"}),
        ("unregistered", {}, {"unit": "forville-99"}),
        ("minutes", {"minutes": 20, "start": START.replace(minute=20)}, {}),
        ("noise", {"epsilon": 2.0}, {}),
        ("noise", {"epsilon": None}, {}),
        ("before", {"start": START - timedelta(days=2)}, {}),
        ("crowd", {"with_mask": MAX_PER_MINUTE + NOISE_ROOM + 1}, {}),
        ("crowd", {"unclear": -MAX_PER_MINUTE - NOISE_ROOM - 1}, {}),
    ],
)
def test_a_window_that_cannot_be_right_has_a_reason(
    reason: str, changes: dict[str, object], place: dict[str, str]
) -> None:
    good = received(START)
    assert find_fault(good, KNOWN) is None
    wrong = replace(good, count=replace(good.count, **changes), **place)  # type: ignore[arg-type]
    found = find_fault(wrong, KNOWN)
    assert found is not None
    assert found.reason == reason
    if reason != "crowd":
        assert find_fault(wrong, None) is None  # where nobody keeps a register


def test_hours_are_held_to_their_own_noise() -> None:
    minute = received(START)
    changes = {"kind": WindowKind.HOUR, "start": START.replace(minute=0), "minutes": 60}
    hour = replace(minute, count=replace(minute.count, **changes))  # type: ignore[arg-type]
    known = {UNIT: replace(KNOWN[UNIT], epsilon_hour=0.5)}
    fault = find_fault(hour, known)
    assert fault is not None
    assert fault.reason == "noise"


def test_what_is_wrong_is_kept_once_and_the_rest_is_stored(
    writing: Writing, engine: Engine, calendar: Calendar
) -> None:
    topic, payload = message(received(START))
    far = json.loads(payload) | {"start": "9999-12-31T23:59:00Z"}
    wrong = [
        (topic, json.dumps(far, separators=(",", ":")).encode().ljust(384)),  # the poison
        (topic, b"\xff\x00"),
        message(received(NOW + timedelta(hours=1))),
        message(received(START, unit="forville-99")),
        message(received(START, counts=(9, 9, 9, 9))),
    ]
    save(writing, message(received(START)), *wrong, message(received(START + timedelta(minutes=1))))
    save(writing, *wrong)  # QoS 1 may deliver twice
    assert stored(engine) == 2
    assert kept(engine) == {"payload": 2, "future": 1, "unregistered": 1, "contradicting": 1}
    assert_sums_are_right(engine, calendar)


def test_nothing_that_a_message_raises_stops_the_next(
    writing: Writing, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprised(_topic: str, payload: bytes, **_: object) -> object:
        if b"forville-01" in payload:
            raise RecursionError("nobody foresaw this")
        return real(_topic, payload, now=NOW)

    real = intake.sort
    monkeypatch.setattr("maskcam.cityhall.writing.sort", surprised)
    write_units(writing._registry._path, KNOWN | {"b": KNOWN[UNIT]})  # type: ignore[arg-type]
    save(writing, message(received(START)), message(received(START, unit="b")))
    assert stored(engine) == 1
    assert kept(engine) == {"unforeseen": 1}


def test_taken_messages_are_counted_and_deleted_ones_are_gone(
    writing: Writing, store: Store, engine: Engine, calendar: Calendar
) -> None:
    save(writing, message(received(START)))
    save(
        writing,
        message(received(START, counts=(9, 9, 9, 9))),
        message(received(START, unit="forville-99")),
        (message(received(START))[0], b"nonsense"),
    )
    quarantine = Quarantine(engine)
    assert quarantine.take("forville-99", "unregistered", store=store) == (1, 0)
    assert quarantine.take(UNIT, "contradicting", store=store) == (1, 0)
    assert quarantine.take(UNIT, "payload", store=store) == (0, 1)  # nobody can read it
    assert stored(engine) == 2
    with engine.connect() as connection:
        assert connection.scalar(select(func.sum(schema.daily.c.with_mask))) == 9 + 7
    assert_sums_are_right(engine, calendar)
    assert quarantine.delete(UNIT, "payload") == 1
    assert quarantine.groups() == []


def test_nobody_fills_the_disk_with_wrong_messages(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PER_UNIT", 30)
    monkeypatch.setattr(module, "MAX_ALL", 50)
    monkeypatch.setattr(module, "FIRST_PER_UNIT", 5)
    quarantine = Quarantine(engine)
    for unit in ("a", "b", "c"):
        for part in range(5):
            messages = [Kept("payload", "", unit, "t", b"%d" % n) for n in range(part, part + 20)]
            quarantine.keep([m._replace(topic=unit) for m in messages], now_s=1)
    numbers = {group.unit: group.number for group in quarantine.groups()}
    assert 20 <= numbers["a"] <= 30
    assert numbers["c"] >= 5  # whatever the others filled
    assert sum(numbers.values()) <= 50 + 3 * 5


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_several_units_that_flood_fill_nothing_and_hold_up_nobody(
    engine: Engine, store: Store, calendar: Calendar
) -> None:
    """25 units send 6000 different wrong messages each; one sends what is right."""
    metrics = Metrics()
    writing = Writing(store, metrics=metrics, registry=Registry())
    right = [message(received(START + timedelta(minutes=n))) for n in range(50)]
    for part, window in enumerate(right):
        wrong = [
            (f"maskcam/v2/s/u-{unit}/count", b"%d %d" % (part, number))
            for unit in range(25)
            for number in range(120)
        ]
        save(writing, *wrong[:1500], window, *wrong[1500:])
    assert metrics.value("windows_total", result="stored") == len(right)
    numbers = {group.unit: group.number for group in Quarantine(engine).groups()}
    assert sum(numbers.values()) <= module.MAX_ALL + 25 * module.FIRST_PER_UNIT
    assert min(numbers.values()) >= module.FIRST_PER_UNIT
    begun_s = time.process_time()
    settings = Settings(city=CitySection(name="X"), broker=CollectorBroker(host="localhost"))
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/attention").text.count("u-") >= 25
    page_s = time.process_time() - begun_s
    print(f"\n{sum(numbers.values())} kept; the page takes {page_s:.2f} s of CPU")
    assert page_s < 1


def test_with_a_full_disk_nothing_is_acknowledged_and_nothing_is_lost(
    writing: Writing, store: Store, tmp_path: Path
) -> None:
    if store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite can be told that its disk is full")
    stopping = threading.Event()
    threading.Timer(0.3, stopping.set).start()
    windows = [message(received(START + timedelta(minutes=n))) for n in range(200)]

    @event.listens_for(store.engine, "connect")
    def keep_small(opened: Any, _record: object) -> None:
        opened.execute(f"PRAGMA max_page_count = {pages}")

    pages = 1  # below what it has: no further page
    store.engine.dispose()
    assert writing.save(windows, now=NOW, stopping=stopping) is None
    pages = 2**30
    store.engine.dispose()
    assert stored(store.engine) == 0
    save(writing, *windows)
    assert stored(store.engine) == 200


def test_the_register_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "units.json"
    registry = Registry(file)
    assert registry.units() is None
    write_units(file, KNOWN)
    assert registry.units() == KNOWN
    file.write_text("{damaged")
    assert registry.units() == KNOWN  # what was read last stays in force
    write_units(file, {})
    assert registry.units() == {}


def test_the_page_shows_what_is_kept_and_carries_out_what_is_decided(
    writing: Writing, engine: Engine, calendar: Calendar
) -> None:
    save(writing, message(received(START, unit="forville-99")), ("maskcam/<b>", b"x"))
    settings = Settings(city=CitySection(name="X"), broker=CollectorBroker(host="localhost"))
    app = create_app(settings, engine=engine, calendar=calendar, clock=lambda: NOW)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        text = client.get("/attention?lang=en").text
        assert "forville-99 is not registered" in text
        assert "<b>" not in text
        form = {"unit": "forville-99", "reason": "unregistered", "do": "take"}
        evil = client.post("/attention", data=form, headers={"origin": "https://evil.test"})
        assert evil.status_code == 403
        assert stored(engine) == 0
        assert client.post("/attention", data=form | {"do": "x"}).status_code == 422
        client.post("/attention", data=form)
        assert stored(engine) == 1
        client.post("/attention", data={"unit": "", "reason": "topic", "do": "delete"})
        assert kept(engine) == {}
        assert "kept messages counted" in client.get("/audit").text
