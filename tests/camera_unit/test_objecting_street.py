"""What follows from an objection, on rendered streets: pixels in, counts out.

The heads are seen by the real head-shake stage; faces come from the scene's truth, so
that each test breaks a track exactly where it wants to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import cv2
import pytest
from gpiozero.pins.mock import MockFactory

from maskcam.camera.zones import ExclusionZones
from maskcam.people.votes import MaskVote
from maskcam.people.windows import WindowRules
from maskcam.records import Detection, MinuteCount, WindowKind
from maskcam.street import Scene, SceneCamera, SceneConfig
from maskcam.street.look import Wearing, draw_look
from maskcam.street.walk import Act, Gesture, Walker
from maskcam.unit.lamp import Lamp
from maskcam.unit.pipeline import Pipeline
from maskcam.unit.replay import recording_counts
from maskcam.vision.models import load_face_in_view

FPS = 15
SIZE = (960, 540)
POLE = slice(400, 440)
EXACT = WindowRules.preset("standard", exact=True)
OFFSET_S = datetime(2026, 5, 4, 8, tzinfo=UTC).timestamp()


def walker(x, *, look=1, wearing=Wearing.RIGHT, shakes_at_s=None, lasts_s=1.6, hz=2.0, degrees=40):
    """Somebody who comes from 7 m away straight to the camera, and out of view in 4 s."""
    acts: tuple[Act, ...] = ()
    if shakes_at_s is not None:
        size = math.radians(degrees)
        acts = (
            Act(gesture=Gesture.SHAKE, begin_s=shakes_at_s, lasts_s=lasts_s, size=size, rate_hz=hz),
        )
    return Walker(
        look=draw_look(look, wearing),
        begin_s=0.0,
        speed=1.2,
        path=((x, 7.0), (x * 0.8, 0.3)),
        tall=1.7,
        acts=acts,
    )


def has_pixels(rgb, box) -> bool:
    """Whether anything is to be seen in the middle of a face."""
    x, y = (int(c * rgb.shape[1] / SIZE[0]) for c in box.centre)
    part = rgb[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
    return bool(part.any())


def draw_hand(luma, box) -> None:
    """Draws the palm and the fingers of an open hand over a face."""
    (x, y), tall = box.centre, box.height
    palm = (round(x), round(y + 0.2 * tall))
    cv2.ellipse(luma, palm, (round(0.3 * tall), round(0.35 * tall)), 0, 0, 360, 170, -1)
    for finger in (-0.24, -0.08, 0.08, 0.24):
        tip = (round(x + 1.2 * finger * tall), round(y - 0.5 * tall))
        root = (round(x + finger * tall), palm[1])
        cv2.line(luma, root, tip, 160, max(2, round(0.13 * tall)), cv2.LINE_AA)


class Outcome(NamedTuple):
    """What a street gave: its windows, and when head shakes were recognised."""

    counts: list[MinuteCount]
    recognised_s: list[float]

    @property
    def people(self) -> int:
        return sum(count.people or 0 for count in self.counts)

    def of(self, state: str) -> int:
        return sum(getattr(count, state) or 0 for count in self.counts)


class Street:
    """A scene with exactly these people, watched for as long as they are in view."""

    def __init__(self, *people: Walker, seconds: float = 6.5) -> None:
        self.scene = Scene(SceneConfig(seed=3, duration_s=seconds, fps=FPS, size=SIZE))
        self.scene.cast = people
        self.now_s = 0.0
        self.pipeline: Pipeline

    def seen(self, person: int) -> list[float]:
        """Returns the times at which a face is wholly in the picture."""
        times = [n / FPS for n in range(int(self.scene.config.duration_s * FPS))]
        return [
            t for t in times if any(f.person == person and f.visible > 0.9 for f in self.faces(t))
        ]

    def faces(self, at_s):
        return self.scene.faces(at_s)

    def watch(
        self,
        *,
        hidden=lambda person, at_s: False,
        covered=lambda at_s: False,
        hand=True,
        pole=False,
        zones=(),
        blur_px: float = 0.0,
        on_objection: Callable[[], None] = lambda: None,
        on_frame: Callable[[float], None] = lambda at_s: None,
    ) -> Outcome:
        """Runs the whole chain; `hidden` faces and those without a pixel are not detected.

        While they are `covered`, an open hand is before all faces, and none is detected.
        Nor is one that is behind a `pole`.
        """
        recognised_s: list[float] = []

        def on_any_objection() -> None:
            recognised_s.append(self.now_s)
            on_objection()

        self.pipeline = Pipeline(
            frame_size=SIZE,
            counts=recording_counts(EXACT, started_at_s=0.0),
            started_at_s=0.0,
            high_score=0.5,
            face_in_view=load_face_in_view(),
            recording=True,
            hand=hand,
            on_objection=on_any_objection,
        )
        blank = ExclusionZones(zones).blank
        with SceneCamera(self.scene, rgb_size=(320, 320), fast=True) as camera:
            while (frame := camera.read(timeout_s=1)) is not None:
                self.now_s = frame.captured_at_s
                blank(frame)
                on_frame(self.now_s)
                if blur_px:
                    cv2.GaussianBlur(frame.luma, (0, 0), blur_px, dst=frame.luma)
                if covered(self.now_s):
                    for face in self.faces(self.now_s):
                        draw_hand(frame.luma, face.box)
                if pole:
                    frame.luma[:, POLE] = 90
                found = [
                    Detection(face.box, face.state, 0.9)
                    for face in self.faces(self.now_s)
                    if face.visible > 0.4
                    and not covered(self.now_s)
                    and not hidden(face.person, self.now_s)
                    and has_pixels(frame.rgb, face.box)
                    and not (pole and POLE.start < face.box.centre[0] < POLE.stop)
                ]
                self.pipeline.update_detections(found, self.now_s)
                self.pipeline.process_frame(frame)
        counts = self.pipeline.take_counts(self.now_s + OFFSET_S) + self.pipeline.finish()
        return Outcome([one for one in counts if one.kind is WindowKind.COUNT], recognised_s)


def test_who_shakes_the_head_is_in_no_figure_and_all_others_are():
    street = Street(
        walker(-1.2, look=1),
        walker(0.0, look=2, wearing=Wearing.NONE, shakes_at_s=1.0),
        walker(1.2, look=3, wearing=Wearing.NONE),
    )
    outcome = street.watch()
    assert len(outcome.recognised_s) >= 1
    assert 1.0 < outcome.recognised_s[0] < 2.6
    assert outcome.people == 2
    assert (outcome.of("with_mask"), outcome.of("without_mask"), outcome.of("unclear")) == (1, 1, 0)


def test_the_same_street_without_the_shake_counts_all_three():
    outcome = Street(
        walker(-1.2, look=1), walker(0.0, look=2), walker(1.2, look=3, wearing=Wearing.NONE)
    ).watch()
    assert outcome.recognised_s == []
    assert outcome.people == 3


def test_the_mask_is_not_looked_at_any_more_from_the_objection_on(monkeypatch):
    street = Street(walker(0.0, shakes_at_s=1.0))
    looks: list[float] = []
    kept = MaskVote.add

    def add(vote, detection):
        looks.append(street.now_s)
        kept(vote, detection)

    monkeypatch.setattr(MaskVote, "add", add)
    outcome = street.watch()
    assert outcome.recognised_s
    assert looks
    assert max(looks) <= outcome.recognised_s[0]
    assert max(street.seen(0)) > outcome.recognised_s[0] + 1


@pytest.mark.parametrize("gap_s", [0.6, 1.2, 1.8])
def test_the_successor_of_a_broken_track_inherits(gap_s):
    street = Street(walker(0.0, shakes_at_s=0.4, lasts_s=1.2))

    def hidden(person, at_s):
        return 1.7 < at_s < 1.7 + gap_s

    outcome = street.watch(hidden=hidden)
    assert outcome.recognised_s
    assert outcome.recognised_s[0] < 1.7
    assert max(street.seen(0)) > 1.7 + gap_s
    assert outcome.people == 0


def test_three_at_once_object_and_the_fourth_does_not():
    outcome = Street(
        walker(-1.5, look=1, shakes_at_s=1.0),
        walker(-0.5, look=2, wearing=Wearing.NONE, shakes_at_s=1.1, hz=1.4),
        walker(0.5, look=3, wearing=Wearing.NONE),
        walker(1.5, look=4, shakes_at_s=0.9, hz=2.6, degrees=30),
    ).watch()
    assert outcome.people == 1
    assert outcome.of("without_mask") == 1


def test_a_shake_that_ends_as_the_face_leaves_the_picture_counts():
    last_s = max(Street(walker(0.0)).seen(0))
    hz, lasts_s = 2.5, 1.0
    street = Street(walker(0.0, shakes_at_s=last_s - lasts_s, lasts_s=lasts_s, hz=hz))
    outcome = street.watch()
    assert outcome.recognised_s
    assert outcome.people == 0


def test_an_objection_recognised_in_the_very_last_frame_counts():
    whole = Street(walker(0.0, shakes_at_s=1.0)).watch()
    street = Street(walker(0.0, shakes_at_s=1.0), seconds=whole.recognised_s[0] + 0.5 / FPS)
    outcome = street.watch()
    assert outcome.recognised_s == [pytest.approx(street.now_s)]
    assert outcome.people == 0


def test_the_lamp_answers_for_two_seconds():
    street = Street(walker(0.0, shakes_at_s=1.0))
    factory = MockFactory()
    lit: list[float] = []
    with Lamp(17, pin_factory=factory, now=lambda: street.now_s) as lamp:
        outcome = street.watch(
            on_objection=lamp.answer_objection,
            on_frame=lambda at_s: lit.append(at_s) if lamp.is_lit() else None,
        )
    factory.reset()
    assert min(lit) == pytest.approx(outcome.recognised_s[0], abs=1.5 / FPS)
    assert max(lit) == pytest.approx(outcome.recognised_s[-1] + 2.0, abs=1.5 / FPS)


def test_whoever_is_in_view_when_the_button_is_pressed_is_not_counted():
    street = Street(walker(-0.6, look=1), walker(0.6, look=2))
    leaves_s = max(street.seen(0))

    def press(at_s):
        if leaves_s - 0.3 < at_s < leaves_s - 0.1:
            street.pipeline.exclude_everybody()

    assert street.watch(on_frame=press).people == 0


@pytest.mark.parametrize(("hand", "people"), [(True, 0), (False, 1)])
def test_whoever_holds_a_hand_before_the_face_is_not_counted_where_that_objects(hand, people):
    street = Street(walker(0.0))
    assert street.watch(covered=lambda at_s: 1.5 < at_s < 3.7, hand=hand).people == people


def test_whoever_holds_the_hand_there_for_longer_than_asked_is_not_counted_either():
    stands = replace(walker(0.0), speed=0.02, path=((0.3, 3.5), (0.3, 3.3)))
    street = Street(stands, seconds=8.0)
    assert street.watch(covered=lambda at_s: 1.5 < at_s < 6.0).people == 0


@pytest.mark.parametrize(
    ("way", "stops_at_s"),
    [
        (((1.6, 4.1), (0.0, 2.0)), 1.8),
        (((2.1, 4.8), (0.1, 1.3)), 2.2),
        (((1.4, 4.8), (-0.1, 1.2)), 1.9),
        (((-0.7, 7.0), (-1.1, 3.7)), 1.8),
    ],
)
def test_whoever_stops_when_the_hand_is_up_is_not_counted_either(way, stops_at_s):
    stops = replace(walker(0.0), speed=0.9, path=way, stop_s=(stops_at_s, 4.2))
    assert Street(stops).watch(covered=lambda at_s: 1.8 < at_s < 4.0).people == 0


@pytest.mark.parametrize("z", [3.0, 4.0, 6.0])
def test_whoever_passes_behind_a_pole_is_counted(z):
    street = Street(replace(walker(0.0), speed=0.9, path=((-0.5 * z, z), (0.4 * z, z - 0.4))))
    outcome = street.watch(pole=True)
    assert outcome.recognised_s == []
    assert outcome.people == 1


def test_a_hand_that_passes_the_face_is_no_objection():
    street = Street(walker(0.0))
    assert street.watch(covered=lambda at_s: 1.5 < at_s < 2.2).people == 1


def test_who_walks_in_an_excluded_zone_is_nowhere():
    left_half = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    people = walker(-1.0, look=5), walker(0.8, look=6, wearing=Wearing.NONE)
    outcome = Street(*people).watch(zones=[left_half])
    assert outcome.people == 1
    assert outcome.of("without_mask") == 1


@pytest.mark.parametrize("z", [3.0, 4.0, 6.0])
def test_who_walks_into_an_excluded_zone_is_counted_and_objects_by_no_hand(z):
    right_half = [(0.5, 0), (1, 0), (1, 1), (0.5, 1)]
    street = Street(replace(walker(0.0), speed=0.9, path=((-0.6 * z, z), (0.6 * z, z - 0.4))))
    outcome = street.watch(zones=[right_half])
    assert outcome.recognised_s == []
    assert outcome.people == 1


def test_nobody_in_an_excluded_zone_can_be_looked_at_for_a_head_shake():
    left_half = [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]
    street = Street(walker(-1.0, shakes_at_s=1.0), walker(0.8, wearing=Wearing.NONE))
    outcome = street.watch(zones=[left_half])
    assert outcome.recognised_s == []
    assert outcome.people == 1


def test_where_a_shake_would_be_too_blurred_to_see_nobody_is_counted():
    street = Street(walker(-0.6), walker(0.6), seconds=5.0)
    sharp, blurred = street.watch(), street.watch(blur_px=12.0)
    assert sharp.people == 2
    assert sum(count.observed_s for count in sharp.counts) == pytest.approx(5.0, abs=0.3)
    assert blurred.people == 0
    assert sum(count.observed_s for count in blurred.counts) == 0


def test_one_passer_by_more_changes_nothing_but_the_four_numbers():
    """Neighbouring rendered streets: seconds observed and all else on the wire are the same."""
    states = ("with_mask", "without_mask", "incorrect", "unclear")

    def rest(street):
        counts = street.watch().counts
        return [replace(count, **dict.fromkeys(states, 0)) for count in counts]

    alone = rest(Street(walker(-0.9)))
    assert rest(Street(walker(-0.9), walker(0.9, wearing=Wearing.NONE))) == alone
    assert rest(Street(walker(-0.9), walker(0.9, shakes_at_s=1.0))) == alone
    assert all(count.observed_s for count in alone)
