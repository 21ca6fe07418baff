"""Reads a .tflite file and makes sure that it is one, and a whole one.

tflite-runtime 2.14 does not verify a model: it ends with a segmentation fault on a
file that was cut. So the structure is walked here before a runtime sees it.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

from maskcam.errors import ModelError

_IDENTIFIER = b"TFL3"

# The part of the TFLite schema, version 3, that is walked: field number to its
# kind; a dict is a table, a list of one a vector of them, a number a vector of
# scalars of so many bytes.
_QUANTIZATION = {0: 4, 1: 4, 2: 4, 3: 8}
_TENSOR = {0: 4, 3: 1, 4: _QUANTIZATION}
_OPERATOR = {1: 4, 2: 4, 4: {}, 5: 1}
_SUBGRAPH = {0: [_TENSOR], 1: 4, 2: 4, 3: [_OPERATOR], 4: 1}
_MODEL = {1: [{1: 1}], 2: [_SUBGRAPH], 3: 1, 4: [{0: 1}]}


def read_model(path: Path, *, sha256: str | None = None) -> bytes:
    """Returns the bytes of the model file.

    Args:
        path: the .tflite file.
        sha256: the checksum that the file must have, in hexadecimal; None: any.

    Raises:
        ModelError: the file is missing, unreadable, empty, no TFLite model, cut
            short, or not the one that the checksum belongs to.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: no name of a file
        why = getattr(error, "strerror", None) or error
        raise ModelError(f"{path}: cannot read the model ({why})") from error
    if not data:
        raise ModelError(f"{path}: the model file is empty (0 bytes); copy it again")
    if data[4:8] != _IDENTIFIER:
        raise ModelError(f"{path}: is not a TFLite model; give a .tflite file")
    if sha256 is not None and (found := hashlib.sha256(data).hexdigest()) != sha256.lower():
        raise ModelError(
            f"{path}: checksum does not match (SHA-256 {found[:12]}..., expected "
            f"{sha256[:12].lower()}...); copy the model again"
        )
    try:
        _walk_table(data, struct.unpack_from("<I", data)[0], _MODEL)
    except (struct.error, ValueError) as error:
        raise ModelError(
            f"{path}: the model file is cut short or damaged; copy it again"
        ) from error
    return data


def _walk_table(data: bytes, at: int, fields: dict[int, Any]) -> None:
    """Follows every offset of a table; raises ValueError or struct.error on one outside."""
    table = at - _unpack("<i", data, at)
    size, _ = _unpack("<H", data, table), _unpack("<H", data, table + 2)
    for slot, kind in fields.items():
        entry = 4 + 2 * slot
        where = _unpack("<H", data, table + entry) if entry < size else 0
        if where:
            target = at + where + _unpack("<I", data, at + where)
            if isinstance(kind, dict):
                _walk_table(data, target, kind)
            else:
                _walk_vector(data, target, kind)


def _walk_vector(data: bytes, at: int, kind: list[dict[int, Any]] | int) -> None:
    count = _unpack("<I", data, at)
    if at + 4 + count * (kind if isinstance(kind, int) else 4) > len(data):
        raise ValueError("a vector reaches past the end")
    if isinstance(kind, list):
        for entry in range(at + 4, at + 4 + 4 * count, 4):
            _walk_table(data, entry + _unpack("<I", data, entry), kind[0])


def _unpack(form: str, data: bytes, at: int) -> int:
    if at < 0:
        raise ValueError("an offset points before the beginning")
    number: int = struct.unpack_from(form, data, at)[0]
    return number
