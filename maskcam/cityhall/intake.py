"""Sorts what the broker delivers into what is stored and what is refused. Pure."""

from __future__ import annotations

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

_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_place = lru_cache(maxsize=40_000)(parse_topic)  # the same units speak every minute
FUTURE_TOLERANCE = timedelta(minutes=10)
"""How far a unit's clock may be ahead: it is synchronised, so seconds; this is generous."""


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
        received = decode_count(payload)
    except WireError as error:
        return Refused("payload", str(error))
    if (received.site, received.unit) != (place.site, place.unit):
        return Refused("foreign", f"message of another unit on the topic of {place.unit}")
    count = received.count
    if count.start + timedelta(minutes=count.minutes) > now + FUTURE_TOLERANCE:
        return Refused("future", f"window of {place.unit} ends in the future; check its clock")
    if count.start < _EARLIEST:
        return Refused("too_old", f"window of {place.unit} from before 2020; check its clock")
    return received
