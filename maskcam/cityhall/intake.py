"""Sorts what the broker delivers into what is stored and what is refused. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from maskcam.delivery.wire import (
    COUNT_BYTES,
    ReceivedCount,
    Status,
    WireError,
    check_window,
    decode_count,
    decode_status,
    parse_topic,
)
from maskcam.names import SLUG
from maskcam.records import MinuteCount, WindowKind

_place = lru_cache(maxsize=40_000)(parse_topic)  # the same units speak every minute
_moment = lru_cache(maxsize=20_000)(datetime.fromisoformat)
_MAX_RUN = 2**31 - 1
FUTURE_TOLERANCE = timedelta(seconds=30)
"""How far a unit's clock may be ahead: a window is over when it is published."""


class HeardStatus(NamedTuple):
    """A status message and when it was received (seconds since the epoch)."""

    site: str
    unit: str
    status: Status
    heard_at_s: int


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
        kind = WindowKind(place.kind)
        received = read_as_sent(payload, kind) or decode_count(payload, kind=kind)
    except WireError as error:
        return Refused("payload", str(error))
    if received.site != place.site or received.unit != place.unit:
        return Refused("foreign", f"message of another unit on the topic of {place.unit}")
    count = received.count
    if count.start + timedelta(minutes=count.minutes) > now + FUTURE_TOLERANCE:
        return Refused("future", f"window of {place.unit} is not over yet; check its clock")
    return received


def read_as_sent(payload: bytes, kind: WindowKind) -> ReceivedCount | None:
    """Returns a count message that is written just as `wire.encode_count` writes it, else None.

    Nearly all messages are, and this costs a fifth of decoding and validating JSON.
    It takes nothing that `wire.decode_count` refuses, and reads it alike; the tests
    hold one against the other.
    """
    found = _AS_SENT.fullmatch(payload)
    if found is None or len(payload) != COUNT_BYTES:
        return None
    site, unit, run, start, minutes = found.group(1, 2, 3, 4, 5)
    people, with_mask, without_mask, incorrect, unclear = map(int, found.group(*range(6, 11)))
    observed_s, epsilon = int(found[11]), found[12]
    if people != with_mask + without_mask + incorrect + unclear:
        return None
    if not 0 < observed_s <= 60 * int(minutes) <= 3600 or int(run) > _MAX_RUN:
        return None
    try:
        moment = _moment(start.decode())
        check_window(moment, int(minutes), kind)
    except (ValueError, WireError):
        return None
    count = MinuteCount(
        kind=kind,
        run=int(run),
        start=moment,
        minutes=int(minutes),
        with_mask=with_mask,
        without_mask=without_mask,
        incorrect=incorrect,
        unclear=unclear,
        observed_s=observed_s,
        epsilon=float(epsilon),
    )
    return ReceivedCount(site.decode(), unit.decode(), count)


def _as_sent() -> re.Pattern[bytes]:
    name, number = b'"(%s)"' % SLUG.pattern.encode(), rb"(0|-?[1-9][0-9]{0,5})"
    fields = [
        (b"v", b"2"),
        (b"site", name),
        (b"unit", name),
        (b"run", rb"([1-9][0-9]{0,9})"),
        (b"start", rb'"(20[2-9][0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:00Z)"'),
        (b"minutes", rb"([1-9][0-9]?)"),
        *((key, number) for key in (b"people", b"with_mask", b"without_mask")),
        *((key, number) for key in (b"incorrect", b"unclear")),
        (b"observed_s", rb"([1-9][0-9]{0,3})"),
        (b"epsilon", rb"(0\.[1-9][0-9]*|[1-3]\.[0-9]+|4\.0)"),
    ]
    body = b",".join(b'"%s":%s' % field for field in fields)
    return re.compile(rb"\{" + body + rb"\} *")


_AS_SENT = _as_sent()
