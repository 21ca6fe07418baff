"""What may be shown of a source's address: never a user, password, path or query."""

from __future__ import annotations

import re
from typing import Final

# A path that Python has normalised has one slash only.
_ADDRESS: Final = re.compile(r"(?!v4l2:)([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
_ENDS: Final = re.compile(r"[/?#\\]")
_NO_SCHEME: Final = re.compile(r"(?!v4l2:)[^/]*:.*@.*", re.DOTALL)
_ANYWHERE: Final = re.compile(r"\b(?!v4l2:)[A-Za-z][A-Za-z0-9+.-]+:/.*")
NETWORK_SCHEMES: Final = ("rtsp", "rtsps")
ESCAPE_HINT: Final = "write special characters of user and password as %xx (/ is %2F, @ is %40)"


def is_network(source: str) -> bool:
    """Returns whether a source is a stream on the network, whatever the case of its scheme."""
    return scheme(source) in NETWORK_SCHEMES


def is_address(text: str) -> bool:
    """Returns whether a text is an address, with or without a scheme, and not just a path."""
    return bool(_ADDRESS.fullmatch(text) or _NO_SCHEME.fullmatch(text))


def scheme(source: str) -> str:
    """Returns the scheme of an address in small letters; empty: a path or a word."""
    found = _ADDRESS.fullmatch(source)
    return found[1].lower() if found else ""


def shown(source: str) -> str:
    """Returns what of a source may be shown: of an address the scheme and the host only.

    Users write `/ # ? [ @` in passwords as they are, so no parser finds the password's end.
    The host is what follows the last `@`. If what stands before the first `/` ends in a host
    as well, nobody knows which of the two it is, and neither is shown.
    """
    found = _ADDRESS.fullmatch(source)
    if found:
        return f"{found[1].lower()}://{_host(found[2])}"
    return f"...@{_host(source)}" if _NO_SCHEME.fullmatch(source) else source


def _host(rest: str) -> str:
    first = _ENDS.split(rest, maxsplit=1)[0]
    last = _ENDS.split(rest.rpartition("@")[2], maxsplit=1)[0]
    hidden = "@" in rest[len(first) :] and _HOST.fullmatch(first.rpartition("@")[2])
    return last if _HOST.fullmatch(last) and not hidden else "..."


def shown_text(text: str) -> str:
    """Returns a text in which each line that holds an address shows `shown` of it, and ends.

    A password may hold blanks and quotes, so nothing that follows an address is safe.
    """
    return _ANYWHERE.sub(lambda found: shown(found[0]), text)


def is_ambiguous(source: str) -> bool:
    """Returns whether an address holds characters that must be written as %xx."""
    found = _ADDRESS.fullmatch(source)
    if not found:
        return False
    rest = found[2]
    first = _ENDS.split(rest, maxsplit=1)[0]
    user, _, host = first.rpartition("@")
    return "@" in user or "[" in user or not _HOST.fullmatch(host)
