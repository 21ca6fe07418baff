"""The unit's state directory: one process at a time, and the number of its runs."""

from __future__ import annotations

import fcntl
import logging
import os
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from maskcam.errors import UsageError

FILE_NAME: Final = "run"
_log = logging.getLogger(__name__)


class StateDirectory:
    """Belongs to one process for as long as the block lasts; makes the directory if missing.

    Args:
        path: the directory.

    Raises:
        UsageError: another process counts with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._run = 0

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.__exit__(None, None, None)
            raise UsageError(
                f"{self._path}: another maskcam counts with this state directory; stop it first"
            ) from error
        except OSError as error:
            _log.error("cannot use %s (%s); going on in memory", self._path, error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None

    def next_run(self, *, above: int = 0) -> int:
        """Returns a higher number than ever before, also by earlier processes.

        Args:
            above: a number that is known from elsewhere, should the file be lost.
        """
        self._run = max(self._run, self._stored_run(), above) + 1
        try:
            _replace(self._path / FILE_NAME, 2 * _line(self._run))
        except OSError as error:
            _log.error("cannot write %s (%s)", self._path / FILE_NAME, error)
        return self._run

    def _stored_run(self) -> int:
        """Returns the number in the file, which stands there twice; 0 where there is none."""
        file, found = self._path / FILE_NAME, [0]
        try:
            lines = [line for line in file.read_bytes().split(b"\n") if line]
        except FileNotFoundError:
            return 0
        except OSError as error:
            _log.error("cannot read %s (%s)", file, error)
            return 0
        for line in lines:
            with suppress(ValueError):
                run = int(line.partition(b" ")[0])
                found += [run] if line == _line(run).strip() else []
        if len(found) < 3:
            _log.error("%s is damaged", file)
        return max(found)


def is_in_use(path: Path) -> bool:
    """Returns whether a unit runs with this state directory now."""
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(directory)  # with the lock, if it was got
    return False


def _line(run: int) -> bytes:
    return b"\n%d %08x\n" % (run, zlib.crc32(b"%d" % run))


def _replace(file: Path, content: bytes) -> None:
    new = file.with_suffix(".new")
    with new.open("wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    new.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
