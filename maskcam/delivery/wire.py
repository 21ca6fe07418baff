"""The words on the wire, version 2: what leaves a unit, and nothing else does.

Both ends use this module and the schema file beside it. Privacy by type: only a
`MinuteCount` can be encoded as a count, and its fields are named here one by one,
so that a field added to the record does not leave the unit by itself. Every count has the
same length in bytes: what it says cannot be guessed from outside of the encryption.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from operator import index
from typing import Any, Final, Literal, NamedTuple

import fastjsonschema

from maskcam import names
from maskcam.errors import DeliveryError
from maskcam.records import MinuteCount, WindowKind

VERSION: Final = 2
COUNT_BYTES: Final = 384
"""Length of each count message, whatever it says."""
MAX_MESSAGE_BYTES: Final = 2048
FILTERS: Final = tuple(names.topic("+", "+", kind) for kind in (*WindowKind, "status"))
"""Subscriptions that take all that units publish."""

Kind = Literal["count", "hour", "status"]

_KINDS: Final[dict[str, Kind]] = {"count": "count", "hour": "hour", "status": "status"}
_WINDOW_MINUTES: Final = (1, 20)
_STATES: Final = ("with_mask", "without_mask", "incorrect", "unclear")


class WireError(DeliveryError):
    """A message or topic is not as version 2 of the wire format says."""


@dataclass(frozen=True, slots=True)
class ReceivedCount:
    """A count message as a subscriber reads it; its key is (`unit`, `kind`, `start`)."""

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


def count_topic(*, site: str, unit: str, kind: WindowKind = WindowKind.COUNT) -> str:
    """Returns the topic of a unit's windows, or of its hours.

    Raises:
        WireError: `site` or `unit` is no name fit for a topic.
    """
    return _topic(site, unit, kind.value)


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
    if "/".join(root) != names.TOPIC_ROOT or kind not in _KINDS:
        raise WireError(
            f"topic {_shown(topic)}: expected {names.TOPIC_ROOT}/SITE/UNIT/"
            "count, .../hour or .../status"
        )
    return Topic(_slug("site", site), _slug("unit", unit), _KINDS[kind])


def encode_count(count: MinuteCount, *, site: str, unit: str) -> bytes:
    """Returns the message of one window as JSON in one line, filled with blanks.

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
            "run": index(count.run),
            "start": _time_text(count.start),
            "minutes": index(count.minutes),
            "people": _whole(count.people),
            **{state: _whole(getattr(count, state)) for state in _STATES},
            "observed_s": index(count.observed_s),
            "epsilon": count.epsilon,
        }
    except (TypeError, ValueError) as error:
        raise WireError(f"count message: {error}") from error
    _validate("count", message)
    _check_rules(message, WindowKind(count.kind))
    return _packed(message).ljust(COUNT_BYTES)


def decode_count(
    payload: bytes, *, topic: str | None = None, kind: WindowKind = WindowKind.COUNT
) -> ReceivedCount:
    """Reads a count message and checks all rules of the format.

    Args:
        payload: what the broker delivered.
        topic: where it arrived. Given, a message that names another site or unit
            than its topic is refused: the broker guards who may write to a topic.
        kind: of the window, where no topic is given.

    Raises:
        WireError: anything is wrong with it.
    """
    message = _unpacked("count", payload)
    if topic is not None:
        place = parse_topic(topic)
        if place[:2] != (message["site"], message["unit"]) or place.kind == "status":
            raise WireError(f"count message: does not belong to topic {_shown(topic)}")
        kind = WindowKind(place.kind)
    _check_rules(message, kind)
    epsilon = message["epsilon"]
    count = MinuteCount(
        kind=kind,
        run=int(message["run"]),
        start=_time(message["start"]),
        minutes=int(message["minutes"]),
        **{state: _whole(message[state]) for state in _STATES},
        observed_s=int(message["observed_s"]),
        epsilon=None if epsilon is None else float(epsilon),
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
    return names.topic(_slug("site", site), _slug("unit", unit), kind)


def _slug(name: str, value: str) -> str:
    if not names.SLUG.fullmatch(value):
        raise WireError(f"{name} {_shown(value)}: {names.SLUG_RULE}")
    return value


def check_window(start: datetime, minutes: int, kind: WindowKind) -> None:
    """Checks that a window is one of those that this kind of message has.

    Raises:
        WireError: it is not.
    """
    if kind is WindowKind.HOUR:
        if start.minute + minutes > 60:
            raise WireError("hour message: crosses the end of an hour")
    elif minutes not in _WINDOW_MINUTES or start.minute % minutes:
        raise WireError("count message: is no window of 1 or 20 minutes, on a multiple of them")


def _check_rules(message: dict[str, Any], kind: WindowKind) -> None:
    """Checks what the schema cannot say; city hall does this thousands of times a second."""
    observed_s, minutes, epsilon = (message[key] for key in ("observed_s", "minutes", "epsilon"))
    if epsilon is not None and not 0.1 <= epsilon <= 4:  # nan is not, either
        raise WireError("count message: epsilon must be 0.1 to 4")
    if observed_s and message["people"] != sum(message[state] for state in _STATES):
        raise WireError("count message: people is not the sum of the four mask states")
    if not 0 <= observed_s <= 60 * minutes:
        raise WireError("count message: observed_s is longer than the window")
    check_window(_time(message["start"]), int(minutes), kind)


def _validate(kind: Literal["count", "status"], message: Any) -> None:
    try:
        _VALIDATORS[kind](message)
    except fastjsonschema.JsonSchemaValueException as error:
        reason = error.message.removeprefix("data").removeprefix(".")
        raise WireError(f"{kind} message: {_line(reason)}") from error


def _validator(kind: str) -> Callable[[Any], Any]:
    text = resources.files(__package__).joinpath(f"wire-v{VERSION}.schema.json").read_text("utf-8")
    schema = json.loads(text)
    del schema["oneOf"]
    schema["allOf"] = [{"$ref": f"#/definitions/{kind}"}]
    validate: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return validate


def _unpacked(kind: Literal["count", "status"], payload: bytes) -> dict[str, Any]:
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
_VALIDATORS = {kind: _validator(kind) for kind in ("count", "status")}


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
