"""Remembers who objected, for as long as the person is in view and not a moment longer.

An objection outlives a broken track: a track that begins near the place where an
objecting one was lost, within a few seconds, inherits it. Only place and time decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from maskcam.people.place import Place
from maskcam.records import Box

SHAKE_S: Final = 1.0  # a head shake takes about as long, and is recognised at its end
_MEMORY_S: Final = 3.0
_NEAR_FACES: Final = 0.6  # two faces side by side at one distance are 1 face apart at least
_NEAR_FACES_PER_S: Final = 1.0
_SIZE_CHANGE: Final = 1.5
_SIZE_CHANGE_PER_S: Final = 0.3
_MOST_REMEMBERED: Final = 64
_GAP_S: Final = 0.5  # unseen for longer, a track may come back on another person
_STILL_HELD_S: Final = 2.0  # a hand may stay up for so long after it was recognised


class Objections:
    """The tracks that objected, and the places where some were lost."""

    def __init__(self) -> None:
        self._tracks: set[int] = set()
        self._lost: list[Place] = []
        self._births: dict[int, tuple[Box, float]] = {}
        self._mixed: dict[tuple[int, int], float] = {}  # tracks that may have swapped; when

    def __contains__(self, track: int) -> bool:
        """Whether the track objected or inherited an objection."""
        return track in self._tracks

    def __iter__(self) -> Iterator[int]:
        """Yields the tracks that object and are not over."""
        return iter(self._tracks)

    def add(self, track: int, places: Mapping[int, Place]) -> set[int]:
        """Notes an objection.

        A track that began where the objecting one had been lost, or that may have swapped
        persons with it, before the shake was recognised, objects with it.

        Args:
            track: the objecting track.
            places: the last sight of every live track.

        Returns:
            All tracks that object by it.
        """
        objecting = {track}
        if track in places:
            objecting |= {
                other
                for other, (box, at_s) in self._births.items()
                if other != track and other in places and _near(places[track], box, at_s)
            }
            objecting |= {
                other
                for pair, at_s in self._mixed.items()
                if track in pair and places[track].seen_at_s - at_s <= SHAKE_S
                for other in pair
            }
        self._tracks |= objecting
        return objecting

    def spread(self, one: int, other: int, at_s: float) -> bool:
        """Lets both of two tracks object that may have swapped persons; says whether one did."""
        self._mixed[one, other] = at_s
        if one not in self._tracks and other not in self._tracks:
            return False
        self._tracks |= {one, other}
        return True

    def begin(self, track: int, box: Box, at_s: float, places: Mapping[int, Place]) -> bool:
        """Notes a new track; returns whether it inherits an objection.

        Args:
            track: the new track.
            box: its first sight.
            at_s: its time.
            places: the last sight of every live track.
        """
        self._forget(at_s)
        self._births[track] = (box, at_s)
        lost = self._lost + [places[other] for other in self._tracks if other in places]
        if any(_near(place, box, at_s) for place in lost):
            self._tracks.add(track)
            return True
        return False

    def resume(self, track: int, before: Place, at_s: float) -> None:
        """Notes that an objecting track is seen again after a gap: perhaps on someone else.

        The place `before` the gap is kept as if the track had been lost there.
        """
        if track in self._tracks and at_s - before.seen_at_s > _GAP_S:
            self._keep(before)

    def stay(self, track: int, place: Place, at_s: float) -> None:
        """Notes that who objects unseen was still at a place at `at_s`, and may stay there."""
        if track in self._tracks and at_s - place.seen_at_s > _GAP_S:
            for more_s in (0.0, _STILL_HELD_S):
                self._keep(place._replace(seen_at_s=at_s + more_s))

    def end(self, track: int, place: Place) -> None:
        """Notes that a track is over; the place of an objecting one is kept for a moment."""
        self._births.pop(track, None)
        self._mixed = {pair: at_s for pair, at_s in self._mixed.items() if track not in pair}
        if track in self._tracks:
            self._tracks.remove(track)
            self._keep(place)

    def _keep(self, place: Place) -> None:
        self._lost = [*self._lost, place][-_MOST_REMEMBERED:]

    def _forget(self, at_s: float) -> None:
        self._lost = [place for place in self._lost if at_s - place.seen_at_s <= _MEMORY_S]


def _near(place: Place, box: Box, at_s: float) -> bool:
    gap_s = at_s - place.seen_at_s
    return (
        0 <= gap_s <= _MEMORY_S
        and place.faces_away(box, at_s) <= _NEAR_FACES + _NEAR_FACES_PER_S * gap_s
        and place.size_change(box) <= _SIZE_CHANGE + _SIZE_CHANGE_PER_S * gap_s
    )
