"""The same table as a workbook (.xlsx): numbers, times and shares as such, and no formulas."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime

import xlsxwriter  # type: ignore[import-untyped]
from starlette.responses import Response

from maskcam.cityhall.web.context import Page
from maskcam.cityhall.web.streams import LongAnswer

MAX_ROWS = 100_000
"""More takes longer than a browser waits; a sheet ends at 1,048,576."""
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHARES = range(8, 11)
"""Columns with shares: shown as per cents."""
_CHUNK = 65_536


def xlsx_answer(page: Page, rows: Iterator[tuple[object, ...]], *, name: str) -> Response:
    """Returns a table as a workbook to keep; the first row is its head."""
    return LongAnswer(page, _chunks(rows), kind=KIND, name=name)


def _chunks(rows: Iterator[tuple[object, ...]]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        options = {
            "constant_memory": True,  # a row is written before the next one is made
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with xlsxwriter.Workbook(file, options) as book:
            _fill(book, rows)
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _fill(book: xlsxwriter.Workbook, rows: Iterator[tuple[object, ...]]) -> None:
    sheet = book.add_worksheet("maskcam")
    head = book.add_format({"bold": True})
    time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    percent = book.add_format({"num_format": "0.0%"})
    sheet.freeze_panes(1, 1)
    sheet.set_column(0, 1, 18)
    sheet.set_column(2, 15, 13)
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is None:
                continue  # not known: an empty cell, which is not zero
            if isinstance(value, datetime):
                sheet.write_datetime(number, place, value, time)
            elif isinstance(value, int | float):
                sheet.write_number(number, place, value, percent if place in SHARES else None)
            else:
                sheet.write_string(number, place, str(value), head if number == 0 else None)
    sheet.autofilter(0, 0, max(1, number), len(row) - 1)
