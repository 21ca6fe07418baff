"""Recognises a hand that is held before the face: a way to object without being seen to refuse.

A face that was in view and then, for `HELD_S`, has something before it is not counted. The
head shake's network says for each frame how sure it is; their mean decides, so that no single
frame does. Somebody who passes covers a face, too, first with the head and then with the body:
while two faces overlap nothing is recognised, nor after it until the face was in view again.

Where the numbers come from, and what they cost and give: docs/head-shake.md.
"""

from __future__ import annotations

from collections import deque
from statistics import fmean
from typing import Final, NamedTuple

from maskcam.records import HeadMotion

HELD_S: Final = 1.8  # the sign asks for two seconds, which begin while the hand still rises
COVERED: Final = -1.5  # mean log odds that nothing is before the face
MOST: Final = 4.0  # the odds of one frame count for no more
KNOWN: Final = 0.7  # share of the frames in which the face, or what is before it, was found
SEEN_S: Final = 0.3  # so long the face must have been in view before
RISING: Final = 0.25  # of `HELD_S`, covered all the time: a hand may be meant


class _Moment(NamedTuple):
    """One frame: its log odds, and the time since the frame before."""

    at_s: float
    odds: float | None
    lasts_s: float


class HandHeldRecogniser:
    """Watches one track and says once that a hand was held before the face."""

    def __init__(self) -> None:
        self._last: deque[_Moment] = deque()
        self._in_view_s = 0.0  # before the last moments

    def update(self, motion: HeadMotion, *, unclear: bool) -> bool:
        """Returns whether a hand has now been held before the face for long enough.

        Args:
            motion: that of the head since the frame before.
            unclear: whether what is before the face may be something else than a hand.
        """
        if unclear:
            if self._last:
                rising = self.is_rising
                self._in_view_s = self._in_view_before(RISING * HELD_S) if rising else 0.0
                self._last.clear()
            return False
        odds = None if motion.in_view is None else max(-MOST, min(MOST, motion.in_view))
        lasts_s = motion.at_s - self._last[-1].at_s if self._last else 0.0
        self._last.append(_Moment(motion.at_s, odds, lasts_s))
        while motion.at_s - self._last[0].at_s > HELD_S:
            self._in_view_s += _in_view_s(self._last.popleft())
        if not self._is_covered_for(HELD_S):
            return False
        self._last.clear()
        self._in_view_s = 0.0
        return True

    @property
    def is_rising(self) -> bool:
        """Whether something has come before the face: its track must not be lost now."""
        return self._is_covered_for(RISING * HELD_S)

    def _is_covered_for(self, seconds: float) -> bool:
        if not self._last:
            return False
        if self._in_view_s < SEEN_S and self._in_view_before(seconds) < SEEN_S:
            return False
        now_s = self._last[-1].at_s
        last = [moment.odds for moment in self._last if now_s - moment.at_s <= seconds]
        frame_s = (now_s - self._last[0].at_s) / max(1, len(self._last) - 1)
        if len(last) * frame_s < seconds:  # a frame stands for the time to the next
            return False
        known = [odds for odds in last if odds is not None]
        return len(known) >= KNOWN * len(last) and fmean(known) < COVERED

    def _in_view_before(self, seconds: float) -> float:
        """Returns for how long the face was in view until so many seconds ago."""
        until_s = self._last[-1].at_s - seconds
        earlier = (moment for moment in self._last if moment.at_s < until_s)
        return self._in_view_s + sum(map(_in_view_s, earlier))


def _in_view_s(moment: _Moment) -> float:
    return moment.lasts_s if moment.odds is not None and moment.odds > 0 else 0.0
