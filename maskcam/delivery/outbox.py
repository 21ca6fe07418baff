"""The outbox: closed windows wait here, on disk, until the broker has acknowledged them.

SQLite, WAL, `synchronous=FULL`: when `put` returns True, the window survives a
power cut. SD cards die of writing, so one window costs one commit of one page:
pages of 512 bytes, the start of the window as row id (no second tree), and the
rows of acknowledged windows go in the same commit as the next window. Losing an
acknowledgement in a power cut means sending that window again, which the
subscriber's key (`unit`, `start`) makes harmless. The exclusive lock keeps the
index of the WAL in memory instead of in a third file.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from maskcam.delivery import wire
from maskcam.delivery.rows import Key, Waiting, packed, salvaged, unpacked
from maskcam.records import MinuteCount

FILE_NAME = "outbox.sqlite3"
DELETE_BATCH = 250

_log = logging.getLogger(__name__)

_OPEN = """
    PRAGMA page_size=512;  -- the longest row, 330 bytes, fits into one page
    PRAGMA locking_mode=EXCLUSIVE;
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=FULL;
    -- A WAL that grows costs the file system's journal as much again: use it anew soon.
    PRAGMA wal_autocheckpoint=64;
    PRAGMA temp_store=MEMORY;
    CREATE TABLE IF NOT EXISTS waiting (start INTEGER PRIMARY KEY, row BLOB NOT NULL);
