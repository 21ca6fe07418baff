"""Reads older counts, of counters that were there before, from a table (CSV). Pure.

A line is an hour or less of a site. It is stored as a window of the unit ``imported-SITE``, by
which it stays marked.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from maskcam.delivery.wire import ReceivedCount
from maskcam.errors import UsageError
from maskcam.names import SLUG
from maskcam.records import MinuteCount, WindowKind

PREFIX = "imported-"
"""With this begin the names of units that are a table."""
STATES = ("with_mask", "without_mask", "incorrect", "unclear")
SHOWN_FAULTS = 10
_MOST = 999_999


class _FaultError(ValueError):
    """What is wrong with a line."""


def read_older_counts(
    lines: Iterable[str], *, zone: ZoneInfo, now: datetime
) -> list[ReceivedCount]:
    """Returns the counts of a table.

    Args:
        lines: of the file; the first has the names of the columns, which stand between ``,``,
            ``;`` or tabs: ``site``, ``start``, ``people`` or the four mask states, and, if they
            are not hours, ``minutes``.
        zone: of times without an offset.
        now: later hours are refused.

    Raises:
        UsageError: a line is wrong; the message says which, and why.
    """
    rows = iter(lines)
    head = next(rows, "").lstrip("\ufeff").strip()
    separator = max(",;\t", key=head.count)
    names = [name.strip().lower() for name in head.split(separator)]
    counted = [name for name in STATES if name in names]
    if not {"site", "start"} <= set(names) or not (counted or "people" in names):
        raise UsageError(
            "line 1: name the columns: site, start, and people or " + ", ".join(STATES)
        )
    found, faults, seen = [], [], set()
    for number, row in _rows(rows, names, separator):
        try:
            item = _count(row, zone, now)
        except _FaultError as error:
            faults.append(f"line {number}: {error}")
            continue
        if (key := (item.site, item.count.start)) in seen:
            faults.append(f"line {number}: this hour stands there twice")
        seen.add(key)
        found.append(item)
    if faults:
        more = len(faults) - SHOWN_FAULTS
        raise UsageError("\n".join(faults[:SHOWN_FAULTS] + [f"and {more} more"] * (more > 0)))
    return found


def _rows(
    lines: Iterator[str], names: list[str], separator: str
) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines, delimiter=separator)
    for row in reader:
        if any(value.strip() for value in row):
            values = [value.strip() for value in row]
            yield reader.line_num + 1, dict(zip(names, values, strict=False))


def _count(row: dict[str, str], zone: ZoneInfo, now: datetime) -> ReceivedCount:
    site = row.get("site", "")
    if not SLUG.fullmatch(PREFIX + site) or not SLUG.fullmatch(site):
        raise _FaultError(f"site {site[:40]!r}: use small letters, digits and hyphens, at most 54")
    start, minutes = _start(row.get("start", ""), zone), _whole(row, "minutes", default="60")
    if not 1 <= minutes <= 60 or start.minute + minutes > 60:
        raise _FaultError("minutes: 1 to 60, within an hour")
    if start + timedelta(minutes=minutes) > now:
        raise _FaultError("the hour is not over yet")
    numbers = {name: _whole(row, name, default="0") for name in STATES}
    if row.get("people"):
        rest = _whole(row, "people") - sum(numbers.values())
        if rest < 0:
            raise _FaultError("people: fewer than in the mask states together")
        numbers["unclear"] += rest
    count = MinuteCount(
        kind=WindowKind.HOUR,
        run=1,
        start=start,
        minutes=minutes,
        observed_s=60 * minutes,
        epsilon=None,
        **numbers,
    )
    return ReceivedCount(site, PREFIX + site, count)


def _start(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _FaultError(f"start {text[:40]!r}: write 2019-05-04 09:00") from None
    if moment.second or moment.microsecond:
        raise _FaultError(f"start {text[:40]!r}: whole minutes only")
    if moment.tzinfo is None:
        local = moment.replace(tzinfo=zone)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
            raise _FaultError(f"start {text[:40]!r}: the clocks skipped this hour")
        moment = local
    return moment.astimezone(UTC)


def _whole(row: dict[str, str], name: str, *, default: str = "") -> int:
    text = row.get(name, "") or default
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= _MOST and len(text) < 9):
        raise _FaultError(f"{name} {text[:40]!r}: write a whole number, at most {_MOST}")
    return int(text)
