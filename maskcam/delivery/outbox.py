"""The outbox: closed windows wait here, on disk, until the broker has acknowledged them.

One file to which records are appended, each with its own checksum (see `rows`). When `put`
returns True, the window survives a power cut. There is no header, no index and no journal
that a bad bit could spoil for all: each record stands for itself. SD cards die of writing, so
a window costs one append, and acknowledgements go with the next window. Losing one in a power
cut means sending that window again, which the subscriber's key makes harmless.

The file is filled with line breaks ahead of the records, which then overwrite them: a sync has
to write the record's block, and no new length, block or map of the file system with it.
"""

from __future__ import annotations

import logging
import os
from bisect import bisect_right, insort
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from maskcam.delivery import wire
from maskcam.delivery.rows import Key, Waiting, pack_sent, pack_window, scan, unpack_window
from maskcam.records import MinuteCount

FILE_NAME: Final = "outbox.log"
ACKNOWLEDGED_BATCH: Final = 250
SPARE_BYTES: Final = 64 * 1024
"""The file is written anew when so much of it, and more than half, is of no more use."""

FILL_BYTES: Final = 16 * 1024
"""So much is written ahead of the records at a time: the room of about an hour's windows."""

_FILL: Final = b"\n" * FILL_BYTES
_BLOCK: Final = 4096
_log = logging.getLogger(__name__)


