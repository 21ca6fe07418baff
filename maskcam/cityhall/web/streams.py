"""Long answers: made while they are sent, so that their length costs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from maskcam.cityhall.web.context import Page
from maskcam.cityhall.web.limits import BusyError

LINES_AT_ONCE = 2000
"""Some 200 kB of CSV; each piece costs a change of threads."""


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


def csv_answer(page: Page, head: str, lines: Iterator[str], *, name: str) -> Response:
    """Returns a CSV file to keep, of its first line and lines without ends."""
    return LongAnswer(page, _csv_chunks(head, lines), kind="text/csv", name=name)


def json_answer(page: Page, lines: Iterator[str]) -> Response:
    """Returns a JSON list of lines that hold an item each."""
    return LongAnswer(page, _json_chunks(lines), kind="application/json")


def _csv_chunks(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    while part := list(islice(lines, LINES_AT_ONCE)):
        part.append("")
        yield "\r\n".join(part)


def _json_chunks(lines: Iterator[str]) -> Iterator[str]:
    begin = "[\n"
    while part := list(islice(lines, LINES_AT_ONCE)):
        yield begin + ",\n".join(part)
        begin = ",\n"
    yield "[]\n" if begin == "[\n" else "\n]\n"
