"""Hours, days and longer times as rows of a table, and rows as lines of CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from maskcam.cityhall.figures import Point
from maskcam.cityhall.language import Words
from maskcam.cityhall.rollup import moment_of

Row = tuple[object, ...]
COLUMNS = (
    *("site", "start", "minutes", "people", "with_mask", "without_mask", "incorrect", "unclear"),
    *("mask_share", "mask_share_low", "mask_share_high"),
    *("observed_s", "noise_sd", "known", "observed_part", "cameras"),
)
FRENCH_COLUMNS = (
    *("site", "début (heure locale)", "minutes", "passages", "avec masque", "sans masque"),
    *("mal porté", "indéterminé", "part masquée", "part, limite basse", "part, limite haute"),
    *("secondes observées", "écart type du bruit", "connu", "part observée", "caméras"),
)
"""For a spreadsheet, in the order of `COLUMNS`."""
WINDOW_COLUMNS = (
    *("site", "unit", "start", "minutes", "with_mask", "without_mask", "incorrect", "unclear"),
    *("observed_s", "epsilon"),
)
_FORMATS = (
    *("%s", "%s", "%d", *["%d"] * 5),
    *("%.4f", "%.4f", "%.4f"),
    *("%.1f", "%.2f", "%s", "%.3f", "%d"),
)
_COUNTS, _SHARES = slice(3, 8), slice(8, 11)
"""Columns that are None where nothing is known, and where too few were judged."""
_NO_COUNTS: Row = (None,) * 5
_NO_SHARE: Row = (None,) * 3
_KNOWN_IN_FRENCH = {
    "fully": "observé",
    "partly": "observé en partie",
    "blind": "aveugle",
    "offline": "aucune donnée",
    "to_come": "à venir",
}
_RISKY = frozenset("=+-@\t\r")
"""What begins so, a spreadsheet takes for a formula."""


def count_row(site: str, start: object, point: Point, words: Words) -> Row:
    """Returns the values of a `CountOut`, in the order of `COLUMNS`; numbers are not rounded.

    Hundreds of thousands are made for one answer, so nothing is looked up twice.
    """
    bucket, end, seen, total, part, cameras, _ = point
    with_mask, without_mask, incorrect, unclear, observed_s, _, variance, _ = total
    noise_sd = variance**0.5 if variance > 0 else 0.0
    about = (observed_s, noise_sd, seen, part, cameras)
    if seen.is_gap:
        return (site, start, end - bucket, *_NO_COUNTS, *_NO_SHARE, *about)
    people = with_mask + without_mask + incorrect + unclear
    counts = (people, with_mask, without_mask, incorrect, unclear)
    low, value, high = words.interval(total) or _NO_SHARE
    return (site, start, end - bucket, *counts, value, low, high, *about)


def rounded(row: Row) -> Row:
    """Returns a row with the decimals that lines of text have."""
    return tuple(
        round(value, int(form[2])) if isinstance(value, float) else value
        for value, form in zip(row, _FORMATS, strict=True)
    )


def in_french(row: Row) -> Row:
    """Returns a row with what is known of it in French."""
    return (*row[:13], _KNOWN_IN_FRENCH[str(row[13])], *row[14:])


class Lines:
    """Writes rows as text, a line for each, by one formatting: a third of what `csv` takes.

    Args:
        fields: a format of each of `COLUMNS`.
        between: stands between them.
        unknown: stands for None.
        text: makes a name fit to stand in a line.
    """

    def __init__(
        self, fields: Sequence[str], *, between: str, unknown: str, text: Callable[[str], str]
    ) -> None:
        self.text = lru_cache(maxsize=4096)(text)
        without_shares = _with_gap(fields, _SHARES, unknown)
        self._whole = between.join(fields)
        self._without_shares = between.join(without_shares)
        self._without_counts = between.join(_with_gap(without_shares, _COUNTS, unknown))

    def line(self, row: Row) -> str:
        """Returns a row of `count_row`, whose texts are fit, as a line without its end."""
        if row[8] is not None:
            return self._whole % row
        if row[3] is not None:
            return self._without_shares % (row[:8] + row[11:])
        return self._without_counts % (row[:3] + row[11:])


class FrenchLines(Lines):
    """Lines with decimal commas."""

    def line(self, row: Row) -> str:
        """Returns a row of `count_row`, whose texts are fit, as a line without its end."""
        line = super().line(("", "", *row[2:]))
        return f"{row[0]};{row[1]}{line[1:].replace('.', ',')}"


def csv_lines() -> Lines:
    """Returns lines of a CSV file."""
    return Lines(_FORMATS, between=",", unknown="", text=csv_cell)


def french_lines() -> Lines:
    """Returns lines for a French spreadsheet."""
    return FrenchLines(_FORMATS, between=";", unknown="", text=lambda t: csv_cell(t, between=";"))


def json_lines() -> Lines:
    """Returns lines with an object of JSON each."""
    fields = [
        f'"{name}": "%s"' if form == "%s" else f'"{name}": {form}'
        for name, form in zip(COLUMNS, _FORMATS, strict=True)
    ]
    fields[0], fields[-1] = '{"site": %s', fields[-1] + "}"
    return Lines(
        fields,
        between=", ",
        unknown="null",
        text=lambda name: json.dumps(name, ensure_ascii=False),
    )


def csv_cell(text: str, *, between: str = ",") -> str:
    """Returns a text as it stands in a CSV file: in quotes where it must be, and no formula."""
    return csv_row((text,), between=between).removesuffix("\r\n")


def csv_row(values: Iterable[object], *, between: str = ",") -> str:
    """Returns values as a line of a CSV file, with its end."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=between).writerow(
        [f"'{v}" if isinstance(v, str) and v[:1] in _RISKY else v for v in values]
    )
    return buffer.getvalue()


def window_lines(windows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Yields windows, in the order of `WINDOW_COLUMNS`, as lines of a CSV file without ends."""
    cell = lru_cache(maxsize=4096)(csv_cell)
    for site, unit, minute, *numbers in windows:
        known = ("" if number is None else str(number) for number in numbers)
        yield ",".join((cell(site), cell(unit), utc(minute), *known))


@lru_cache(maxsize=4096)  # a row for each site begins at the same minute
def utc(minute: int) -> str:
    """Returns a minute since the epoch as the API writes it."""
    return moment_of(minute).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_text(moment: datetime) -> str:
    """Returns a local time as a spreadsheet reads it."""
    return f"{moment:%Y-%m-%d %H:%M}"


def _with_gap(fields: Sequence[str], gap: slice, unknown: str) -> list[str]:
    changed = list(fields)
    changed[gap] = [re.sub(r"%\.?[0-9]*[df]", unknown, field) for field in fields[gap]]
    return changed