class Outbox:
    """Keeps windows until they are acknowledged; trouble with the disk never raises.

    While the disk is full, read-only, gone or broken, windows are kept in memory
    and written as soon as the disk takes them again. Used by one thread at a time.

    Args:
        directory: where the file lies; made if missing.
        site, unit: whose windows these are. Windows that wait from before a
            change of name keep the name under which they were counted.
        max_rows: how many windows may wait; the oldest are dropped first.

    Attributes:
        dropped: windows given up since start because there were too many.
        damaged: records lost since start because their checksum was wrong.
        last_run: the highest run of which any record was found.
    """

    def __init__(self, directory: Path, *, site: str, unit: str, max_rows: int = 100_000) -> None:
        wire.count_topic(site=site, unit=unit)
        self.path = directory / FILE_NAME
        self.dropped = self.damaged = self.last_run = 0
        self._site, self._unit, self._max_rows = site, unit, max_rows
        self._order: list[Key] = []  # all that wait
        self._memory: dict[Key, bytes] = {}  # of these, what is not on disk
        self._places: dict[Key, tuple[int, int]] = {}  # and where the others are
        self._acknowledged: list[Key] = []
        self._file: int | None = None
        self._size = self._filled = 0  # where the records end; and the line breaks behind them
        self._loaded = False
        self._stale = False  # the file was read, and is to be written anew
        self._trouble = ""
        self.tend()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of windows known to wait, on disk and in memory."""
        return len(self._order)

    @property
    def on_disk(self) -> bool:
        """Whether all that waits would survive a power cut."""
        return self._file is not None and not self._memory

    def put(self, count: MinuteCount) -> bool:
        """Adds a closed window; returns whether it is on disk (else: in memory for now).

        A second window with the same key and run is not taken.

        Raises:
            WireError: the count breaks the wire format; nothing was kept.
        """
        payload = wire.encode_count(count, site=self._site, unit=self._unit)
        key = Key.of(count, self._unit)
        if key in self._memory or key in self._places:
            self.dropped += 1
            _log.error("a window with the same start waits already; the second is not kept")
            return key not in self._memory
        self._keep(key, pack_window(key, payload))
        return self.tend()

    def pending(self, limit: int, *, after: Key | None = None) -> list[Waiting]:
        """Returns the oldest windows that wait, up to `limit`, behind `after` in their order."""
        found: list[Waiting] = []
        first = 0 if after is None else bisect_right(self._order, after)
        for key in self._order[first : first + limit]:
            try:
                row = self._row(key)
            except OSError as error:
                self._failed(error)
                continue
            window = unpack_window(row)
            if window is None or window.key != key:
                self._report_damage(1)
                self._forget(key)
            else:
                found.append(window)
        return found

    def acknowledge(self, key: Key) -> None:
        """Forgets a window that the broker has taken; it is not returned again."""
        if self._forget(key):
            self._acknowledged.append(key)
        if len(self._acknowledged) >= ACKNOWLEDGED_BATCH:
            self.tend()

    def tend(self) -> bool:
        """Writes what is only in memory, if the disk takes it; returns `on_disk`."""
        try:
            if self._file is not None and not self._is_there():
                _log.error("the outbox file was removed; writing what waits into a new one")
                self._rewrite()
            if self._file is None:
                self._open()
            self._append()
        except OSError as error:
            self._failed(error)
        else:
            if self._trouble:
                _log.warning("the outbox is on disk again")
            self._trouble = ""
        self._drop_excess()
        return self.on_disk

    def close(self) -> None:
        """Writes what is outstanding and lets go of the file."""
        self.tend()
        if self._memory:
            _log.error("%d windows could not be written and are lost", len(self._memory))
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            os.close(self._file)
        self._file = None

    def _keep(self, key: Key, row: bytes) -> None:
        insort(self._order, key)
        self._memory[key] = row
        self.last_run = max(self.last_run, key.run)

    def _forget(self, key: Key) -> bool:
        """Returns whether the disk has to know that this window no longer waits."""
        index = bisect_right(self._order, key) - 1
        if index >= 0 and self._order[index] == key:
            del self._order[index]
        self._memory.pop(key, None)
        return self._places.pop(key, None) is not None

    def _row(self, key: Key) -> bytes:
        row = self._memory.get(key)
        if row is not None or self._file is None:
            return row or b""
        offset, length = self._places[key]
        return os.pread(self._file, length, offset)

    def _open(self) -> None:
        """Opens the file, after what waits in it was found."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self._loaded:
            self._load()
        if self._stale:
            self._rewrite()
            return
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = self._filled = os.fstat(self._file).st_size
        _sync_directory(self.path.parent)

    def _load(self) -> None:
        """Takes the windows that wait in the file into memory."""
        content = _readable_bytes(self.path)
        waiting: dict[Key, bytes] = {}
        damaged = 0
        for row in scan(content):
            if row.key is None:
                damaged += 1
                continue
            self.last_run = max(self.last_run, row.key.run)
            if row.sent:
                waiting.pop(row.key, None)
            else:
                waiting[row.key] = content[row.offset : row.offset + row.length]
        self._memory = waiting | self._memory
        self._order = sorted(self._memory)
        self._report_damage(damaged)
        self._loaded, self._stale = True, bool(content)

    def _append(self) -> None:
        """Writes all changes with one sync."""
        if not self._memory and not self._acknowledged:
            return
        assert self._file is not None
        rows = [pack_sent(key) for key in self._acknowledged]
        places, size = {}, self._size + sum(map(len, rows))
        for key, row in self._memory.items():
            places[key] = size, len(row)
            size += len(row)
            rows.append(row)
        fill = _FILL if size > self._filled else b""
        try:
            _write(self._file, b"".join([*rows, fill]), self._size)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            self._filled = self._size
            raise
        self._size, self._filled = size, max(self._filled, size + len(fill))
        self._settle(places)
        useless = size - sum(length for _, length in self._places.values())
        if useless > SPARE_BYTES and 2 * useless > size:
            self._rewrite()

    def _rewrite(self) -> None:
        """Puts a new file, with what waits and nothing else, in place of the old one."""
        new = self.path.with_suffix(".new")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        rows = {key: self._row(key) for key in self._order}
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            _write(file, b"".join(rows.values()), 0)
            new.replace(self.path)
        except BaseException:
            os.close(file)
            raise
        if self._file is not None:
            os.close(self._file)
        self._file, self._size, self._stale = file, 0, False
        places = {}
        for key, row in rows.items():
            places[key] = self._size, len(row)
            self._size += len(row)
        self._filled = self._size
        self._places.clear()
        self._settle(places)
        _sync_directory(self.path.parent)

    def _settle(self, places: dict[Key, tuple[int, int]]) -> None:
        self._places |= places
        self._memory.clear()
        self._acknowledged.clear()

    def _drop_excess(self) -> None:
        excess = self._order[: max(len(self._order) - self._max_rows, 0)]
        for key in excess:
            if self._forget(key):
                self._acknowledged.append(key)
        if excess:
            self.dropped += len(excess)
            _log.error(
                "the outbox is full: dropped the %d oldest windows (%d since start); "
                "look why the broker does not take them",
                len(excess),
                self.dropped,
            )

    def _report_damage(self, number: int) -> None:
        if number:
            self.damaged += number
            _log.error(
                "%d damaged records in the outbox (%d since start): at most so many windows are "
                "lost; all others are intact",
                number,
                self.damaged,
            )

    def _is_there(self) -> bool:
        """Returns whether the file was not deleted or replaced: an open handle would hide it."""
        assert self._file is not None
        ours = os.fstat(self._file)
        with suppress(FileNotFoundError, NotADirectoryError):
            there = self.path.stat()
            return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
        return False

    def _failed(self, error: OSError) -> None:
        """Goes on in memory; the next `tend` tries the disk again."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.error("cannot use %s (%s); keeping windows in memory", self.path, error)


def _write(file: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
    os.fdatasync(file)


def _readable_bytes(path: Path) -> bytes:
    """Returns the bytes of a file, without the blocks that the disk cannot read."""
    chunks = []
    with suppress(FileNotFoundError), path.open("rb", buffering=0) as source:
        for offset in range(0, path.stat().st_size, _BLOCK):
            with suppress(OSError):
                source.seek(offset)
                chunks.append(source.read(_BLOCK))
    return b"".join(chunks)


def _sync_directory(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
