"""Follows faces from detection to detection by motion alone: no appearance, no identity.

Detections with a high score choose among all tracks first, those with a low score
may then keep a track alive (Zhang et al., "ByteTrack", ECCV 2022). The pairs
are those of least total cost. A track needs sights and time before it is believed.

What is left of a low score begins a faint track. It is nobody to be counted until its
first high score, but its head is watched: who may be counted later may object now.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from maskcam.people.place import Place
from maskcam.people.walk import Walk, match_cost
from maskcam.records import Box, Detection

_GATE: Final = 16.3  # squared distance that 1 in 1000 true pairs exceeds (chi2, 3 degrees)
_OVERLAP_WEIGHT: Final = 4.0  # cost of two boxes that do not overlap at all
_FORBIDDEN: Final = 1e6
_MARGIN: Final = 6.0  # the other pairing is e^-3 as likely: it may have been that one
SAME_FACE_OVERLAP: Final = 0.2  # of two boxes: they are on one face
_MISSED_S: Final = 1.4  # 1 s of missed detections and one interval of a slow detector
_FAINT_S: Final = 0.5  # for a track that is perhaps nobody
_PATIENCE_S: Final = 3.0  # for a track that must not be lost
_STALLED_S: Final = 3.0  # nothing from the detector for so long ends every track
_CONFIRM_SIGHTS: Final = 3
_CONFIRM_S: Final = 0.5
_CONFIRM_SHARE: Final = 0.4  # of all chances to be seen: in a crowd others walk before a face
_FAINT_SHARE: Final = 0.6  # of those of a faint track, to be watched
_SPARE_FACES: Final = 0.1  # so much of a face may lie outside of the frame
_LEAVES_S: Final = 0.5  # who would be over the border so soon has left


class EndedTrack(NamedTuple):
    """A track that is over.

    track: its number, never used again in this process.
    place: its last sight.
    confirmed: whether it was a person, as far as can be judged.
    left: whether it left the frame, rather than was lost within it.
    """

    track: int
    place: Place
    confirmed: bool
    left: bool


class Step(NamedTuple):
    """What one set of detections meant.

    seen: the detection of each track that has one.
    born: tracks that began with it, or were faint until now.
    faint: faint tracks that began with it.
    mixed: pairs of tracks that may have swapped persons.
    ended: tracks that are over.
    """

    seen: dict[int, Detection]
    born: list[int]
    faint: list[int]
    mixed: list[tuple[int, int]]
    ended: list[EndedTrack]


@dataclass(slots=True, eq=False)
class _Track:
    number: int
    walk: Walk
    born_at_s: float
    faint: bool
    patience_s: float
    sights: int = 1
    chances: int = 1  # sets of detections since it began
    confirmed: bool = False
    missed: bool = False  # by the detector when it last looked
    was_faint: bool = False

    @property
    def steady(self) -> bool:
        """Whether it was seen often enough: a false alarm flickers."""
        share = _FAINT_SHARE if self.faint else _CONFIRM_SHARE
        return self.sights >= _CONFIRM_SIGHTS and self.sights >= share * self.chances

    @property
    def watched(self) -> bool:
        """Whether a head shake is looked for."""
        return self.steady if self.faint else self.was_faint or self.sights > 1

    def see(self, detection: Detection, at_s: float) -> None:
        self.sights += 1
        self.missed = False
        self.walk.correct(detection.box)
        if not self.faint and self.steady and at_s - self.born_at_s >= _CONFIRM_S:
            self.confirmed = True

    def appear(self, at_s: float) -> None:
        """Is faint no longer: counts as if it began now."""
        self.faint, self.was_faint = False, True
        self.born_at_s, self.sights, self.chances = at_s, 0, 1
        self.patience_s = max(self.patience_s, _MISSED_S)


_Sight = tuple[_Track, Detection]


class Tracker:
    """Links detections to tracks.

    Args:
        frame_size: width and height of the luma frame in px; who leaves it has passed.
        high_score: from here on a detection may begin a track; below, it can only
            continue one, or begin a faint one.
    """

    def __init__(self, *, frame_size: tuple[int, int], high_score: float) -> None:
        self._frame_size = frame_size
        self._high_score = high_score
        self._tracks: dict[int, _Track] = {}
        self._next = 1
        self._at_s = -math.inf

    def update(self, detections: Sequence[Detection], at_s: float) -> Step:
        """Updates the tracks with the detections in the frame captured at `at_s`.

        They may come late: `predict` may have been asked for later times already.
        A time before that of the last update counts as the same.
        """
        self._at_s = at_s = max(at_s, self._at_s)
        ended = self.expire(at_s)  # before they are advanced: a pause may be of any length
        tracks = list(self._tracks.values())
        for track in tracks:
            track.walk.advance(at_s)
            track.chances += 1
            track.missed = True
        sights, mixed, left = self._see_known([t for t in tracks if not t.faint], detections)
        faintly, more_mixed = _paired([track for track in tracks if track.faint], left)
        born = self._see(sights + faintly, at_s)
        fresh: list[_Sight] = []
        for one in left:
            if not _is_on_face(one, faintly + fresh):
                fresh.append((self._begin(one, at_s), one))
        return Step(
            {track.number: detection for track, detection in sights + faintly + fresh},
            born + [track.number for track, _ in fresh if not track.faint],
            [track.number for track, _ in fresh if track.faint],
            mixed + more_mixed,
            ended + self._end([t for t in tracks if at_s - t.walk.seen_at_s > t.patience_s]),
        )

    def _see_known(
        self, tracks: list[_Track], detections: Sequence[Detection]
    ) -> tuple[list[_Sight], list[tuple[int, int]], list[Detection]]:
        """Pairs the tracks that are no longer faint: high scores first, then low, then jumps.

        Returns:
            The pairs, the pairs of tracks that may have swapped persons, and the detections
            that are left and lie on no face of a pair.
        """
        high = [one for one in detections if one.score >= self._high_score]
        low = [one for one in detections if one.score < self._high_score]
        sights: list[_Sight] = []
        mixed: list[tuple[int, int]] = []
        for some in (high, low):
            unseen = [track for track in tracks if all(track is not seen for seen, _ in sights)]
            pairs, more_mixed = _paired(unseen, some)
            sights += pairs
            mixed += more_mixed
        unseen = [track for track in tracks if all(track is not seen for seen, _ in sights)]
        sights += _jumped(unseen, [one for one in high + low if _is_left(one, sights)])
        return sights, mixed, [one for one in high + low if not _is_on_face(one, sights)]

    def _see(self, sights: Sequence[_Sight], at_s: float) -> list[int]:
        """Updates each track with its detection; returns those that are no longer faint."""
        born = []
        for track, detection in sights:
            if track.faint and detection.score >= self._high_score:
                track.appear(at_s)
                born.append(track.number)
            track.see(detection, at_s)
        return born

    def expire(self, at_s: float) -> list[EndedTrack]:
        """Ends the tracks that the detector, slow or stalled, has said nothing of for too long."""
        tracks = self._tracks.values()
        return self._end([t for t in tracks if at_s - t.walk.seen_at_s > _STALLED_S])

    def finish(self) -> list[EndedTrack]:
        """Ends all tracks, as when the unit stops."""
        return self._end(list(self._tracks.values()))

    def keep(self, track: int) -> None:
        """Waits longer for a track when it is not seen, for its objection must not be lost."""
        if track in self._tracks:
            self._tracks[track].patience_s = _PATIENCE_S

    def follow(self, track: int, centre: tuple[float, float], at_s: float) -> None:
        """Updates a missed track with the place of its head at `at_s`, in px: it is no sight."""
        if track in self._tracks:
            self._tracks[track].walk.advance(at_s)
            self._tracks[track].walk.follow(centre)

    def missed(self) -> set[int]:
        """Returns the tracks whose faces the detector did not see when it last looked."""
        return {track.number for track in self._tracks.values() if track.missed}

    def predict(self, at_s: float) -> dict[int, Box]:
        """Returns where each face is expected at `at_s`, of all tracks seen more than once.

        Faint tracks are among them if they are seen nearly always. A face that is leaving
        the frame is not: what is left of it, and the street that its expected place
        slides over, would be taken for motion of the head.
        """
        boxes = {t.number: t.walk.box_at(at_s) for t in self._tracks.values() if t.watched}
        return {number: box for number, box in boxes.items() if self._is_within(box)}

    def expect(self, track: int, at_s: float) -> Box:
        """Returns where the face of one track is expected at `at_s`, in the frame or not.

        Raises:
            KeyError: the track is over.
        """
        return self._tracks[track].walk.box_at(at_s)

    def places(self) -> dict[int, Place]:
        """Returns the last sight of every track."""
        return {track.number: track.walk.place() for track in self._tracks.values()}

    def confirmed(self) -> set[int]:
        """Returns the tracks that are believed to be persons."""
        return {track.number for track in self._tracks.values() if track.confirmed}

    def _begin(self, detection: Detection, at_s: float) -> _Track:
        faint = detection.score < self._high_score
        patience_s = _FAINT_S if faint else _MISSED_S
        track = _Track(self._next, Walk(detection.box, at_s), at_s, faint, patience_s)
        self._tracks[track.number] = track
        self._next += 1
        return track

    def _end(self, over: Sequence[_Track]) -> list[EndedTrack]:
        for track in over:
            del self._tracks[track.number]
        return [
            EndedTrack(track.number, track.walk.place(), track.confirmed, self._left(track.walk))
            for track in over
        ]

    def _is_within(self, box: Box) -> bool:
        spare = _SPARE_FACES * box.height
        width, height = self._frame_size
        return (
            box.x0 >= -spare
            and box.y0 >= -spare
            and box.x1 <= width + spare
            and box.y1 <= height + spare
        )

    def _left(self, walk: Walk) -> bool:
        x, y = walk.box_at(walk.seen_at_s + _LEAVES_S).centre
        return not (0 <= x < self._frame_size[0] and 0 <= y < self._frame_size[1])


def _is_left(detection: Detection, sights: Sequence[_Sight]) -> bool:
    """Returns whether no track has this detection."""
    return all(detection is not seen for _, seen in sights)


def _is_on_face(detection: Detection, sights: Sequence[_Sight]) -> bool:
    """Returns whether a detection lies on a face that a track has, as if it were another."""
    return any(
        detection is seen or detection.box.overlap(seen.box) >= SAME_FACE_OVERLAP
        for _, seen in sights
    )


def _jumped(tracks: list[_Track], detections: list[Detection]) -> list[_Sight]:
    """Returns who is left with a box on the face, though no walk explains it.

    A detector boxes a face in a scarf now with it, now without.
    """
    pairs = sorted(
        (
            (track.walk.box().overlap(detection.box), track, detection)
            for track in tracks
            for detection in detections
        ),
        key=lambda pair: -pair[0],
    )
    found: list[_Sight] = []
    for share, track, detection in pairs:
        if share >= SAME_FACE_OVERLAP and all(
            track is not other and detection is not seen for other, seen in found
        ):
            found.append((track, detection))
    return found


def _paired(
    tracks: list[_Track], detections: list[Detection]
) -> tuple[list[_Sight], list[tuple[int, int]]]:
    """Pairs tracks with detections at least total cost.

    Returns:
        The pairs, and the pairs of track numbers that may as well have been the other
        way round.
    """
    if not tracks or not detections:
        return [], []
    boxes = [detection.box for detection in detections]
    fit = match_cost([track.walk for track in tracks], boxes)
    expected = [track.walk.box() for track in tracks]
    apart = np.array([[1 - box.iou(other) for other in boxes] for box in expected])
    cost = np.where(fit.distance2 < _GATE, fit.cost + _OVERLAP_WEIGHT * apart, _FORBIDDEN)
    rows, columns = linear_sum_assignment(cost)
    pairs = [
        (int(row), int(column))
        for row, column in zip(rows, columns, strict=True)
        if cost[row, column] < _FORBIDDEN
    ]
    sights = [(tracks[row], detections[column]) for row, column in pairs]
    return sights, _mixed(tracks, cost, dict(pairs))


def _mixed(
    tracks: list[_Track], cost: NDArray[np.float64], taken: dict[int, int]
) -> list[tuple[int, int]]:
    """Returns the pairs of tracks of which one may have taken the other's detection."""
    mixed = []
    for row, column in taken.items():
        for other in range(len(tracks)):
            if other == row or cost[other, column] >= _FORBIDDEN:
                continue
            more = cost[other, column] - cost[row, column]
            if other in taken:
                more += cost[row, taken[other]] - cost[other, taken[other]]
            if more < _MARGIN:
                mixed.append((tracks[row].number, tracks[other].number))
    return mixed
