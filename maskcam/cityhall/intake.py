"""Sorts what the broker delivers into what is stored and what is refused. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from maskcam.cityhall.store import HeardStatus
from maskcam.delivery.wire import (
    ReceivedCount,
    WireError,
    decode_count,
    decode_status,
    parse_topic,
)
from maskcam.records import MinuteCount

_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_place = lru_cache(maxsize=40_000)(parse_topic)  # the same units speak every minute
_moment = lru_cache(maxsize=20_000)(datetime.fromisoformat)
FUTURE_TOLERANCE = timedelta(minutes=10)
"""How far a unit's clock may be ahead: it is synchronised, so seconds; this is generous."""
_MAX_MINUTES = 1440


class Refused(NamedTuple):
    """Why a message is not stored: one word for the counter, one line for the log."""

    reason: str
    detail: str


def sort(topic: str, payload: bytes, *, now: datetime) -> ReceivedCount | HeardStatus | Refused:
    """Returns the message as a record, or why it is refused.

    A message is believed only on its own unit's topic: the broker lets each unit
    write there and nowhere else.
    """
    try:
        place = _place(topic)
    except WireError as error:
        return Refused("topic", str(error))
    try:
        if place.kind == "status":
            return HeardStatus(place.site, place.unit, decode_status(payload), int(now.timestamp()))
        received = read_as_sent(payload) or decode_count(payload)
    except WireError as error:
        return Refused("payload", str(error))
    if received.site != place.site or received.unit != place.unit:
        return Refused("foreign", f"message of another unit on the topic of {place.unit}")
    count = received.count
    if count.start + timedelta(minutes=count.minutes) > now + FUTURE_TOLERANCE:
        return Refused("future", f"window of {place.unit} ends in the future; check its clock")
    if count.start < _EARLIEST:
        return Refused("too_old", f"window of {place.unit} from before 2020; check its clock")
    return received


def read_as_sent(payload: bytes) -> ReceivedCount | None:
    """Returns a count message that is written just as `wire.encode_count` writes it, else None.

    Nearly all messages are, and this costs a fifth of decoding and validating JSON.
    It takes nothing that `wire.decode_count` refuses, and reads it alike; the tests
    hold one against the other.
    """
    found = _AS_SENT.fullmatch(payload)
    if found is None:
        return None
    site, unit, start = found.group(1, 2, 3)
    minutes, people = int(found[4]), int(found[5])
    with_mask, without_mask, incorrect, unclear = map(int, found.group(6, 7, 8, 9))
    observed_s = float(found[10])
    told = with_mask + without_mask + incorrect + unclear
    if minutes > _MAX_MINUTES or people != told or observed_s > 60 * minutes:
        return None
    try:
        moment = _moment(start.decode())
    except ValueError:
        return None
    count = MinuteCount(
        start=moment,
        minutes=minutes,
        with_mask=with_mask,
        without_mask=without_mask,
        incorrect=incorrect,
        unclear=unclear,
        observed_s=observed_s,
    )
    return ReceivedCount(site.decode(), unit.decode(), count)


def _as_sent() -> re.Pattern[bytes]:
    name, number = rb'"([a-z0-9][a-z0-9-]{0,62})"', rb"(0|[1-9][0-9]{0,5})"
    fields = [
        (b"v", b"1"),
        (b"site", name),
        (b"unit", name),
        (b"start", rb'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:00Z)"'),
        (b"minutes", rb"([1-9][0-9]{0,3})"),
        *((key, number) for key in (b"people", b"with_mask", b"without_mask")),
        *((key, number) for key in (b"incorrect", b"unclear")),
        (b"observed_s", rb"((?:0|[1-9][0-9]{0,4})(?:\.[0-9])?)"),
        (b"suppressed", b"false"),
    ]
    body = b",".join(b'"%s":%s' % field for field in fields)
    return re.compile(rb"\{" + body + rb"\}")


_AS_SENT = _as_sent()
