"""Makes video files with faults and varying frame rates, by editing the boxes of an MP4.

OpenCV writes constant rates and whole files only, with the index ("moov") behind
the pictures ("mdat"). The boxes are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


def write_mp4(path: Path, *, frames: int = 45, fps: float = 15, size: tuple[int, int] = (320, 180)):
    """Writes frames whose mean grey is their number: 5 times it, modulo 250."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 5 * number % 250, np.uint8))
    writer.release()
    return path


def with_index_first(data: bytes) -> bytes:
    """Moves the index to the front, as files for streaming have it."""
    boxes = dict(_boxes(data))
    shift = len(boxes[b"moov"]) + 8
    moved = _edited(boxes[b"moov"], {b"stco": lambda body: _shifted(body, shift)})
    order = [(b"ftyp", boxes[b"ftyp"]), (b"moov", moved)]
    order += [box for box in _boxes(data) if box[0] not in (b"ftyp", b"moov")]
    return b"".join(_box(kind, body) for kind, body in order)


def with_frame_times(data: bytes, intervals_s: Sequence[float]) -> bytes:
    """Gives each frame its own duration in s (the last one's included)."""
    boxes = _boxes(data)
    assert [kind for kind, _ in boxes][-1] == b"moov", "or the pictures would move"
    moov = dict(boxes)[b"moov"]
    timescale = struct.unpack_from(">I", find_box(moov, b"mdhd"), 12)[0]
    ticks = [round(interval * timescale) for interval in intervals_s]
    table = b"".join(struct.pack(">II", 1, tick) for tick in ticks)
    stts = bytes(4) + struct.pack(">I", len(ticks)) + table
    total = sum(ticks)
    movie_scale = struct.unpack_from(">I", find_box(moov, b"mvhd"), 12)[0]
    length = round(total / timescale * movie_scale)
    edits: dict[bytes, Callable[[bytes], bytes]] = {
        b"stts": lambda body: stts,
        b"mdhd": lambda body: _patched(body, 16, total),
        b"mvhd": lambda body: _patched(body, 16, length),
        b"tkhd": lambda body: _patched(body, 20, length),
        b"edts": lambda body: b"",
    }
    boxes[-1] = (b"moov", _edited(moov, edits))
    return b"".join(_box(kind, body) for kind, body in boxes)


def frames_of(data: bytes) -> list[bytes]:
    """Returns the coded frames of a file that has one track, in order."""
    sizes = find_box(data, b"stsz")
    count = struct.unpack_from(">I", sizes, 8)[0]
    pictures = dict(_boxes(data))[b"mdat"]
    frames, at = [], 0
    for length in struct.unpack_from(f">{count}I", sizes, 12):
        frames.append(pictures[at : at + length])
        at += length
    return frames


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + length]))
        at += length
    return found


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _edited(body: bytes, edits: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
    parts = []
    for kind, inner in _boxes(body):
        if kind in edits:
            inner = edits[kind](inner)
        elif kind in _CONTAINERS:
            inner = _edited(inner, edits)
        parts.append(_box(kind, inner))
    return b"".join(parts)


def find_box(body: bytes, wanted: bytes) -> bytes:
    """Returns what is in the first box of a kind, however deep; empty if there is none."""
    for kind, inner in _boxes(body):
        if kind == wanted:
            return inner
        if kind in _CONTAINERS and (found := find_box(inner, wanted)):
            return found
    return b""


def _patched(body: bytes, at: int, number: int) -> bytes:
    return body[:at] + struct.pack(">I", number) + body[at + 4 :]


def _shifted(body: bytes, shift: int) -> bytes:
    count = struct.unpack_from(">I", body, 4)[0]
    offsets = struct.unpack_from(f">{count}I", body, 8)
    return body[:8] + struct.pack(f">{count}I", *(offset + shift for offset in offsets))
