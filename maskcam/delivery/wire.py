"""The words on the wire, version 1: what leaves a unit, and nothing else does.

Both ends use this module and the schema file beside it. Privacy by type: only a
`MinuteCount` can be encoded as a count, and its fields are named here one by one,
so that a field added to the record does not leave the unit by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from operator import index
from typing import Any, Literal, NamedTuple, get_args

import fastjsonschema

from maskcam.errors import DeliveryError
from maskcam.records import MinuteCount

VERSION = 1
MAX_MESSAGE_BYTES = 2048

Kind = Literal["count", "status"]

_ROOT = f"maskcam/v{VERSION}"
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_STATES = ("with_mask", "without_mask", "incorrect", "unclear")


class WireError(DeliveryError):
    """A message or topic is not as version 1 of the wire format says."""


@dataclass(frozen=True, slots=True)
class ReceivedCount:
    """A count message as a subscriber reads it; (`unit`, `count.start`) is its key."""

    site: str
    unit: str
    count: MinuteCount


class Status(NamedTuple):
    """Availability of a unit. `since` (UTC, whole seconds) is None when it was not known."""

    online: bool
    version: str
    since: datetime | None


class Topic(NamedTuple):
    """The parts of a topic."""

    site: str
    unit: str
    kind: Kind


def count_topic(*, site: str, unit: str) -> str:
    """Returns the topic of a unit's counts.

    Raises:
        WireError: `site` or `unit` is no name fit for a topic.
    """
    return _topic(site, unit, "count")


def status_topic(*, site: str, unit: str) -> str:
    """Returns the topic of a unit's retained availability.

    Raises:
        WireError: `site` or `unit` is no name fit for a topic.
    """
    return _topic(site, unit, "status")


def parse_topic(topic: str) -> Topic:
    """Returns the parts of a topic that `count_topic` or `status_topic` made.

    Raises:
        WireError: it is no such topic.
    """
    *root, site, unit, kind = topic.split("/") if topic.count("/") == 4 else ("",) * 5
    if "/".join(root) != _ROOT or kind not in get_args(Kind):
        raise WireError(f"topic {_shown(topic)}: expected {_ROOT}/SITE/UNIT/count or .../status")
    return Topic(_slug("site", site), _slug("unit", unit), "count" if kind == "count" else "status")


def encode_count(count: MinuteCount, *, site: str, unit: str) -> bytes:
    """Returns the count message of one window as JSON in one line.

    `observed_s` is rounded to tenths of a second.

    Raises:
        TypeError: `count` is anything but a `MinuteCount`.
        WireError: the count breaks a rule of the format (see the schema).
    """
    if type(count) is not MinuteCount:
        raise TypeError(f"only a MinuteCount may be sent, not {type(count).__name__}")
    try:
        message = {
            "v": VERSION,
            "site": site,
            "unit": unit,
            "start": _time_text(count.start),
            "minutes": index(count.minutes),
            "people": _whole(count.people),
            **{state: _whole(getattr(count, state)) for state in _STATES},
            "observed_s": round(float(count.observed_s), 1),
            "suppressed": bool(count.suppressed),
        }
    except (TypeError, ValueError) as error:
        raise WireError(f"count message: {error}") from error
    _check_count(message)
    return _packed(message)


def decode_count(payload: bytes, *, topic: str | None = None) -> ReceivedCount:
    """Reads a count message and checks all rules of the format.

    Args:
        payload: what the broker delivered.
        topic: where it arrived. Given, a message that names another site or unit
            than its topic is refused: the broker guards who may write to a topic.

    Raises:
        WireError: anything is wrong with it.
    """
    message = _unpacked("count", payload)
    _check_sums(message)
    if topic is not None and parse_topic(topic) != (message["site"], message["unit"], "count"):
        raise WireError(f"count message: site and unit do not belong to topic {_shown(topic)}")
    count = MinuteCount(
        start=_time(message["start"]),
        minutes=int(message["minutes"]),
        **{state: _whole(message[state]) for state in _STATES},
        observed_s=float(message["observed_s"]),
        suppressed=message["suppressed"],
    )
    return ReceivedCount(message["site"], message["unit"], count)


def encode_status(*, online: bool, version: str, since: datetime | None) -> bytes:
    """Returns the status message; `since` is UTC, or None when the time is not known.

    Raises:
        WireError: the values break a rule of the format.
    """
    if since is not None:
        since = since.replace(microsecond=0)
    text = None if since is None else _time_text(since)
    message = {"v": VERSION, "online": online, "version": version, "since": text}
    _validate("status", message)
    return _packed(message)


def decode_status(payload: bytes) -> Status:
    """Reads a status message.

    Raises:
        WireError: anything is wrong with it.
    """
    message = _unpacked("status", payload)
    since = message["since"]
    return Status(message["online"], message["version"], None if since is None else _time(since))


def _topic(site: str, unit: str, kind: Kind) -> str:
    return f"{_ROOT}/{_slug('site', site)}/{_slug('unit', unit)}/{kind}"


def _slug(name: str, value: str) -> str:
    if not _SLUG.fullmatch(value):
        raise WireError(
            f"{name} {_shown(value)}: use 1 to 63 small letters, digits and hyphens, "
            "beginning with a letter or digit"
        )
    return value


def _check_count(message: dict[str, Any]) -> None:
    _validate("count", message)
    _check_sums(message)


def _check_sums(message: dict[str, Any]) -> None:
    """Checks what the schema cannot say; city hall does this thousands of times a second."""
    if not message["suppressed"] and message["people"] != sum(message[s] for s in _STATES):
        raise WireError("count message: people is not the sum of the four mask states")
    if not 0 <= message["observed_s"] <= 60 * message["minutes"]:  # nan is not either
        raise WireError("count message: observed_s is longer than the window")
    _time(message["start"])


def _validate(kind: Kind, message: Any) -> None:
    try:
        _VALIDATORS[kind](message)
    except fastjsonschema.JsonSchemaValueException as error:
        reason = error.message.removeprefix("data").removeprefix(".")
        raise WireError(f"{kind} message: {_line(reason)}") from error


def _validator(kind: Kind) -> Callable[[Any], Any]:
    text = resources.files(__package__).joinpath(f"wire-v{VERSION}.schema.json").read_text("utf-8")
    schema = json.loads(text)
    del schema["oneOf"]
    schema["allOf"] = [{"$ref": f"#/definitions/{kind}"}]
    validate: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return validate


def _unpacked(kind: Kind, payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise WireError(f"{kind} message: longer than {MAX_MESSAGE_BYTES} bytes")
    try:
        message = _DECODER.decode(payload.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"{kind} message: is not valid JSON ({_line(str(error))})") from error
    _validate(kind, message)
    return dict(message)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _packed(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def _whole(number: Any) -> int | None:
    """Returns `number` as int; a subscriber may meet 12.0, which JSON Schema calls an integer."""
    if number is None:
        return None
    return int(number) if isinstance(number, float) and number.is_integer() else index(number)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise WireError(f"message: {_shown(text)} is no time that exists") from error


def _time_text(moment: datetime) -> str:
    if moment.utcoffset() != timedelta(0):
        raise WireError("message: a time must be in UTC (datetime with tzinfo=UTC)")
    if moment.microsecond:
        raise WireError("message: a window begins on a whole minute")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(reason: str) -> str:
    """Returns a reason as one line of bounded length; it may quote what a stranger sent."""
    return " ".join(reason.split())[:120]


def _shown(text: str) -> str:
    short = repr(text)
    return short if len(short) <= 60 else short[:57] + "..."


# At import, not at first use: later the disk may be gone, and counting must go on.
_VALIDATORS: dict[Kind, Callable[[Any], Any]] = {kind: _validator(kind) for kind in get_args(Kind)}


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
