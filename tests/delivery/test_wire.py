"""The wire format: what is written can be read, and nothing else is let through."""

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcam.delivery import wire
from maskcam.delivery.wire import WireError
from maskcam.errors import DeliveryError
from maskcam.records import MinuteCount, WindowKind

START = datetime(2026, 5, 4, 8, 31, tzinfo=UTC)
SCHEMA = Path(wire.__file__).with_name("wire-v2.schema.json")
FIELDS = {
    "v", "site", "unit", "run", "start", "minutes", "people", "with_mask", "without_mask",
    "incorrect", "unclear", "observed_s", "epsilon",
}  # fmt: skip


def count(**changes: Any) -> MinuteCount:
    values: dict[str, Any] = {
        "run": 17, "start": START, "minutes": 1, "with_mask": 7, "without_mask": 4,
        "incorrect": 0, "unclear": 1, "observed_s": 60, "epsilon": 1.0,
    }  # fmt: skip
    return MinuteCount(**values | changes)


def encoded(**changes):
    return wire.encode_count(count(**changes), site="forville", unit="forville-01")


def message(**changes):
    return json.dumps(json.loads(encoded()) | changes).encode()


def test_the_example_of_the_design():
    assert json.loads(encoded()) == {
        "v": 2, "site": "forville", "unit": "forville-01", "run": 17,
        "start": "2026-05-04T08:31:00Z", "minutes": 1, "people": 12, "with_mask": 7,
        "without_mask": 4, "incorrect": 0, "unclear": 1, "observed_s": 60, "epsilon": 1.0,
    }  # fmt: skip
    assert b"\n" not in encoded()


numbers = st.integers(-100_000, 100_000)
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
runs = st.integers(1, 2**31 - 1)
epsilons = st.none() | st.floats(0.1, 4.0)


@st.composite
def counts(draw):
    kind = draw(st.sampled_from(WindowKind))
    if kind is WindowKind.HOUR:
        minutes = draw(st.integers(1, 60))
        minute = draw(st.integers(0, 60 - minutes))
    else:
        minutes = draw(st.sampled_from([1, 20]))
        minute = draw(st.integers(0, 59)) // minutes * minutes
    day = draw(st.dates(date(2020, 1, 1), date(2099, 12, 31)))
    start = datetime(day.year, day.month, day.day, draw(st.integers(0, 23)), minute, tzinfo=UTC)
    seen = draw(st.integers(0, 60 * minutes))
    states = ("with_mask", "without_mask", "incorrect", "unclear")
    return MinuteCount(
        kind=kind,
        run=draw(runs),
        start=start,
        minutes=minutes,
        **{state: draw(numbers) if seen else None for state in states},
        observed_s=seen,
        epsilon=draw(epsilons),
    )


@given(count=counts(), site=slugs, unit=slugs)
def test_what_is_written_can_be_read_and_has_one_length(count, site, unit):
    payload = wire.encode_count(count, site=site, unit=unit)
    topic = wire.count_topic(site=site, unit=unit, kind=count.kind)
    assert wire.decode_count(payload, topic=topic) == wire.ReceivedCount(site, unit, count)
    assert json.loads(payload).keys() == FIELDS
    assert len(payload) == wire.COUNT_BYTES
    assert b"\n" not in payload


def test_the_longest_message_fits():
    longest = count(
        run=2**31 - 1, with_mask=-250_000, without_mask=-250_000, incorrect=-250_000,
        unclear=-250_000, epsilon=0.30000000000000004,
    )  # fmt: skip
    payload = wire.encode_count(longest, site="s" * 63, unit="u" * 63)
    assert len(payload) == wire.COUNT_BYTES


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_noise_is_refused_with_one_kind_of_error(payload):
    for decode in (wire.decode_count, wire.decode_status):
        with pytest.raises(WireError) as caught:
            decode(payload)
        assert "\n" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(field=st.sampled_from(sorted(FIELDS)), value=json_values)
def test_any_value_in_any_field_is_read_right_or_refused(field, value):
    try:
        received = wire.decode_count(message(**{field: value}))
    except WireError:
        return
    again = wire.encode_count(received.count, site=received.site, unit=received.unit)
    assert wire.decode_count(again).count.people == received.count.people
    assert json.loads(again).keys() == FIELDS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"people": 13}, "sum"),
        ({"people": None}, "people"),
        ({"with_mask": -(10**7)}, "with_mask"),
        ({"with_mask": 7.5}, "with_mask"),
        ({"with_mask": True}, "with_mask"),
        ({"observed_s": 0}, "null"),
        ({"suppressed": False}, "suppressed"),
        ({"run": 0}, "run"),
        ({"epsilon": 0.05}, "epsilon"),
        ({"epsilon": 5}, "epsilon"),
        ({"v": 1}, "v must be"),
        ({"v": True}, "v must be"),
        ({"site": "Forville"}, "site"),
        ({"unit": "forville-01\n"}, "unit"),
        ({"unit": "a/b"}, "unit"),
        ({"start": "2026-05-04T08:31:01Z"}, "start"),
        ({"start": "2026-05-04T08:31:00+00:00"}, "start"),
        ({"start": "2026-02-30T08:31:00Z"}, "no time that exists"),
        ({"start": "1999-05-04T08:31:00Z"}, "start"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 61}, "minutes"),
        ({"minutes": 7}, "no window of 1 or 20"),
        ({"minutes": 20}, "no window of 1 or 20"),
        ({"observed_s": 61}, "longer than the window"),
        ({"observed_s": 59.5}, "observed_s"),
        ({"observed_s": -1}, "observed_s"),
        ({"bbox": [1, 2, 3, 4]}, "bbox"),
        ({"objections": 1}, "objections"),
    ],
)
def test_a_bad_count_is_refused_with_its_reason(changes, reason):
    with pytest.raises(WireError, match=reason):
        wire.decode_count(message(**changes))


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_is_required(field):
    fields = json.loads(encoded())
    del fields[field]
    with pytest.raises(WireError):
        wire.decode_count(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "JSON"),
        (b"null", "object"),
        (b'{"v":2,"v":2}', "twice"),
        (b"[" * 2000, "not valid JSON"),  # Python's own words for it differ
        (b'"' + b"x" * 4000 + b'"', "longer"),
        (encoded().replace(b":60,", b":NaN,"), "NaN"),
        (encoded().replace(b":60,", b":1e400,"), "observed_s"),
    ],
)
def test_bad_json_is_refused(payload, reason):
    with pytest.raises(WireError, match=reason):
        wire.decode_count(payload)


