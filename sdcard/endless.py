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
# Where tables have the number of their rows, which follow it; stsz has a size of all frames before.
_COUNT_AT: Final = {b"stts": 4, b"ctts": 4, b"stco": 4, b"stss": 4, b"stsc": 4, b"stsz": 8}
_NUMBERED: Final = {b"stss": b"stsz", b"stsc": b"stco"}  # these number frames, and chunks


def repeat(film: bytes, times: int) -> bytes:
    """Returns an MP4 film that shows its frames `times` times; each costs 4 bytes per frame.

    Raises:
        ValueError: it has several tracks, or its index is not behind the frames in 32 bits, as
            FFmpeg writes it.
    """
    boxes = list(_boxes(film))
    name, index = boxes[-1]
    counts = dict(_counts(index))
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


def _counts(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yields the tables of an index, and how many rows each has."""
    for name, inside in _boxes(data):
        if name in _FOLDERS:
            yield from _counts(inside)
        elif at := _COUNT_AT.get(name):
            yield name, struct.unpack_from(">I", inside, at)[0]


def _repeated(data: bytes, times: int, counts: dict[bytes, int]) -> bytes:
    made = b""
    for name, inside in _boxes(data):
        if name in _FOLDERS:
            made += _box(name, _repeated(inside, times, counts))
        elif at := _LENGTH_AT.get(name):
            (length,) = struct.unpack_from(">I", inside, at)
            made += _box(name, inside[:at] + struct.pack(">I", length * times) + inside[at + 4 :])
        elif at := _COUNT_AT.get(name):
            number = struct.pack(">I", counts[name] * times)
            step = counts[_NUMBERED[name]] if name in _NUMBERED else 0
            rows = _rows(inside[at + 4 :], counts[name], times, step)
            made += _box(name, inside[:at] + number + rows)
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
