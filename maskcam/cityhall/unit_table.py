"""Opens a table of units that an administrator wrote: CSV with commas or semicolons."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskcam.errors import UsageError


@contextmanager
def open_unit_table(path: Path) -> Iterator[csv.DictReader[str]]:
    """Gives the rows of a table, by the names of its columns.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            yield csv.DictReader(file, delimiter=";" if ";" in first else ",")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
