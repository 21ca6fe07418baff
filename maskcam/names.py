"""Names that several parts of the house have in common. Standard library only."""

from __future__ import annotations

import re
from typing import Final

SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What a site or a unit may be called; use `fullmatch`."""

SLUG_RULE: Final = "use 1 to 63 small letters, digits and hyphens, beginning with a letter or digit"

UNCONFIGURED: Final = "unconfigured"
"""The unit id in a fresh image; no unit may count under it."""

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts to which a connection needs no encryption."""

TOPIC_ROOT: Final = "maskcam/v2"


def printable(text: str) -> str:
    """Returns a text in one line: what cannot be printed, as in a file's name, as an escape."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def topic(site: str, unit: str, kind: str) -> str:
    """Returns an MQTT topic of a unit; ``+`` for `site` and `unit` makes a filter of all."""
    return f"{TOPIC_ROOT}/{site}/{unit}/{kind}"
