from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from maskcam.cityhall import schema
from maskcam.cityhall.client import Message
from maskcam.cityhall.collector import Collector
from maskcam.cityhall.intake import HeardStatus, Refused, read_as_sent, sort
from maskcam.cityhall.metrics import Metrics
from maskcam.cityhall.quarantine import Quarantine
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CollectorBroker
from maskcam.cityhall.store import Store
from maskcam.delivery.wire import (
    COUNT_BYTES,
    ReceivedCount,
    WireError,
    decode_count,
    encode_status,
)
from maskcam.records import WindowKind
from tests.cityhall.fleet import Sender, message, wait_until
from tests.cityhall.messages import assert_sums_are_right, minutes_from, received
from tests.cityhall.servers import Mosquitto, free_port

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = message(received(START))


@contextmanager
def collecting(broker: Mosquitto, store: Store, **rest: Any) -> Iterator[Metrics]:
    metrics = Metrics()
    place = CollectorBroker(host="127.0.0.1", port=broker.port, **rest)
    with Collector(broker=place, store=store, metrics=metrics):
        wait_until(lambda: metrics.value("connected") == 1)
        yield metrics


@contextmanager
def sending(broker: Mosquitto, name: str = "sender") -> Iterator[Sender]:
    sender = Sender(broker.port, client_id=name)
    yield sender
    sender.close()


def stored(engine: Engine) -> Callable[[], int]:
    def count() -> int:
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(schema.windows)) or 0

    return count


def test_what_units_send_is_stored_once(
    broker: Mosquitto, store: Store, engine: Engine, calendar: Calendar
) -> None:
    batch = minutes_from(START, 500) + minutes_from(START, 500, unit="forville-02")
    with collecting(broker, store) as metrics, sending(broker) as sender:
        sender.send(message(item) for item in batch + batch[:100])
        sender.wait()
        wait_until(lambda: metrics.value("windows_total", result="repeated") == 100)
    assert stored(engine)() == 1000
    assert metrics.value("windows_total", result="stored") == 1000
    assert_sums_are_right(engine, calendar)


def test_it_ends_while_messages_come_without_end(engine: Engine, calendar: Calendar) -> None:
    """What came before is stored; the rest is not acknowledged, and delivered again."""
    place = CollectorBroker(host="127.0.0.1", port=free_port())  # nobody is there
    metrics = Metrics()
    collector = Collector(
        broker=place, store=Store(engine, calendar=calendar), metrics=metrics, clock=lambda: NOW
    )
    ended = threading.Event()

    def flood() -> None:
        while not ended.wait(0.001):
            collector._on_messages([Message(b"maskcam/v2/a/b/count", b"x", 1)])

    flooding = threading.Thread(target=flood)
    with collector:
        topic, payload = GOOD
        collector._on_messages([Message(topic.encode(), payload, 1)])
        flooding.start()
        time.sleep(0.1)
    ended.set()
    flooding.join()
    assert stored(engine)() == 1


def test_nothing_is_missed_while_the_collector_is_away(
    broker: Mosquitto, store: Store, engine: Engine
) -> None:
    with collecting(broker, store):
        pass
    with sending(broker) as sender:
        sender.send(message(item) for item in minutes_from(START, 2500))
        sender.wait()
    assert stored(engine)() == 0
    with collecting(broker, store):
        wait_until(lambda: stored(engine)() == 2500)


def test_collectors_that_share_a_subscription_store_all_of_it_once(
    broker: Mosquitto, store: Store, engine: Engine, calendar: Calendar
) -> None:
    batch = [m for u in "abcd" for m in minutes_from(START, 250, unit=u)]
    with (
        collecting(broker, store, client_id="one", shared_group="hall") as first,
        collecting(
            broker, Store(engine, calendar=calendar), client_id="two", shared_group="hall"
        ) as second,
        sending(broker) as sender,
    ):
        sender.send(message(item) for item in batch)
        sender.wait()
        wait_until(lambda: stored(engine)() == 1000)
    shares = [metrics.value("messages_total", kind="count") for metrics in (first, second)]
    assert sum(shares) == 1000
    assert min(shares) > 100
    assert_sums_are_right(engine, calendar)


def test_status_and_last_will_are_stored(broker: Mosquitto, store: Store, engine: Engine) -> None:
    def state() -> tuple[object, ...] | None:
        with engine.connect() as connection:
            row = connection.execute(select(schema.units.c.online, schema.units.c.version)).first()
        return None if row is None else tuple(row)

    online = encode_status(online=True, version="1.2.0", since=START).decode()
    offline = encode_status(online=False, version="1.2.0", since=None).decode()
    topic = "maskcam/v2/forville/forville-01/status"
    unit = subprocess.Popen(
        [
            *("mosquitto_pub", "-p", str(broker.port), "-q", "1", "-r", "-t", topic, "-l"),
            *("--will-topic", topic, "--will-payload", offline, "--will-retain"),
        ],
        stdin=subprocess.PIPE,
        text=True,
    )
    assert unit.stdin is not None
    unit.stdin.write(online + "\n")
    unit.stdin.flush()
    with collecting(broker, store):
        wait_until(lambda: state() == (True, "1.2.0"))
        unit.kill()
        wait_until(lambda: state() == (False, "1.2.0"))
    unit.stdin.close()
    unit.wait(5)


