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
from typing import Final

from maskcam.records import HeadMotion

HELD_S: Final = 1.8  # the sign asks for two seconds, which begin while the hand still rises
COVERED: Final = -2.0  # mean log odds that nothing is before the face
MOST: Final = 4.0  # the odds of one frame count for no more
KNOWN: Final = 0.7  # share of the frames in which the face, or what is before it, was found
SEEN_S: Final = 0.3  # so long the face must have been in view before
RISING: Final = 0.25  # of `HELD_S`, covered all the time: a hand may be meant


class HandHeldRecogniser:
    """Watches one track and says once that a hand was held before the face."""

    def __init__(self) -> None:
        self._odds: deque[tuple[float, float | None]] = deque()
        self._in_view_s = 0.0

    def update(self, motion: HeadMotion, *, unclear: bool) -> bool:
        """Returns whether a hand has now been held before the face for long enough.

        Args:
            motion: that of the head since the frame before.
            unclear: whether what is before the face may be something else than a hand.
        """
        if unclear:
            if self._odds and not self.is_rising:
                self._in_view_s = 0.0
            self._odds.clear()
            return False
        odds = None if motion.in_view is None else max(-MOST, min(MOST, motion.in_view))
        if odds is not None and odds > 0 and self._odds:
            self._in_view_s += motion.at_s - self._odds[-1][0]
        self._odds.append((motion.at_s, odds))
        while motion.at_s - self._odds[0][0] > HELD_S:
            self._odds.popleft()
        if not self._is_covered_for(HELD_S):
            return False
        self._odds.clear()
        self._in_view_s = 0.0
        return True

    @property
    def is_rising(self) -> bool:
        """Whether something has come before the face: its track must not be lost now."""
        return self._is_covered_for(RISING * HELD_S)

    def _is_covered_for(self, seconds: float) -> bool:
        if self._in_view_s < SEEN_S or not self._odds:
            return False
        now_s = self._odds[-1][0]
        last = [odds for at_s, odds in self._odds if now_s - at_s <= seconds]
        frame_s = (now_s - self._odds[0][0]) / max(1, len(self._odds) - 1)
        if len(last) * frame_s < seconds:  # a frame stands for the time to the next
            return False
        known = [odds for odds in last if odds is not None]
        return len(known) >= KNOWN * len(last) and fmean(known) < COVERED
