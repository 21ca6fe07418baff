"""Copies the SQLite database while it is in use, and puts a copy back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from maskcam.cityhall.database import DatabaseError, knows_version, sqlite_file


def back_up(url: str, target: Path) -> None:
    """Copies a SQLite database that is in use to `target`, consistently; only we may read it.

    Raises:
        DatabaseError: not SQLite, or the copy cannot be written.
    """
    source = _sqlite_file(url, "backup: for PostgreSQL use pg_dump (see docs/cityhall.md)")
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise DatabaseError(f"backup: {target} exists; name a new file") from error
    except OSError as error:
        raise DatabaseError(f"backup: {target}: {error.strerror}") from error
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as opened,
            closing(sqlite3.connect(target)) as copy,
        ):
            opened.backup(copy, pages=4096)
    except sqlite3.Error as error:
        target.unlink()
        raise DatabaseError(f"backup: cannot be made ({error})") from error


def restore(url: str, source: Path) -> Path | None:
    """Puts a backup in the place of the database; owner and mode are as the folder's owner needs.

    Returns:
        Where the database is that was there before, None if there was none.

    Raises:
        DatabaseError: not SQLite, the backup is damaged, or the database is in use.
    """
    place = _sqlite_file(url, "restore: for PostgreSQL use pg_restore (see docs/cityhall.md)")
    _check_backup(source)
    if not place.parent.is_dir():
        raise DatabaseError(f"restore: {place.parent} is missing; make it, see docs/cityhall.md")
    _check_unused(place)
    fresh = place.with_name(place.name + ".restoring")
    try:
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(source, fresh)
        if os.geteuid() == 0:  # the services run as the owner of the folder, not as root
            owner = place.parent.stat()
            os.chown(fresh, owner.st_uid, owner.st_gid)
        kept = None
        if place.exists():
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            kept = place.with_name(f"{place.name}.before-{stamp}")
            place.rename(kept)
        for ending in ("-wal", "-shm"):  # they belong to the old file
            place.with_name(place.name + ending).unlink(missing_ok=True)
        fresh.rename(place)
    except OSError as error:
        raise DatabaseError(f"restore: {error.filename}: {error.strerror}") from error
    return kept


def _sqlite_file(url: str, otherwise: str) -> Path:
    file = sqlite_file(url)
    if file is None:
        raise DatabaseError(otherwise)
    return file


def _check_backup(source: Path) -> None:
    if not source.is_file():
        raise DatabaseError(f"restore: {source}: no such file")
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro&immutable=1", uri=True)) as opened:
            sound = opened.execute("PRAGMA quick_check").fetchone()[0]
            (version,) = opened.execute("SELECT version_num FROM alembic_version").fetchone() or [
                ""
            ]
            opened.execute("SELECT count(*) FROM facts").fetchone()
    except sqlite3.Error as error:
        raise DatabaseError(
            f"restore: {source} is no backup of city hall ({error}); nothing was changed"
        ) from error
    if sound != "ok":
        raise DatabaseError(f"restore: {source} is damaged ({sound}); nothing was changed")
    if not knows_version(str(version)):
        raise DatabaseError(
            f"restore: {source} was made by a newer version of maskcam; install that one first, "
            "nothing was changed"
        )


def _check_unused(place: Path) -> None:
    """Refuses while a process has the database open: it would go on with the old file."""
    if not place.exists():
        return
    try:
        with closing(sqlite3.connect(place, timeout=1, isolation_level=None)) as opened:
            # Leaving the write-ahead log needs the database for oneself.
            opened.execute("PRAGMA locking_mode=EXCLUSIVE")
            if opened.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                raise sqlite3.OperationalError("in use")
    except sqlite3.DatabaseError as error:
        if "locked" not in str(error) and "in use" not in str(error):
            return  # damaged: that is why it is restored
        raise DatabaseError(
            "restore: the database is in use; stop maskcam-collector and maskcam-dashboard first"
        ) from error
