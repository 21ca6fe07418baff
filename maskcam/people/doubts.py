"""Sums up what speaks against a track being a person who passes and is counted only once."""

from __future__ import annotations

from typing import Final

from maskcam.people.place import face_size
from maskcam.records import Box, Detection

_SHRUNK_TO: Final = 0.75  # of the size at first sight
_SURE_SHARE: Final = 2 / 3  # of the looks at a face that goes away
_SHRUNK_FAR_TO: Final = 0.5
_FAR_SCORE: Final = 0.85  # the mean of one that goes far: backs have below 0.75, faces over 0.9
_LEAST_SURE_SHARE: Final = 0.3  # people have 0.4 and more, things on walls often less than 0.2
_DOUBLE_SHARE: Final = 0.5  # second tracks have two thirds and more, people at most 0.3
_STILL_FACES: Final = 0.5  # within so many sizes of a face
_STILL_S: Final = 30.0


class Doubts:
    """Remembers of a track how sure and how large it was, where, and whether alone on its face.

    Four kinds of tracks are in no figure. The back of a head, which a detector takes for a bare
    face now and then, shrinks, and many looks at it are unsure, or all of them a little; a face
    that is seen well counts, whichever way it goes. A thing that looks like a face is hardly
    ever sure. A face on a poster never moves. A mask or hair that is found beside its own face
    lies on the face of somebody who was there before.
    """

    __slots__ = (
        "_doubled",
        "_first_px",
        "_first_s",
        "_last_px",
        "_last_s",
        "_looks",
        "_range",
        "_scores",
        "_sure",
    )

    def __init__(self) -> None:
        self._first_px = self._last_px = self._first_s = self._last_s = 0.0
        self._scores = 0.0
        self._looks = self._sure = self._doubled = 0
        self._range: Box | None = None  # holds the middle of the face at every look

    def add(
        self, detection: Detection, at_s: float, *, high_score: float, doubled: bool = False
    ) -> None:
        """Notes one look at a time.

        Args:
            detection: what was seen; from `high_score` on the look is sure.
            at_s: when; not before the last look.
            high_score: score from which on a detection may be a new person.
            doubled: whether it lies on the face of a person who was there before.
        """
        x, y = detection.box.centre
        self._last_px, self._last_s = face_size(detection.box), at_s
        if self._range is None:
            self._first_px, self._first_s, self._range = self._last_px, at_s, Box(x, y, x, y)
        self._range = self._range.union(Box(x, y, x, y))
        self._looks += 1
        self._scores += detection.score
        self._sure += detection.score >= high_score
        self._doubled += doubled

    def merge(self, before: Doubts) -> None:
        """Puts the looks of an earlier track of the same person before these."""
        if before._range is None:
            return
        if self._range is None:
            self._last_px, self._last_s = before._last_px, before._last_s
            self._range = before._range
        self._first_px, self._first_s = before._first_px, before._first_s
        self._range = self._range.union(before._range)
        self._looks += before._looks
        self._scores += before._scores
        self._sure += before._sure
        self._doubled += before._doubled

    def is_nobody(self) -> bool:
        """Returns whether this was a back, a thing, a poster, or somebody's second track."""
        return (
            self._sure < _LEAST_SURE_SHARE * self._looks
            or self._doubled > _DOUBLE_SHARE * self._looks
            or self._went_away()
            or self._stood_still()
        )

    def _went_away(self) -> bool:
        if self._last_px < _SHRUNK_FAR_TO * self._first_px:
            return self._scores < _FAR_SCORE * self._looks
        return (
            self._last_px < _SHRUNK_TO * self._first_px and self._sure < _SURE_SHARE * self._looks
        )

    def _stood_still(self) -> bool:
        if self._range is None or self._last_s - self._first_s < _STILL_S:
            return False
        return max(self._range.width, self._range.height) < _STILL_FACES * self._last_px