def test_what_is_wrong_is_refused_counted_and_not_sent_again(
    broker: Mosquitto, store: Store, engine: Engine
) -> None:
    topic, payload = GOOD
    late = received(datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=1))
    wrong = [
        ("maskcam/v2/forville/forville-02/count", payload),
        ("maskcam/v2/gambetta/forville-01/count", payload),
        (topic, payload.replace(b"12", b"13", 1)),
        (topic, b"\xff\x00"),
        (topic, b""),
        (topic, b"[" * 2000),
        ("maskcam/v2/forville/forville-01/status", payload),
        ("maskcam/v2/FORVILLE/x;DROP/count", payload),
        message(late),
    ]
    with collecting(broker, store) as metrics, sending(broker) as sender:
        sender.send([*wrong, GOOD])
        sender.wait()
        wait_until(lambda: stored(engine)() == 1)
    found = {
        reason: metrics.value("rejected_total", reason=reason)
        for reason in ("foreign", "payload", "topic", "future")
    }
    assert found == {"foreign": 2, "payload": 5, "topic": 1, "future": 1}
    with collecting(broker, store) as metrics, sending(broker) as sender:
        sender.send([message(received(START + timedelta(minutes=1)))])
        wait_until(lambda: stored(engine)() == 2)
    assert metrics.value("messages_total", kind="count") == 1


def test_a_message_that_the_database_refuses_does_not_block_the_others(
    broker: Mosquitto, store: Store, engine: Engine
) -> None:
    import sqlalchemy.exc

    write = store.write

    def picky(counts: list[ReceivedCount], statuses: list[HeardStatus], **rest: Any) -> object:
        if any(item.unit == "poison" for item in counts):
            raise sqlalchemy.exc.DataError("insert", {}, ValueError("too large"))
        if any(item.unit == "surprise" for item in counts):
            raise OverflowError("nobody foresaw this")
        return write(counts, statuses, **rest)

    store.write = picky  # type: ignore[method-assign, assignment]
    poison = [received(START, unit="poison"), received(START, unit="surprise")]
    batch = [*minutes_from(START, 20), *poison, received(START, unit="z")]
    with collecting(broker, store) as metrics, sending(broker) as sender:
        sender.send(message(item) for item in batch)
        wait_until(lambda: stored(engine)() == 21)
        wait_until(lambda: metrics.value("rejected_total", reason="unstorable") == 1)
        wait_until(lambda: metrics.value("rejected_total", reason="unforeseen") == 1)
    kept = {group.unit: group for group in Quarantine(engine).groups()}
    assert kept["poison"].reason == "unstorable"
    assert kept["surprise"].detail == "OverflowError: nobody foresaw this"


names = st.text(max_size=70) | st.sampled_from(["forville", "forville-01", "+", "#", "$share", ""])
topics = st.lists(names, max_size=7).map("/".join) | st.builds(
    "maskcam/v2/{}/{}/{}".format, names, names, st.sampled_from(["count", "hour", "status", "x"])
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@st.composite
def altered(draw: st.DrawFn) -> bytes:
    body = json.loads(GOOD[1])
    for key in draw(st.lists(st.sampled_from([*body, "extra"]), max_size=3)):
        body[key] = draw(values)
    for key in draw(st.lists(st.sampled_from(sorted(body)), max_size=1)):
        del body[key]
    return json.dumps(body).encode("utf-8", "surrogatepass")


@given(topics, st.binary(max_size=300) | values.map(lambda v: json.dumps(v).encode()) | altered())
def test_any_topic_and_payload_are_sorted_without_failing(topic: str, payload: bytes) -> None:
    record = sort(topic, payload, now=NOW)
    if isinstance(record, Refused):
        assert len(record.detail) < 300
        assert record.detail.isprintable()


@given(altered())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_accepted_is_what_was_said(payload: bytes) -> None:
    record = sort(GOOD[0], payload, now=NOW)
    if not isinstance(record, Refused):
        assert isinstance(record, ReceivedCount)
        said = json.loads(payload)
        assert (record.site, record.unit) == ("forville", "forville-01")
        assert record.count.people == said["people"]
        assert (record.count.run, record.count.epsilon) == (said["run"], said["epsilon"])
        for state in ("with_mask", "without_mask", "incorrect", "unclear"):
            assert getattr(record.count, state) == said[state]
        assert 0 <= record.count.observed_s <= 60 * record.count.minutes


@st.composite
def nearly_as_sent(draw: st.DrawFn) -> bytes:
    """The bytes of a real message with some of them replaced, doubled or left out."""
    payload = draw(st.sampled_from([GOOD[1], message(received(START, minutes=29))[1]]))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(payload)))
        ends = draw(st.integers(place, min(len(payload), place + 2)))
        piece = draw(st.sampled_from([b"", b"0", b"9", b"1", b" ", b"-", b".", b"e", b"\n", b"Z"]))
        payload = payload[:place] + piece + payload[ends:]
    return payload.rstrip(b" ").ljust(draw(st.sampled_from([COUNT_BYTES, 0])))


@given(nearly_as_sent() | altered(), st.sampled_from(WindowKind))
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_the_quick_reader_takes_nothing_that_the_schema_refuses(
    payload: bytes, kind: WindowKind
) -> None:
    quick = read_as_sent(payload, kind)
    try:
        thorough = decode_count(payload, kind=kind)
    except WireError:
        assert quick is None
    else:
        assert quick in {None, thorough}


def test_what_units_send_is_read_by_the_quick_reader() -> None:
    for item in (
        received(START, counts=(-2, 0, 0, 1)),
        received(START.replace(minute=20), minutes=20, epsilon=0.1),
        received(START, minutes=29, epsilon=4.0),
    ):
        assert read_as_sent(message(item)[1], item.count.kind) == item
    blind = received(START, counts=None)
    assert read_as_sent(message(blind)[1], blind.count.kind) is None  # by the thorough one
    assert sort(*message(blind), now=NOW) == blind
