"""What one person in view says by gestures: a shaken head, or a hand before the face."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from maskcam.people.hand_held import HandHeldRecogniser
from maskcam.people.headshake import HeadShakeRecogniser
from maskcam.records import Box, HeadMotion

_LEAST_FACE_PX: Final = 18.0  # of a head of about 24 px
_NEARER: Final = 1.2  # times as tall: the face of somebody who is nearer
# Where the hair, shoulders and chest of somebody are, seen from the middle of the face, in
# face widths and heights.
_BESIDE: Final = 1.75
_ABOVE, _BELOW = 0.9, 5.0


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

    def update(self, motion: HeadMotion, *, unclear: bool) -> Gesture | None:
        """Returns what the person has just said.

        Args:
            motion: that of the head since the frame before.
            unclear: whether what is before the face may be something else than a hand.
        """
        shaken = self._shake.update(motion) is not None
        held = self._hand is not None and self._hand.update(motion, unclear=unclear)
        if shaken or held:
            return Gesture.OBJECTION
        return Gesture.HALF_OBJECTION if self._shake.is_half else None

    @property
    def may_cover_face(self) -> bool:
        """Whether a hand may be before the face, which the detector then does not see."""
        return self._hand is not None and self._hand.is_rising


def is_unclear(track: int, heads: Mapping[int, Box]) -> bool:
    """Returns whether what is before a face may be something else than a hand.

    Another face overlaps it, the body of somebody nearer may be before it, or it is so small
    that a hand looks like anything.

    Args:
        track: whose face.
        heads: the face box of each track, in px.
    """
    box = heads[track]
    if box.height < _LEAST_FACE_PX:
        return True
    return any(
        box.intersection(other) > 0 or _may_hide(other, box)
        for one, other in heads.items()
        if one != track
    )


def _may_hide(nearer: Box, box: Box) -> bool:
    """Returns whether a face may be behind the body below another face."""
    if nearer.height <= _NEARER * box.height:
        return False
    across = (box.centre[0] - nearer.centre[0]) / max(nearer.width, 1.0)
    down = (box.centre[1] - nearer.centre[1]) / max(nearer.height, 1.0)
    return abs(across) < _BESIDE and -_ABOVE < down < _BELOW
