"""Everyone in view: from detections and head shakes to finished passages.

Nothing is counted before the person has left, so an objection needs no rewind: a person who
objected is in no figure. What is known of a person is deleted with the track. Nobody is
counted who had no time to object, or may have objected before anybody watched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from maskcam.people.doubts import Doubts
from maskcam.people.objections import SHAKE_S, Objections
from maskcam.people.place import Place
from maskcam.people.tracker import SAME_FACE_OVERLAP, EndedTrack, Tracker
from maskcam.people.votes import MaskVote
from maskcam.records import Box, Detection, Passage

_LINK_S: Final = 3.0  # since the last sight; a track itself survives about half of it
_LINK_FACES: Final = 0.5
_LINK_FACES_PER_S: Final = 0.7
_LINK_SIZE_CHANGE: Final = 1.6
_LEAST_FACE_PX: Final = 9.0  # longer side: in a smaller face neither mask nor shake can be seen


@dataclass(slots=True, eq=False)
class _Person:
    """What is known of a person while in view: how the mask is worn, and if a face was seen."""

    first_seen_s: float
    last_seen_s: float
    vote: MaskVote = field(default_factory=MaskVote)
    doubts: Doubts = field(default_factory=Doubts)
    believed: bool = False  # an earlier part of the same passage was confirmed
    omitted: bool = False  # is in no figure
    blind_s: float = 0.0
    face_px: float = 0.0  # the longer side, at its largest

    def omit(self) -> None:
        self.omitted = True
        self.vote.clear()


class _Lost(NamedTuple):
    place: Place
    person: _Person
    left: bool  # the frame: may still object, but no new track is taken for this person


class Crowd:
    """Follows everyone in view and returns a passage for each who has left without objecting.

    Args:
        frame_size: width and height of the luma frame in px.
        high_score: detections from this score on may be a new person.
        least_view_s: whoever was in view for less is not counted.
        recording: of the past: whoever is in view at its beginning is counted, too.
    """

    def __init__(
        self,
        *,
        frame_size: tuple[int, int],
        high_score: float,
        least_view_s: float = SHAKE_S,
        recording: bool = False,
    ) -> None:
        self._tracker = Tracker(frame_size=frame_size, high_score=high_score)
        self._high_score, self._least_view_s = high_score, least_view_s
        self._objections = Objections()
        self._people: dict[int, _Person] = {}
        self._lost: list[_Lost] = []  # confirmed, may come back or object
        self._claims: dict[int, int] = {}  # new track: the unseen track that it may continue
        self._passages: list[Passage] = []
        self._at_s: float | None = None
        # Since when, without a gap, head shakes could be seen; and until when.
        self._watched_s = (-math.inf, math.inf) if recording else (math.inf, -math.inf)

    @property
    def in_view(self) -> int:
        """Number of people in view now."""
        return len(self._tracker.confirmed())

    def update(self, detections: Sequence[Detection], at_s: float) -> None:
        """Updates the tracks with the detections in the frame captured at `at_s`, also late."""
        before = self._tracker.places()
        step = self._tracker.update(detections, at_s)
        for track in step.seen.keys() & before.keys():
            self._objections.resume(track, before[track], at_s)
        for track in step.faint:
            self._inherit(track, step.seen[track].box, at_s)
        for track in step.born:
            self._begin(track, step.seen[track].box, at_s)
        for one, other in step.mixed:
            if self._objections.spread(one, other, at_s):
                self._object(one)
                self._object(other)
        self._claims = {new: old for new, old in self._claims.items() if old not in step.seen}
        self._note(step.seen, at_s)
        self._end(step.ended)

    def heads(self, at_s: float) -> dict[int, Box]:
        """Returns the face box of each person expected at `at_s`, in px, by track number."""
        return self._tracker.predict(at_s)

    def missed(self) -> set[int]:
        """Returns the tracks whose faces the detector did not see when it last looked."""
        return self._tracker.missed()

    def objecting(self, at_s: float) -> list[Box]:
        """Returns the face box expected at `at_s` of each who objected and is still in view."""
        return [self._tracker.expect(track, at_s) for track in self._objections]

    def record_objection(self, track: int) -> None:
        """Erases the person on this track from all figures: the head was shaken."""
        places = self._tracker.places()
        if track not in places:
            return
        for objecting in self._objections.add(track, places):
            self._object(objecting)
        place = places[track]
        if self._at_s is not None:
            expected = self._tracker.expect(track, self._at_s)
            self._objections.stay(track, place, self._at_s)
            self._objections.stay(track, place._replace(box=expected), self._at_s)
        # Who was lost near here may be the same person, followed twice for a while.
        for lost in self._lost:
            at_s = max(place.seen_at_s, lost.place.seen_at_s)
            if _link_cost(lost.place, place.box, at_s) < 1.0:
                lost.person.omit()

    def wait_for(self, track: int, hidden_at: tuple[float, float] | None, at_s: float) -> None:
        """Follows a track for longer although the detector does not see its face.

        hidden_at: where its head is at `at_s`, in px, if that is known.
        """
        self._tracker.keep(track)
        if hidden_at is not None:
            self._tracker.follow(track, hidden_at, at_s)

    def exclude_everybody(self) -> None:
        """Erases everyone in view, and who was lost a moment ago, from all figures."""
        for person in [*self._people.values(), *(lost.person for lost in self._lost)]:
            person.omit()

    def take_passages(self, at_s: float, *, observed: bool) -> list[Passage]:
        """Returns the passages that have ended by `at_s`.

        Args:
            at_s: the time now; not before that of the last call.
            observed: whether a head shake could be seen in the time since the last
                call. A person who could not object for more than a second is not counted,
                nor is one who is in view in the first second after such a time.
        """
        self._end(self._tracker.expire(at_s))  # who has gone was not blind since then
        if observed:
            since_s, until_s = self._watched_s
            self._watched_s = (at_s if at_s - until_s > SHAKE_S else since_s), at_s
        elif self._at_s is not None:
            self._blind(at_s - self._at_s)
        self._at_s = at_s
        gone = [lost for lost in self._lost if at_s - lost.place.seen_at_s > _LINK_S]
        self._lost = [lost for lost in self._lost if lost not in gone]
        for lost in gone:
            self._book(lost.person, at_s)
        passages, self._passages = self._passages, []
        return passages

    def finish(self, at_s: float) -> list[Passage]:
        """Returns the passages of all who are still in view: the recording ends with them."""
        self._end(self._tracker.finish())
        for lost in self._lost:
            self._book(lost.person, at_s)
        self._lost = []
        passages, self._passages = self._passages, []
        return passages

    def _note(self, seen: Mapping[int, Detection], at_s: float) -> None:
        """Notes how each person in view is seen now."""
        believed = [
            (self._people[track].first_seen_s, seen[track].box)
            for track in self._tracker.confirmed() & self._people.keys() & seen.keys()
        ]
        for track in self._people.keys() & seen.keys():
            person, detection = self._people[track], seen[track]
            person.last_seen_s = at_s
            person.face_px = max(person.face_px, detection.box.width, detection.box.height)
            if person.omitted:
                continue
            person.vote.add(detection)
            doubled = any(
                since_s < person.first_seen_s and box.overlap(detection.box) >= SAME_FACE_OVERLAP
                for since_s, box in believed
            )
            person.doubts.add(detection, at_s, high_score=self._high_score, doubled=doubled)

    def _begin(self, track: int, box: Box, at_s: float) -> None:
        self._people[track] = _Person(at_s, at_s)
        if self._inherit(track, box, at_s):
            return
        unseen = [
            (_link_cost(place, box, at_s), other)
            for other, place in self._tracker.places().items()
            if place.seen_at_s < at_s
            and other in self._people
            and other not in self._claims.values()
        ]
        lost = [
            (_link_cost(lost.place, box, at_s), index)
            for index, lost in enumerate(self._lost)
            if not lost.left
        ]
        best_unseen = min(unseen, default=(1.0, 0))
        best_lost = min(lost, default=(1.0, 0))
        if best_lost[0] < min(1.0, best_unseen[0]):
            self._continue(track, self._lost.pop(best_lost[1]).person)
        elif best_unseen[0] < 1.0:
            self._claims[track] = best_unseen[1]

    def _inherit(self, track: int, box: Box, at_s: float) -> bool:
        """Notes a track that begins; returns whether it objects, as the one before it did."""
        places = self._tracker.places()
        del places[track]
        if track in self._objections or self._objections.begin(track, box, at_s, places):
            self._object(track)
            return True
        return False

    def _object(self, track: int) -> None:
        if track in self._people:  # a faint track is nobody yet
            self._people[track].omit()
        self._tracker.keep(track)

    def _continue(self, track: int, before: _Person) -> None:
        """Makes the person on a new track the one who was lost before."""
        person = self._people[track]
        person.believed = True
        person.first_seen_s = before.first_seen_s
        person.blind_s += before.blind_s
        person.face_px = max(person.face_px, before.face_px)
        person.vote.merge(before.vote)
        person.doubts.merge(before.doubts)
        if before.omitted or person.omitted:
            person.omit()

    def _end(self, ended: Sequence[EndedTrack]) -> None:
        for track in ended:
            self._objections.end(track.track, track.place)
            person = self._people.pop(track.track, None)
            if person is None:
                continue
            self._claims.pop(track.track, None)
            heir = next((new for new, old in self._claims.items() if old == track.track), None)
            self._claims.pop(heir or 0, None)
            if not (track.confirmed or person.believed):
                continue
            if heir is not None:
                self._continue(heir, person)
            else:
                self._lost.append(_Lost(track.place, person, track.left))

    def _book(self, person: _Person, at_s: float) -> None:
        if (
            not person.omitted
            and person.last_seen_s - person.first_seen_s >= self._least_view_s
            and person.face_px >= _LEAST_FACE_PX
            and person.first_seen_s >= self._watched_s[0] + SHAKE_S
            and not person.doubts.is_nobody()
        ):
            self._passages.append(Passage(at_s, person.vote.state()))

    def _blind(self, seconds: float) -> None:
        for person in self._people.values():
            person.blind_s += seconds
            if person.blind_s > SHAKE_S:
                person.omit()


def _link_cost(place: Place, box: Box, at_s: float) -> float:
    """Returns how badly a new track fits one lost at `place`: from 1 on, it is another person."""
    gap_s = at_s - place.seen_at_s
    if not 0 <= gap_s <= _LINK_S or place.size_change(box) > _LINK_SIZE_CHANGE:
        return 1.0
    return place.faces_away(box, at_s) / (_LINK_FACES + _LINK_FACES_PER_S * gap_s)
