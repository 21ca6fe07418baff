"""Decides, frame by frame, whether the unit sees well enough to count.

The right to object is a precondition: where a head shake could not be seen,
nobody is counted and the time is not observed.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_SPAN_S: Final = 2.0  # the frame rate is that of the last two seconds
_LONGEST_GAP_S: Final = 0.5  # a natural head shake has 3 swings in 0.5 to 1.5 s
_TOLERANCE: Final = 0.9  # a camera set to 10 frames/s gives 9.7 of them
_FEWEST_FRAMES: Final = 3


class Visibility:
    """Watches frame rate, frames and detector.

    Args:
        min_fps: frames per second below which a head shake cannot be recognised.
        detector_limit_s: how old the last detector result may be.
        frozen_s: after so long without a sign of life in the frames they are held for
            frozen, see `maskcam.vision.stillness`.
    """

    def __init__(
        self, *, min_fps: float, detector_limit_s: float = 1.5, frozen_s: float = 2.0
    ) -> None:
        self._min_fps = min_fps
        self._detector_limit_s = detector_limit_s
        self._frozen_s = frozen_s
        self._frames: deque[float] = deque()
        self._changed_at_s: float | None = None

    def judge(self, *, at_s: float, clear: bool, changed: bool, detected_at_s: float) -> bool:
        """Returns whether the time since the frame before counts as observed.

        Args:
            at_s: monotonic time of capture of this frame.
            clear: its light and sharpness let the head-shake stage work.
            changed: it shows a living street.
            detected_at_s: capture time of the newest frame that the detector has seen.
        """
        if self._frames and not 0 < at_s - self._frames[-1] <= _LONGEST_GAP_S:
            self._frames.clear()  # a pause, or time that stood still or stepped back
        self._frames.append(at_s)
        while at_s - self._frames[0] > _SPAN_S:
            self._frames.popleft()
        if changed or self._changed_at_s is None or self._changed_at_s > at_s:
            self._changed_at_s = at_s
        return (
            clear
            and self._fast_enough()
            and abs(at_s - detected_at_s) <= self._detector_limit_s
            and at_s - self._changed_at_s <= self._frozen_s
        )

    def _fast_enough(self) -> bool:
        if len(self._frames) < _FEWEST_FRAMES:
            return False
        rate = (len(self._frames) - 1) / (self._frames[-1] - self._frames[0])
        return rate >= self._min_fps * _TOLERANCE
