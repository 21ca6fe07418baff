"""How one record looks on disk: a window that waits, or the note that one was acknowledged.

A record is a line with a checksum and a line break before and after it. So a flipped bit
costs the record in which it lies and no other, and is never sent as a count.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple, Self

from maskcam.delivery import wire
from maskcam.records import MinuteCount, WindowKind

_WAITS: Final = b"waits"
_SENT: Final = b"sent"


class Key(NamedTuple):
    """What makes a message unique, in the order in which they are sent."""

    start: datetime
    kind: WindowKind
    unit: str
    run: int

    @classmethod
    def of(cls, count: MinuteCount, unit: str) -> Self:
        """Returns the key of the message in which a unit publishes a window."""
        return cls(count.start, count.kind, unit, count.run)


class Waiting(NamedTuple):
    """A window that waits: its key, and the message as it will be sent, and where."""

    key: Key
    topic: str
    payload: bytes


class Row(NamedTuple):
    """A record in the bytes of a file: what it says, and where it stands.

    key: of the window, or of the acknowledged one; None: damaged, or of another version.
    """

    key: Key | None
    sent: bool
    offset: int
    length: int


def pack_window(key: Key, payload: bytes) -> bytes:
    """Returns the record of a count message; the blanks behind it are not stored."""
    return _with_checksum(_WAITS + _key_text(key) + b" " + payload.rstrip())


def pack_sent(key: Key) -> bytes:
    """Returns the record that says that a window was acknowledged."""
    return _with_checksum(_SENT + _key_text(key))


def unpack_window(row: bytes) -> Waiting | None:
    """Returns the window of a record, or None if a single bit of it is wrong."""
    body = _checked(row)
    key = None if body is None else _key(body)
    if body is None or key is None:
        return None
    payload = body.split(b" ", 5)[-1]
    try:
        received = wire.decode_count(payload, kind=key.kind)
    except wire.WireError:
        return None
    topic = wire.count_topic(site=received.site, unit=received.unit, kind=key.kind)
    return Waiting(key, topic, payload.ljust(wire.COUNT_BYTES))


def scan(content: bytes) -> Iterator[Row]:
    """Yields all records in the bytes of a file, damaged ones too."""
    offset = 0
    for line in content.split(b"\n"):
        if line:
            body = _checked(b"\n" + line + b"\n")
            key = None if body is None else _key(body)
            yield Row(key, line.startswith(_SENT), offset - 1, len(line) + 2)
        offset += len(line) + 1


def _key_text(key: Key) -> bytes:
    return f" {key.start:%Y-%m-%dT%H:%MZ} {key.kind} {key.unit} {key.run}".encode()


def _key(body: bytes) -> Key | None:
    """Returns the key in an intact record; None: another version of maskcam wrote it."""
    try:
        _, start, kind, unit, run = body.decode("ascii").split(" ", 5)[:5]
        key = Key(datetime.fromisoformat(start), WindowKind(kind), unit, int(run))
    except ValueError:
        return None
    return key if key.start.tzinfo else None


def _with_checksum(body: bytes) -> bytes:
    return b"\n%s#%08x\n" % (body, zlib.crc32(body))


def _checked(row: bytes) -> bytes | None:
    body, _, checksum = row[1:-1].rpartition(b"#")
    whole = row[:1] + row[-1:] == b"\n\n" and checksum == b"%08x" % zlib.crc32(body)
    return body if whole else None
