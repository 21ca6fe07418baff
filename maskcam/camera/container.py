"""Finds out from a film's outermost structure whether a part of the file is missing.

Containers say how long their parts are: ISO base media (ISO/IEC 14496-12, boxes), RIFF
(AVI) and EBML (RFC 8794; Matroska, WebM). A part that is longer than the file proves that
the file was cut; the number of frames in a header proves nothing.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

_EBML: Final = b"\x1a\x45\xdf\xa3"
_MOST_BOXES: Final = 1_000_000


def missing_bytes(path: Path) -> int:
    """Returns how many bytes the file lacks by its own account; 0: none, or it does not say."""
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"):
            end = _end_of_boxes(file, length)
        elif head[:4] == b"RIFF":
            end = _end_of_riff(file, length)
        elif head[:4] == _EBML:
            end = _end_of_ebml(file)
        else:
            end = 0
    return max(0, end - length)


def _end_of_boxes(file: BinaryIO, length: int) -> int:
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if at >= length or len(head) < 8:
            break
        size, kind = struct.unpack_from(">I4s", head)
        if size == 1 and len(head) == 16:
            size = struct.unpack_from(">Q", head, 8)[0]
        if size < 8 or not kind.isalnum():  # 0: up to the end; else no box: something was appended
            break
        at += size
    return at


def _end_of_riff(file: BinaryIO, length: int) -> int:
    at = 0
    while at + 12 <= length:
        file.seek(at)
        kind, size = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF" or size in (0, 0xFFFFFFFF):  # its writer could not go back
            break
        at += 8 + size
    return at


def _end_of_ebml(file: BinaryIO) -> int:
    """Returns the end of the segment, the second element of the file."""
    file.seek(4)
    header = _ebml_size(file)
    if header is None:
        return 0
    file.seek(header + 4, 1)
    segment = _ebml_size(file)
    return 0 if segment is None else file.tell() + segment


def _ebml_size(file: BinaryIO) -> int | None:
    """Reads a size of 1 to 8 bytes; None: unknown, as in a live stream that was recorded."""
    first = file.read(1)
    if not first or first == b"\0":
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
