"""The figures of an open page, made and packed once for all who look."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from starlette.responses import Response

from maskcam.cityhall.web.context import PART_HEADER, Page

_CHART_NUMBER = re.compile(rb"(?<=chart|hatch)[0-9]+")
"""Of the charts on a page, each time others."""
_LEVEL = 6


class _Part(NamedTuple):
    """An answer; `mark` is the same as long as its figures are."""

    body: bytes
    packed: bytes
    mark: str
    status: int
    kind: str | None


def answer_open_page(page: Page, show: Callable[[Page], Response]) -> Response:
    """Returns the figures of a page without what stands around them; 304 if the page has them."""
    url, words = page.request.url, page.words
    key = ("part", url.path, url.query, words.language, page.may("admin"))
    part: _Part = page.context.memo.get(key, lambda: _pack(show(page)))
    headers = {
        "ETag": part.mark,
        "Vary": f"Accept-Encoding, Accept-Language, Cookie, {PART_HEADER}",
    }
    if page.request.headers.get("if-none-match") == part.mark:
        return Response(status_code=304, headers=headers)
    if "gzip" not in page.request.headers.get("accept-encoding", ""):
        return Response(part.body, part.status, headers, part.kind)
    headers["Content-Encoding"] = "gzip"
    return Response(part.packed, part.status, headers, part.kind)


def _pack(made: Response) -> _Part:
    body = bytes(made.body)
    digest = hashlib.sha256(_CHART_NUMBER.sub(b"", body)).hexdigest()[:32]
    packed = gzip.compress(body, _LEVEL)
    return _Part(body, packed, f'"{digest}"', made.status_code, made.media_type)
