"""Whether apt of Debian 13 takes a key that signs an archive.

Since 1 February 2026 it takes no key that is bound to its name by SHA-1 only. Raspberry Pi's
key of 2012 was such a one, and was bound anew in 2025: the same key, in another file.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# RFC 9580: packets (4.2), signatures (5.2), their types (5.2.1), hash algorithms (9.5).
_SIGNATURE: Final = 2
_BINDS_A_NAME: Final = (0x10, 0x11, 0x12, 0x13)
_WEAK: Final = (1, 2, 3)  # MD5, SHA-1, RIPE-MD
_ARMOUR: Final = re.compile(rb"-----BEGIN PGP [^\n]*\n(?:[^\n]+\n)*\n(.+?)\n(?:=|-----END)", re.S)


def fault(path: Path) -> str | None:
    """Returns why apt would not take a file of public keys, or None."""
    try:
        hashes = set(_hashes(_binary(path.read_bytes())))
    except (IndexError, ValueError):
        hashes = set()
    if not hashes:
        return f"{path}: no OpenPGP public key"
    if hashes <= set(_WEAK):
        return (
            f"{path}: bound to its name by SHA-1 only, which apt of Debian 13 refuses; "
            "take the file of raspberrypi-archive-keyring 2025 or newer"
        )
    return None


def _binary(data: bytes) -> bytes:
    """Returns the packets of a file, which may be text."""
    if data.startswith(b"-----BEGIN PGP"):
        blocks = _ARMOUR.findall(data.replace(b"\r\n", b"\n"))
        return b"".join(base64.b64decode(block) for block in blocks)
    return data


def _hashes(data: bytes) -> Iterator[int]:
    """Yields the hash algorithm of each signature that binds a key to a name."""
    for tag, body in _packets(data):
        if tag == _SIGNATURE and body[0] in {4, 6} and body[1] in _BINDS_A_NAME:
            yield body[3]


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            raise ValueError("not a packet")
        if head & 0x40:
            tag, (start, length) = head & 0x3F, _new_length(data, at + 1)
        else:
            tag, octets = head >> 2 & 0xF, 1 << (head & 3)
            start = at + 1 + octets
            length = int.from_bytes(data[at + 1 : start])
        at = start + length
        if at > len(data):
            raise ValueError("cut short")
        yield tag, data[start:at]


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    """Returns where the body of a packet begins, and how long it is (RFC 9580, 4.2.1)."""
    first = data[at]
    if first < 192:
        return at + 1, first
    if first < 224:
        return at + 2, (first - 192 << 8) + data[at + 1] + 192
    if first == 255:
        return at + 5, int.from_bytes(data[at + 1 : at + 5])
    raise ValueError("a length in parts")
