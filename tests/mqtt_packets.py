"""Pieces of MQTT packets, for tests that write them by hand."""

from __future__ import annotations


def remaining_length(number: int) -> bytes:
    """Returns a variable byte integer (MQTT 5, section 1.5.5)."""
    found = bytearray()
    while True:
        number, digit = divmod(number, 128)
        found.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(found)