def test_whole_floats_are_whole_numbers_as_json_schema_says():
    assert wire.decode_count(message(people=12.0, with_mask=7.0)).count == count()


@pytest.mark.parametrize("intruder", [{"people": 3}, None, b"x", (count(),), object()])
def test_nothing_but_a_minute_count_can_be_sent(intruder):
    with pytest.raises(TypeError, match="MinuteCount"):
        wire.encode_count(intruder, site="a", unit="b")


def test_a_subclass_is_not_a_minute_count():
    class Richer(MinuteCount):
        pass

    with pytest.raises(TypeError):
        wire.encode_count(Richer(**dataclasses.asdict(count())), site="a", unit="b")


@pytest.mark.parametrize(
    "changes",
    [
        {"start": START.replace(tzinfo=None)},
        {"start": START.astimezone(timezone(timedelta(hours=2)))},
        {"start": START + timedelta(seconds=1)},
        {"start": START + timedelta(microseconds=1)},
        {"with_mask": None},
        {"with_mask": 1.5},
        {"with_mask": "7"},
        {"observed_s": 0},
        {"observed_s": 59.5},
        {"observed_s": None},
        {"run": 0},
        {"epsilon": float("nan")},
        {"kind": WindowKind.HOUR, "minutes": 30},
        {"minutes": 0},
    ],
)
def test_a_wrong_count_is_not_written(changes):
    with pytest.raises(WireError):
        encoded(**changes)


def test_status():
    since = START.replace(second=7, microsecond=5)
    payload = wire.encode_status(online=True, version="0.1.0", since=since)
    assert json.loads(payload) == {
        "v": 2, "online": True, "version": "0.1.0", "since": "2026-05-04T08:31:07Z",
    }  # fmt: skip
    assert wire.decode_status(payload) == wire.Status(True, "0.1.0", since.replace(microsecond=0))
    will = wire.encode_status(online=False, version="0.1.0", since=None)
    assert wire.decode_status(will) == wire.Status(False, "0.1.0", None)


@pytest.mark.parametrize(
    "changes", [{"people": 3}, {"v": 1}, {"online": 1}, {"version": "a b"}, {"since": "now"}]
)
def test_a_bad_status_is_refused(changes):
    good = json.loads(wire.encode_status(online=True, version="0.1.0", since=START))
    with pytest.raises(WireError):
        wire.decode_status(json.dumps(good | changes).encode())


def test_a_message_belongs_to_its_topic():
    wire.decode_count(encoded(), topic="maskcam/v2/forville/forville-01/count")
    hour = encoded(kind=WindowKind.HOUR, minutes=7)
    read = wire.decode_count(hour, topic="maskcam/v2/forville/forville-01/hour")
    assert read.count.kind is WindowKind.HOUR
    for topic in (
        "maskcam/v2/forville/forville-02/count",
        "maskcam/v2/forville/forville-01/status",
    ):
        with pytest.raises(WireError, match="belong"):
            wire.decode_count(encoded(), topic=topic)


def test_topics():
    assert wire.count_topic(site="a", unit="b-1") == "maskcam/v2/a/b-1/count"
    assert wire.status_topic(site="a", unit="b-1") == "maskcam/v2/a/b-1/status"
    assert wire.count_topic(site="a", unit="b-1", kind=WindowKind.HOUR) == "maskcam/v2/a/b-1/hour"
    assert wire.parse_topic("maskcam/v2/a/b-1/status") == ("a", "b-1", "status")


@pytest.mark.parametrize("name", ["", "A", "a/b", "+", "#", "-a", "a" * 64, "a\n", "é", "a b"])
def test_no_name_can_break_out_of_its_topic(name):
    with pytest.raises(WireError):
        wire.count_topic(site=name, unit="b")
    with pytest.raises(WireError):
        wire.status_topic(site="a", unit=name)
    with pytest.raises(WireError):
        wire.parse_topic(f"maskcam/v2/a/{name}/count")


@pytest.mark.parametrize(
    "topic", ["", "maskcam/v1/a/b/count", "maskcam/v2/a/b", "maskcam/v2/a/b/x"]
)
def test_other_topics_are_refused(topic):
    with pytest.raises(WireError, match="topic"):
        wire.parse_topic(topic)


def test_the_schema_file_as_a_whole_takes_both_messages_and_nothing_else():
    validate = fastjsonschema.compile(json.loads(SCHEMA.read_text()))
    validate(json.loads(encoded()))
    validate(json.loads(wire.encode_status(online=True, version="0.1.0", since=None)))
    right: dict[str, Any] = json.loads(encoded())
    for wrong in ({}, right | {"x": 1}, right | {"people": None}):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            validate(wrong)


def test_errors_are_delivery_errors():
    assert issubclass(WireError, DeliveryError)


def test_the_format_needs_no_network_code():
    script = "import sys, maskcam.delivery.wire; sys.exit('paho' in ' '.join(sys.modules))"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
