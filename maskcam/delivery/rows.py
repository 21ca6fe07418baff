"""How one waiting window looks on disk: its message, and a checksum of it.

SQLite has no checksums of its own. With this one a flipped bit is never sent as a
count, and intact rows are found again in the bytes of a file that is damaged.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from maskcam.delivery import wire

_ROW = re.compile(rb'\{"v":1,"site":[ -~]{1,400}?\}#[0-9a-f]{8}')
_CHUNK_BYTES = 4096


class Key(NamedTuple):
    """What makes a window unique: the unit, and its start in UTC."""

    unit: str
    start: datetime

    @property
    def seconds(self) -> int:
        """The start in seconds since 1970, under which the window is stored."""
        return int(self.start.timestamp())


class Waiting(NamedTuple):
    """A window that waits: its key, and the message as it will be sent, and where."""

    key: Key
    topic: str
    payload: bytes


def packed(payload: bytes) -> bytes:
    """Returns the row of a count message."""
    return payload + b"#%08x" % zlib.crc32(payload)


def unpacked(row: bytes) -> Waiting | None:
    """Returns the window of a row, or None if a single bit of it is wrong."""
    payload, _, checksum = row.rpartition(b"#")
    if checksum != b"%08x" % zlib.crc32(payload):
        return None
    try:
        received = wire.decode_count(payload)
    except wire.WireError:
        return None
    topic = wire.count_topic(site=received.site, unit=received.unit)
    return Waiting(Key(received.unit, received.count.start), topic, payload)


def salvaged(file: Path) -> Iterator[Waiting]:
    """Yields the windows that are intact in the bytes of a damaged file.

    Windows that were acknowledged and deleted may be among them: sending one
    twice is harmless, losing one is not. Parts that the disk cannot read are
    skipped. Nothing is yielded when the file is missing.
    """
    with suppress(FileNotFoundError):
        for row in _ROW.findall(_readable_bytes(file)):
            window = unpacked(row)
            if window is not None:
                yield window


def _readable_bytes(file: Path) -> bytes:
    chunks = []
    with file.open("rb", buffering=0) as source:
        for offset in range(0, file.stat().st_size, _CHUNK_BYTES):
            try:
                source.seek(offset)
                chunks.append(source.read(_CHUNK_BYTES))
            except OSError:
                continue
    return b"".join(chunks)
