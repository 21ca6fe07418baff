"""The figures of an open page: what changed since it last asked, made and packed once for all.

A page that asks for the first time, or whose elements are others now, gets all of them.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from maskcam.cityhall.web.context import PART_HEADER, Page

_CHART_NUMBER = re.compile(r"(?<=chart|hatch)[0-9]+")
"""Of the charts on a page, each time others."""
_LEVEL = 6
ROOM = 300
"""So many versions of all pages are remembered, to say what changed since: ten minutes of most."""
Marks = Mapping[str, str]
"""A mark of each element by its id, and of what stands around them by ""."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Text, as it is and packed."""

    body: bytes
    packed: bytes
    kind: str | None
    status: int = 200


@dataclass(frozen=True, slots=True)
class _Version:
    """A page as it is now; `mark` is the same as long as its figures are."""

    whole: _Answer
    mark: str
    parts: Mapping[str, str]
    marks: Marks
    changes: dict[str, _Answer] = field(default_factory=dict)
    """Since other versions, by their marks."""


class Versions:
    """Remembers what pages looked like, by their marks."""

    def __init__(self) -> None:
        self._marks: OrderedDict[str, Marks] = OrderedDict()

    def add(self, mark: str, marks: Marks) -> None:
        """Remembers a version, and forgets the oldest."""
        self._marks[mark] = marks
        self._marks.move_to_end(mark)
        while len(self._marks) > ROOM:
            self._marks.popitem(last=False)

    def find(self, mark: str | None) -> Marks | None:
        """Returns the marks of the elements of a version, if it is remembered."""
        return self._marks.get(mark or "")


def answer_open_page(page: Page, versions: Versions, show: Callable[[Page], Response]) -> Response:
    """Returns the elements of a page that changed, by their ids (JSON), or all of it (HTML).

    304 if nothing changed since the version that the page has.
    """
    url, words = page.request.url, page.words
    key = ("part", url.path, url.query, words.language, page.may("admin"))
    now: _Version = page.context.memo.get(key, lambda: _make(page, versions, show))
    had = page.request.headers.get("if-none-match")
    headers = {
        "ETag": now.mark,
        "Vary": f"Accept-Encoding, Accept-Language, Cookie, {PART_HEADER}",
    }
    if had == now.mark:
        return Response(status_code=304, headers=headers)
    answer, known = now.whole, versions.find(had)
    if had and known and known[""] == now.marks[""]:
        answer = now.changes.get(had) or _changes(now, known)
        now.changes[had] = answer
    if "gzip" not in page.request.headers.get("accept-encoding", ""):
        return Response(answer.body, answer.status, headers, answer.kind)
    headers["Content-Encoding"] = "gzip"
    return Response(answer.packed, answer.status, headers, answer.kind)


def _make(page: Page, versions: Versions, show: Callable[[Page], Response]) -> _Version:
    made = show(page)
    around = text = bytes(made.body).decode()
    for name, part in page.parts.items():
        around = around.replace(part, f"\0{name}\0", 1)
    marks = {name: _mark(part) for name, part in {**page.parts, "": around}.items()}
    version = _Version(
        whole=_pack(text, made.media_type, made.status_code),
        mark=f'"{_mark(text)}"',
        parts=page.parts,
        marks=marks,
    )
    versions.add(version.mark, marks)
    return version


def _changes(now: _Version, known: Marks) -> _Answer:
    changed = {name: part for name, part in now.parts.items() if now.marks[name] != known[name]}
    return _pack(json.dumps(changed, ensure_ascii=False), "application/json")


def _pack(text: str, kind: str | None, status: int = 200) -> _Answer:
    body = text.encode()
    return _Answer(body, gzip.compress(body, _LEVEL), kind, status)


def _mark(text: str) -> str:
    return hashlib.sha256(_CHART_NUMBER.sub("", text).encode()).hexdigest()[:32]
