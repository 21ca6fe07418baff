"""Makes a short film long without copying it: its index lists the same frames again and again.

The camera of an image for tests. A playlist would do it, too, but maskcam opens none: a film may
not name other files. Boxes and tables as in ISO/IEC 14496-12, chapter 8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_FOLDERS: Final = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_LENGTH_AT: Final = {b"mvhd": 16, b"tkhd": 20, b"mdhd": 16}  # in version 0 of these boxes
_EDITS: Final = b"edts"  # would end the film where it ended
_FRAME_SIZES: Final = b"stsz"
_TABLES: Final = {b"stts", b"ctts", b"stco"}  # repeated as they are
_NUMBERED: Final = {b"stss": _FRAME_SIZES, b"stsc": b"stco"}  # these number frames, and chunks


def repeat(film: bytes, times: int) -> bytes:
    """Returns an MP4 film that shows its frames `times` times; each costs 4 bytes per frame.

    Raises:
        ValueError: it has several tracks, or its index is not behind the frames in 32 bits, as
            FFmpeg writes it.
    """
    boxes = list(_boxes(film))
    name, index = boxes[-1]
    counts = {found: _count(found, inside) for found, inside in _tables(index)}
    tracks = sum(inside == b"trak" for inside, _ in _boxes(index))
    if name != b"moov" or tracks != 1 or b"stco" not in counts:
        raise ValueError("give an MP4 film of one track with its index at the end")
    return film[: -len(index) - 8] + _box(b"moov", _repeated(index, times, counts))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if not 8 <= size <= len(data) - at:
            raise ValueError(f"a box {name!r} of {size} bytes")
        yield name, data[at + 8 : at + size]
        at += size


def _box(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(inside), name) + inside


def _tables(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for name, inside in _boxes(data):
        if name in _FOLDERS:
            yield from _tables(inside)
        elif name in _TABLES or name in _NUMBERED or name == _FRAME_SIZES:
            yield name, inside


def _count(name: bytes, table: bytes) -> int:
    return int(struct.unpack_from(">I", table, 8 if name == _FRAME_SIZES else 4)[0])


def _repeated(data: bytes, times: int, counts: dict[bytes, int]) -> bytes:
    made = b""
    for name, inside in _boxes(data):
        if name in _FOLDERS:
            made += _box(name, _repeated(inside, times, counts))
        elif at := _LENGTH_AT.get(name):
            (length,) = struct.unpack_from(">I", inside, at)
            made += _box(name, inside[:at] + struct.pack(">I", length * times) + inside[at + 4 :])
        elif name in counts:
            head = 8 if name == _FRAME_SIZES else 4
            number = struct.pack(">I", counts[name] * times)
            step = counts[_NUMBERED[name]] if name in _NUMBERED else 0
            rows = _rows(inside[head + 4 :], counts[name], times, step)
            made += _box(name, inside[:head] + number + rows)
        elif name != _EDITS:
            made += _box(name, inside)
    return made


def _rows(rows: bytes, count: int, times: int, step: int) -> bytes:
    """Returns a table's rows again and again, their first numbers higher by `step` each time."""
    if not step or not count:
        return rows * times
    numbers = struct.unpack(f">{len(rows) // 4}I", rows)
    width, made = len(numbers) // count, b""
    for again in range(times):
        shifted = list(numbers)
        shifted[::width] = [number + again * step for number in numbers[::width]]
        made += struct.pack(f">{len(shifted)}I", *shifted)
    return made
