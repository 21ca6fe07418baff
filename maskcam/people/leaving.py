"""Distinguishes the back of a person who walks away from a face that comes."""

from __future__ import annotations

from typing import Final

from maskcam.people.place import face_size
from maskcam.records import Detection

_SHRUNK_TO: Final = 0.75  # of the size at first sight
_SURE_SHARE: Final = 2 / 3


class Leaving:
    """Sums up whether a track went away from the camera without showing a face.

    A detector takes the back of a head for a bare face now and then, and a tracker makes a
    person of it. Such a track shrinks, and many looks at it are unsure. A face that is seen
    well counts, whichever way it goes.
    """

    __slots__ = ("_first_px", "_last_px", "_looks", "_sure")

    def __init__(self) -> None:
        self._first_px = self._last_px = 0.0
        self._looks = self._sure = 0

    def add(self, detection: Detection, *, high_score: float) -> None:
        """Notes one look; from `high_score` on it is sure."""
        self._last_px = face_size(detection.box)
        self._first_px = self._first_px or self._last_px
        self._looks += 1
        self._sure += detection.score >= high_score

    def merge(self, before: Leaving) -> None:
        """Puts the looks of an earlier track of the same person before these."""
        self._first_px = before._first_px or self._first_px
        self._last_px = self._last_px or before._last_px
        self._looks += before._looks
        self._sure += before._sure

    def from_behind(self) -> bool:
        """Returns whether this was the back of somebody."""
        return (
            self._last_px < _SHRUNK_TO * self._first_px and self._sure < _SURE_SHARE * self._looks
        )
