"""Joins the stages: from frames and detections to the counts that are due.

Single-threaded and without a clock: the unit's loop, the demo and `maskcam replay`
drive it, each at its own pace. Pixels come in with a frame and go no further than
head motion and image quality; what is kept between two calls are small numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from maskcam.people.gestures import Gesture, GestureWatcher, is_unclear
from maskcam.people.objections import SHAKE_S
from maskcam.people.passages import Crowd
from maskcam.people.windows import MinuteCounts
from maskcam.records import Box, Detection, Frame, MinuteCount
from maskcam.unit.visibility import Visibility
from maskcam.vision.face_in_view import FaceInView
from maskcam.vision.motion import HeadMotionMeter
from maskcam.vision.quality import FrameQuality, QualityMeter

_JITTER_S: Final = 0.5
_STEP_S: Final = 0.6  # stands for a time of unknown length: is not observed
_PAUSE_S: Final = 3.1  # in which all tracks end


class Pipeline:
    """Counts the people who pass and do not object.

    Times may be any that a camera gives. Where they stand still or step back, the time is not
    observed; a step back of over 0.5 s is a gap after which the time goes on from where it was.

    Args:
        frame_size: width and height of `Frame.luma` in px.
        counts: where passages are booked.
        started_at_s: monotonic time now.
        high_score: score from which on a detection may be a new person.
        face_in_view: sees what is before a face.
        min_fps: frames per second below which nobody is counted.
        hand: whether a hand held before the face objects, too.
        on_objection: called when an objection was recognised.
        on_half_objection: called in each frame in which half of a head shake is recognised.
        recording: of the past: its first and last frame are no start and stop of a unit.

    Attributes:
        at_s: time of the last frame, on a line that never goes back.
        sees: whether a head shake could be seen in the last frame.
        observing: whether people are counted who pass now.
    """

    def __init__(
        self,
        *,
        frame_size: tuple[int, int],
        counts: MinuteCounts,
        started_at_s: float,
        high_score: float,
        face_in_view: FaceInView,
        min_fps: float = 10.0,
        hand: bool = True,
        on_objection: Callable[[], None] = lambda: None,
        on_half_objection: Callable[[], None] = lambda: None,
        recording: bool = False,
    ) -> None:
        self._crowd = Crowd(frame_size=frame_size, high_score=high_score, recording=recording)
        self._counts = counts
        self._recording = recording
        self._visibility = Visibility(min_fps=min_fps)
        self._motion = HeadMotionMeter(face_in_view)
        self._quality = QualityMeter()
        self._watchers: dict[int, GestureWatcher] = {}
        self._hand = hand
        self._on_objection = on_objection
        self._on_half_objection = on_half_objection
        self.at_s = started_at_s
        self._has_begun = False
        self._shift_s = 0.0  # of all times, since they stepped back
        self._detected_at_s = started_at_s
        self.sees = self.observing = False
        self.quality: FrameQuality | None = None

    @property
    def in_view(self) -> int:
        """Number of people in view now."""
        return self._crowd.in_view

    def update_detections(self, detections: Sequence[Detection], at_s: float) -> None:
        """Updates the tracks with the detections in the frame of `at_s`; they may come late."""
        at_s += self._shift_s
        self._pass_pause(at_s)
        self._detected_at_s = max(self._detected_at_s, at_s)
        self._crowd.update(detections, at_s)

    def objecting(self, at_s: float) -> list[Box]:
        """Returns the face box expected at `at_s` of each who objected and is still in view."""
        return self._crowd.objecting(at_s + self._shift_s)

    def exclude_everybody(self) -> None:
        """Counts nobody who is in view now: the button on the pole was pressed."""
        self._crowd.exclude_everybody()

    def process_frame(self, frame: Frame, *, may_count: bool = True) -> None:
        """Looks for head shakes in a frame, and books who has left by its time.

        Args:
            frame: its arrays are not kept.
            may_count: False outside of the operating hours: nobody is counted then.
        """
        at_s = self._steady(frame.captured_at_s)
        frame = replace(frame, captured_at_s=at_s)
        self._pass_pause(at_s)
        self.quality = self._quality.measure(frame.luma, at_s)
        self.sees = may_count and self._visibility.judge(
            at_s=at_s,
            clear=self.quality.clear,
            changed=self.quality.changed,
            detected_at_s=self._detected_at_s,
        )
        begun = self._counts.has_begun(at_s)
        self.observing = self.sees and begun
        self._watch_heads(frame)
        if self.observing:
            self._counts.observe(self.at_s, at_s)
        for passage in self._crowd.take_passages(at_s, observed=self.observing):
            if begun:
                self._counts.add(passage)
        self.at_s = at_s

    def take_counts(self, utc_s: float | None) -> list[MinuteCount]:
        """Returns the counts that are due.

        Args:
            utc_s: UTC at the last frame in seconds since 1970, or None while it is unknown.
        """
        return self._counts.advance(self.at_s, None if utc_s is None else utc_s - self.at_s)

    def finish(self) -> list[MinuteCount]:
        """Returns the last counts; whoever is in view is counted in a recording only."""
        if self._recording:
            for passage in self._crowd.finish(self.at_s):
                self._counts.add(passage)
        return self._counts.finish(self.at_s)

    def _pass_pause(self, at_s: float) -> None:
        """Books who was in view before a long pause of the camera in the time before it.

        In a pause of a unit's camera who was in view could not object, and is not counted.
        """
        if at_s - self.at_s > SHAKE_S and not self._recording:
            self._crowd.exclude_everybody()
        if at_s - self.at_s > _PAUSE_S and self._counts.has_begun(self.at_s):
            for passage in self._crowd.take_passages(self.at_s + _PAUSE_S, observed=False):
                self._counts.add(passage)

    def _steady(self, at_s: float) -> float:
        """Returns the time of a frame on a time line that never goes back."""
        at_s += self._shift_s
        back_s = self.at_s - at_s
        if self._has_begun and back_s > 0:
            self._shift_s += back_s + (_STEP_S if back_s > _JITTER_S else 0.0)
            at_s = self.at_s + (_STEP_S if back_s > _JITTER_S else 0.0)
        self._has_begun = True
        return at_s

    def _watch_heads(self, frame: Frame) -> None:
        heads = self._crowd.heads(frame.captured_at_s)
        self._watchers = {
            track: self._watchers.get(track) or GestureWatcher(hand=self._hand) for track in heads
        }
        missed = self._crowd.missed()
        for track, motion in self._motion.measure(frame, heads, missed=missed).items():
            watcher = self._watchers[track]
            gesture = watcher.update(motion, unclear=is_unclear(track, heads))
            if gesture is Gesture.OBJECTION:
                self._crowd.record_objection(track)
                self._on_objection()
            elif gesture is Gesture.HALF_OBJECTION:
                self._on_half_objection()
            if watcher.may_cover_face:
                hidden_at = self._motion.hidden_at(track)
                self._crowd.wait_for(track, hidden_at, frame.captured_at_s)
