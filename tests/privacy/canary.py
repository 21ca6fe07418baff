"""A film of a street whose every picture carries a pattern, and the search for what is left."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskcam.camera.video import VideoCamera
from maskcam.street import Scene, SceneConfig

# Close to the camera, so that faces are large enough for the detector at this size.
STREET = SceneConfig(
    seed=3, duration_s=16, people_per_minute=40, with_mask=0.5, objectors=0, away=0, grouped=0,
    fps=12, size=(640, 360), height_m=2.6, view_deg=40,
)  # fmt: skip
DETECTOR_SIZE = (448, 320)
_WORD = 8
_FEWEST_VALUES = 5  # in a word that cannot come about by itself, as zeros do
_PICTURE_FILES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"WEBPVP8", b"II*\0", b"MM\0*", b"ftyp")


def make_film(path: Path) -> Path:
    """Renders the street, with the pattern on a wall and on the chest of each person."""
    rng = np.random.default_rng(2026)
    pattern = np.kron(rng.integers(0, 256, (60, 60, 3), np.uint8), np.ones((2, 2, 1), np.uint8))
    scene = Scene(STREET)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), STREET.fps, STREET.size)
    for number in range(round(STREET.duration_s * STREET.fps)):
        at_s = number / STREET.fps
        picture = cv2.cvtColor(scene.render(at_s), cv2.COLOR_RGB2BGR)
        picture[20:140, 20:140] = pattern
        for face in scene.faces(at_s):
            x, y, side = int(face.box.x0), int(face.box.y1 + face.box.height), int(face.box.width)
            chest = picture[y : y + side, max(x, 0) : x + side]
            chest[:] = pattern[: chest.shape[0], : chest.shape[1]]
        writer.write(picture)
    writer.release()
    return path


def pictures(film: Path) -> Iterator[NDArray[np.uint8]]:
    """Gives every picture in all forms in which a unit holds it, each as (rows, bytes)."""
    capture = cv2.VideoCapture(str(film))
    with VideoCamera(str(film), rgb_size=DETECTOR_SIZE) as camera:
        while frame := camera.read(timeout_s=5):
            found, bgr = capture.read()
            assert found
            yield frame.luma.copy()  # valid until the next frame only
            yield frame.rgb.copy().reshape(frame.rgb.shape[0], -1)
            yield bgr.astype(np.uint8).reshape(bgr.shape[0], -1)
            yield cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    capture.release()


class Search:
    """Finds parts of the pictures of a film.

    A run of 15 bytes or more of any row holds an aligned word of 8; such a word
    with at least 5 different bytes does not come about by chance.
    """

    def __init__(self, film: Path) -> None:
        self._words = np.sort(np.concatenate([_aligned_words(p) for p in pictures(film)]))

    def left_in(self, recorded: bytes) -> list[str]:
        """Returns what in `recorded` is part of a picture, in plain or packed."""
        found = []
        for packing, plain in _unpacked(recorded):
            found += [f"{packing}: a picture file" for sign in _PICTURE_FILES if sign in plain]
            for shift in (0, 0x80):  # a quantised model may be given bytes with a sign
                words = _all_words(plain, shift)
                places = np.searchsorted(self._words, words)
                hits = words[self._words.take(places, mode="clip") == words]
                found += [f"{packing}: {hit.tobytes().hex()}" for hit in hits if _is_telling(hit)]
        return found


def _unpacked(recorded: bytes) -> Iterator[tuple[str, bytes]]:
    yield "plain", recorded
    packed = {"hexadecimal": b"", "base64": b"", "deflated": b""}
    for run in re.findall(rb"(?:[0-9a-fA-F]{2}){15,}", recorded):
        packed["hexadecimal"] += binascii.unhexlify(run) + b"\0"
    for run in re.findall(rb"[A-Za-z0-9+/_-]{20,}", recorded):
        run = run.replace(b"-", b"+").replace(b"_", b"/")
        packed["base64"] += base64.b64decode(run[: len(run) // 4 * 4]) + b"\0"
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", recorded):
        with suppress(zlib.error):
            packed["deflated"] += zlib.decompressobj(47).decompress(recorded[start.start() :])
    yield from ((packing, plain) for packing, plain in packed.items() if len(plain) >= _WORD)


def _all_words(data: bytes, shift: int) -> NDArray[np.uint64]:
    values = np.frombuffer(data, np.uint8) ^ np.uint8(shift)
    windows = np.lib.stride_tricks.sliding_window_view(values, _WORD)
    return np.unique(np.ascontiguousarray(windows).view(np.uint64))


def _aligned_words(picture: NDArray[np.uint8]) -> NDArray[np.uint64]:
    width = picture.shape[1] // _WORD * _WORD
    return np.ascontiguousarray(picture[:, :width]).view(np.uint64).ravel()


def _is_telling(word: np.uint64) -> bool:
    return len(set(word.tobytes())) >= _FEWEST_VALUES
