"""What one person in view says by gestures: a shaken head, or a hand before the face."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from maskcam.people.hand_held import HandHeldRecogniser
from maskcam.people.headshake import HeadShakeRecogniser
from maskcam.records import Box, HeadMotion


class Gesture(Enum):
    """What was recognised in a frame."""

    OBJECTION = auto()
    HALF_OBJECTION = auto()  # one more swing is wanted


class GestureWatcher:
    """Watches the head of one track.

    Args:
        hand: whether a hand held before the face objects.
    """

    def __init__(self, *, hand: bool = True) -> None:
        self._shake = HeadShakeRecogniser()
        self._hand = HandHeldRecogniser() if hand else None

    def update(self, motion: HeadMotion, *, crossed: bool) -> Gesture | None:
        """Returns what the person has just said.

        Args:
            motion: that of the head since the frame before.
            crossed: whether another face overlaps this one in the frame.
        """
        shaken = self._shake.update(motion) is not None
        held = self._hand is not None and self._hand.update(motion, crossed=crossed)
        if shaken or held:
            return Gesture.OBJECTION
        return Gesture.HALF_OBJECTION if self._shake.is_half else None

    @property
    def may_cover_face(self) -> bool:
        """Whether a hand may be before the face, which the detector then does not see."""
        return self._hand is not None and self._hand.is_rising


def crossed(track: int, heads: Mapping[int, Box]) -> bool:
    """Returns whether another face overlaps that of a track."""
    box = heads[track]
    return any(box.intersection(other) > 0 for one, other in heads.items() if one != track)
