"""Whose name a request was sent to, and from whose page a form came.

Host names are compared as RFC 9110 and RFC 3986 say: without regard to case, a closing
dot or the port that belongs to the scheme.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """A host and port."""

    host: str
    port: int | None


def place_of(authority: str, *, scheme: str) -> Place | None:
    """Returns host and port of a ``Host`` header, or None if it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in authority:
        return None
    return Place(plain_name(parts.hostname), port or _PORTS.get(scheme))


def plain_name(host: str) -> str:
    """Returns a host name in the form in which two names can be compared."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def foreign_host(headers: Headers, *, own: Collection[str]) -> str | None:
    """Returns the ``Host`` of a request if it is none of our names (see `plain_name`)."""
    sent = headers.get("host", "")
    place = place_of(sent, scheme="http")
    return None if place is not None and place.host in own else sent or "(none)"


def foreign_form(
    headers: Headers, *, scheme: str, own: Collection[str], behind_proxy: bool
) -> str | None:
    """Returns why a form does not come from a page of ours, or None if it does.

    A browser says it in ``Sec-Fetch-Site``, an older one in ``Origin``. A program that
    sends neither carries no visitor's cookie.

    Args:
        headers: of the request.
        scheme: of the request, as far as this server knows it.
        own: our names.
        behind_proxy: the proxy may have changed ``Host`` or dropped its port; then the
            name in ``Origin`` must be one of ours, on whatever port.
    """
    site = headers.get("sec-fetch-site")
    if site in {"same-origin", "none"}:
        return None
    if site is not None:
        return f"Sec-Fetch-Site: {site[:20]}"
    origin = headers.get("origin")
    if origin is None:
        return None
    theirs = urlsplit(origin)
    place = place_of(theirs.netloc, scheme=theirs.scheme)
    if place is None:
        return f"Origin: {origin[:80]}"
    if behind_proxy:
        same = place.host in own
    else:
        same = place == place_of(headers.get("host", ""), scheme=scheme)
    return None if same else f"Origin: {origin[:80]}, Host: {headers.get('host', '')[:80]}"