"""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Outbox:
    """Keeps windows until they are acknowledged; trouble with the disk never raises.

    While the disk is full, read-only, gone or broken, windows are kept in memory
    and written as soon as the disk takes them again. A damaged file is set aside
    with its intact windows taken over. Used by one thread at a time.

    Args:
        directory: where the file lies; made if missing.
        site, unit: whose windows these are. Windows that wait from before a
            change of name keep the name under which they were counted.
        max_rows: how many windows may wait; the oldest are dropped first.
        max_age: windows that start so long before the newest one are dropped.
            (Measured between windows; no clock is read here.)

    Attributes:
        dropped: windows given up since start because there were too many or too old.
        damaged: windows given up since start because their checksum was wrong.
    """

    def __init__(
        self,
        directory: Path,
        *,
        site: str,
        unit: str,
        max_rows: int = 100_000,
        max_age: timedelta = timedelta(days=60),
    ) -> None:
        wire.count_topic(site=site, unit=unit)
        self.path = directory / FILE_NAME
        self.dropped = 0
        self.damaged = 0
        self._site, self._unit = site, unit
        self._max_rows, self._max_age_s = max_rows, int(max_age.total_seconds())
        self._database: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._stored = 0
        self._memory: dict[int, bytes] = {}
        self._copies: set[int] = set()
        self._acknowledged: set[int] = set()
        self._trouble = ""
        self._told_until_minute = 0  # minutes since 1970; kept as user_version of the database
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
        return max(self._stored - len(self._acknowledged), 0) + len(self._memory)

    @property
    def on_disk(self) -> bool:
        """Whether all that waits would survive a power cut."""
        return self._database is not None and not self._memory

    @property
    def told_until(self) -> datetime | None:
        """End of the latest window that was ever put in, also by earlier processes."""
        if not self._told_until_minute:
            return None
        return datetime.fromtimestamp(60 * self._told_until_minute, UTC)

    def put(self, count: MinuteCount) -> bool:
        """Adds a closed window; returns whether it is on disk (else: in memory for now).

        A second window with the same start is not taken.

        Raises:
            WireError: the count breaks the wire format; nothing was kept.
        """
        payload = wire.encode_count(count, site=self._site, unit=self._unit)
        start = Key(self._unit, count.start).seconds
        if start in self._memory or self._is_stored(start):
            _log.warning("a window with the same start waits already; the second is not kept")
            return start not in self._memory
        self._memory[start] = packed(payload)
        end_minute = start // 60 + count.minutes
        self._told_until_minute = max(self._told_until_minute, end_minute)
        return self.tend()

    def pending(self, limit: int, *, after: Key | None = None) -> list[Waiting]:
        """Returns the oldest windows that wait, up to `limit`, that start later than `after`."""
        since = -1 if after is None else after.seconds
        try:
            stored = list(islice(self._rows(since), limit))
        except sqlite3.Error as error:
            self._failed(error)
            self.tend()  # repairs a damaged file; what it gave back is in memory or stored anew
            stored = []
            with suppress(sqlite3.Error):
                stored = list(islice(self._rows(since), limit))
        kept = [(start, row) for start, row in self._memory.items() if start > since]
        found = []
        for start, row in sorted(stored + kept)[:limit]:
            window = unpacked(row)
            if window is None or window.key.seconds != start:
                self.damaged += 1
                _log.error("a stored window was damaged and is not sent (%d so far)", self.damaged)
                self._forget(start)
            else:
                found.append(window)
        return found

    def acknowledge(self, key: Key) -> None:
        """Forgets a window that the broker has taken; it is not returned again."""
        self._forget(key.seconds)
        if len(self._acknowledged) >= DELETE_BATCH:
            self.tend()

    def tend(self) -> bool:
        """Writes what is only in memory, if the disk takes it; returns `on_disk`."""
        try:
            self._check_place()
            if self._database is None:
                self._open()
            self._write()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
        else:
            if self._trouble:
                _log.warning("the outbox is on disk again")
            self._trouble = ""
        excess = max(len(self._memory) - self._max_rows, 0)
        for start in sorted(self._memory)[:excess]:
            del self._memory[start]
        self._count_dropped(excess)
        return self.on_disk

    def close(self) -> None:
        """Writes what is outstanding and lets go of the file."""
        self.tend()
        if self._memory:
            _log.error("%d windows could not be written and are lost", len(self._memory))
        self._shut()

    def _forget(self, start: int) -> None:
        if self._memory.pop(start, None) is None or start in self._copies:
            self._acknowledged.add(start)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._salvage()
        try:
            self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            _log.error("the outbox is damaged (%s); setting the file aside", error)
            # The WAL goes first: it must never meet a new, empty database.
            for ending in ("-wal", ""):
                with suppress(FileNotFoundError):
                    self._named(ending).replace(self._named(f".salvage{ending}"))
            self._salvage()
            self._connect()

    def _connect(self) -> None:
        database = sqlite3.connect(
            self.path, timeout=1, isolation_level=None, check_same_thread=False
        )
        try:
            database.executescript(_OPEN)
            _check(database)
            (self._stored,) = database.execute("SELECT count(*) FROM waiting").fetchone()
            self._told_until_minute = max(self._told_until_minute, _told_until_minute(database))
            status = self.path.stat()
        except BaseException:
            database.close()
            raise
        self._identity = (status.st_dev, status.st_ino)
        self._database = database

    def _salvage(self) -> None:
        """Takes the intact windows of a file that was set aside into memory."""
        self._copy(".salvage", ".salvage-wal")

    def _copy(self, *endings: str) -> set[int]:
        """Takes the windows in the bytes of files into memory; returns their starts."""
        windows = [window for ending in endings for window in salvaged(self._named(ending))]
        copied = {window.key.seconds: packed(window.payload) for window in windows}
        new = copied.keys() - self._acknowledged - self._memory.keys()
        self._memory.update((start, copied[start]) for start in new)
        return new

    def _end_salvage(self) -> None:
        """Keeps the damaged file for a technician, once its windows are safe in the new one."""
        if self._named(".salvage").exists() or self._named(".salvage-wal").exists():
            self._named(".salvage-wal").unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                self._named(".salvage").replace(self._named(".damaged"))
            _log.warning("recovered what was readable; %d windows wait now", len(self))

    def _named(self, ending: str) -> Path:
        return self.path.with_name(FILE_NAME + ending)

    def _write(self) -> None:
        """Writes all changes in one commit."""
        if not self._memory and not self._acknowledged:
            self._end_salvage()
            return
        database = self._database
        assert database is not None
        surplus = self._surplus()
        deleted = [(start,) for start in self._acknowledged | surplus]
        try:
            database.execute("BEGIN IMMEDIATE")
            gone = database.executemany("DELETE FROM waiting WHERE start = ?", deleted).rowcount
            new = database.executemany(
                "INSERT OR IGNORE INTO waiting VALUES (?, ?)", sorted(self._memory.items())
            ).rowcount
            if deleted and not self._memory:  # else the newest row itself tells it
                database.execute(f"PRAGMA user_version={self._told_until_minute:d}")
            database.execute("COMMIT")
        except sqlite3.Error:
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
        self._memory.clear()
        self._copies.clear()
        self._acknowledged.clear()
        self._stored += max(new, 0) - max(gone, 0)
        self._count_dropped(len(surplus))
        self._end_salvage()

    def _surplus(self) -> set[int]:
        """Returns the stored windows that are too old, or too many once memory is written."""
        assert self._database is not None
        oldest = max(self._memory, default=0) - self._max_age_s
        rows = self._database.execute("SELECT start FROM waiting WHERE start < ?", (oldest,))
        surplus = {start for (start,) in rows} - self._acknowledged
        excess = len(self) - len(surplus) - self._max_rows
        if excess > 0:
            surplus.update(start for start, _ in islice(self._rows(oldest - 1), excess))
        return surplus

    def _count_dropped(self, number: int) -> None:
        if number:
            self.dropped += number
            _log.error(
                "the outbox is full: dropped the %d oldest windows (%d since start); "
                "look why the broker does not take them",
                number,
                self.dropped,
            )

    def _rows(self, since: int) -> Iterator[tuple[int, bytes]]:
        """Yields stored rows later than `since`, oldest first, that are not acknowledged."""
        if self._database is not None:
            query = "SELECT start, row FROM waiting WHERE start > ? ORDER BY start"
            for start, row in self._database.execute(query, (since,)):
                if start not in self._acknowledged:
                    yield start, bytes(row)

    def _is_stored(self, start: int) -> bool:
        with suppress(sqlite3.Error):  # if the disk fails, `tend` will say so
            return any(found == start for found, _ in islice(self._rows(start - 1), 1))
        return False

    def _check_place(self) -> None:
        """Notices that the file was deleted or replaced: an open handle would hide it."""
        if self._database is None:
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            status = self.path.stat()
            if (status.st_dev, status.st_ino) == self._identity:
                return
        _log.error("the outbox file was removed; writing what waits into a new one")
        with suppress(sqlite3.Error):
            for start, row in self._rows(-1):
                self._memory.setdefault(start, row)
        self._acknowledged.clear()
        self._shut()

    def _failed(self, error: Exception) -> None:
        """Goes on in memory; the next `tend` tries the disk again."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.error("cannot use %s (%s); keeping windows in memory", self.path, error)
            if self._database is None and _code(error) != sqlite3.SQLITE_BUSY:
                with suppress(OSError):  # a disk that went read-only can still be read
                    self._copies |= self._copy("", "-wal")
        if _is_damage(error):
            self._shut()

    def _shut(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
        self._database = None
        self._stored = 0


def _told_until_minute(database: sqlite3.Connection) -> int:
    (told,) = database.execute("PRAGMA user_version").fetchone()
    for (row,) in database.execute("SELECT row FROM waiting ORDER BY start DESC LIMIT 1"):
        window = unpacked(bytes(row))
        if window is not None:
            minutes = wire.decode_count(window.payload).count.minutes
            told = max(told, window.key.seconds // 60 + minutes)
    return int(told)


def _check(database: sqlite3.Connection) -> None:
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        error = sqlite3.DatabaseError(" ".join(str(verdict).split()))
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _is_damage(error: Exception) -> bool:
    return _code(error) in _DAMAGED


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
