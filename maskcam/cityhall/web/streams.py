"""Long answers: made while they are sent, so that their length costs no memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from maskcam.cityhall.web.context import Page
from maskcam.cityhall.web.limits import BusyError

_CHUNK = 16_384
_RISKY = frozenset("=+-@\t\r")
"""What begins so, a spreadsheet takes for a formula."""


class LongAnswer(StreamingResponse):
    """A streamed answer that waits its turn: few are made at once, one for each account."""

    def __init__(
        self, page: Page, chunks: Iterator[str | bytes], *, kind: str, name: str = ""
    ) -> None:
        named = {"Content-Disposition": f'attachment; filename="{name}"'} if name else None
        super().__init__(chunks, media_type=kind, headers=named)
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer when it is its turn, or 503."""
        try:
            async with self._page.context.exports.turn(self._page.who):
                await super().__call__(scope, receive, send)
        except BusyError:
            await busy(self._page)(scope, receive, send)


def busy(page: Page) -> Response:
    """Returns the answer to who would have to wait too long."""
    text = page.words("busy") + "\n"
    return PlainTextResponse(text, status_code=503, headers={"Retry-After": "30"})


def csv_answer(
    page: Page,
    header: tuple[str, ...],
    rows: Iterable[tuple[object, ...]],
    *,
    name: str,
    french: bool = False,
) -> Response:
    """Returns rows as a CSV file to keep; a French one opens in a French spreadsheet."""
    chunks = _csv_chunks(header, rows)
    if french:
        chunks = _csv_chunks(header, map(_with_commas, rows), delimiter=";", begin="\ufeff")
    return LongAnswer(page, chunks, kind="text/csv", name=name)


def json_answer(page: Page, items: Iterable[Mapping[str, Any]]) -> Response:
    """Returns items as a JSON list, a line for each."""
    return LongAnswer(page, _json_chunks(items), kind="application/json")


def _with_commas(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(str(v).replace(".", ",") if isinstance(v, float) else v for v in row)


def _csv_chunks(
    header: tuple[str, ...],
    rows: Iterable[tuple[object, ...]],
    *,
    delimiter: str = ",",
    begin: str = "",
) -> Iterator[str]:
    buffer = io.StringIO()
    buffer.write(begin)
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerow(header)
    for row in rows:
        writer.writerow(
            [f"'{v}" if type(v) is str and v[:1] in _RISKY else v for v in row]  # no formula
        )
        if buffer.tell() > _CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _json_chunks(items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    waiting, length = ["["], 1
    separator = "\n"
    for item in items:
        text = separator + json.dumps(item, ensure_ascii=False)
        separator = ",\n"
        waiting.append(text)
        length += len(text)
        if length > _CHUNK:
            yield "".join(waiting)
            waiting, length = [], 0
    yield "".join([*waiting, "\n]\n"])
