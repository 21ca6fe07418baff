"""What the edges of the right to object cost in passages, and how often one person is two.

The guarantee of the noise is for one counted passage: whoever is counted twice is protected
half as well. Measured on streets without pixels, in which who walks is known.
"""

from __future__ import annotations

from collections import Counter

import pytest

from maskcam.people.passages import Crowd
from tests.people.street import SIZE, Street

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SEEDS = range(6)


class Watched(Crowd):
    """Also remembers which walker each person was."""

    def __init__(self, street: Street, **rest) -> None:
        super().__init__(frame_size=SIZE, high_score=0.5, **rest)
        self._street, self.booked = street, Counter[int]()
        self._seen: dict[int, tuple[object, Counter[int]]] = {}

    def update(self, detections, at_s):
        super().update(detections, at_s)
        faces = self._street.visible(at_s)
        for track, place in self._tracker.places().items():
            person = self._people.get(track)
            if person is None or not faces or place.seen_at_s < at_s:
                continue
            best = max(faces, key=lambda walker: place.box.iou(faces[walker]))
            if place.box.iou(faces[best]) > 0.2:
                self._seen.setdefault(id(person), (person, Counter()))[1][best] += 1

    def _book(self, person, at_s):
        before = len(self._passages)
        super()._book(person, at_s)
        if len(self._passages) > before and id(person) in self._seen:
            [(walker, _)] = self._seen[id(person)][1].most_common(1)
            self.booked[walker] += 1


def booked(*, detect_fps: float, least_view_s: float) -> Counter[int]:
    """Returns how many walkers were counted how often, over all streets."""
    times: Counter[int] = Counter()
    for seed in SEEDS:
        street = Street(seed=seed, seconds=300, per_minute=25)
        crowd = Watched(street, least_view_s=least_view_s, recording=True)
        next_s = 0.0
        for frame in range(300 * 15):
            at_s = frame / 15
            if at_s >= next_s:
                sights = street.detect(at_s)
                crowd.update([sight.detection for sight in sights], at_s)
                next_s += street.rng.uniform(0.7, 1.3) / detect_fps
            crowd.take_passages(at_s, observed=True)
        crowd.finish(300.0)
        for walker in range(len(street.walkers)):
            times[crowd.booked[walker]] += 1
    return times


@pytest.mark.parametrize("detect_fps", [10, 4])
def test_what_a_second_in_view_costs_and_how_often_a_track_breaks(detect_fps, record_property):
    before = booked(detect_fps=detect_fps, least_view_s=0.0)
    now = booked(detect_fps=detect_fps, least_view_s=1.0)
    passages = [sum(times * walkers for times, walkers in found.items()) for found in (before, now)]
    counted = now.total() - now[0]
    twice = sum(walkers for times, walkers in now.items() if times > 1)
    lost = 1 - passages[1] / passages[0]
    record_property("walkers", now.total())
    record_property("passages_without_and_with_the_rule", passages)
    record_property("cost_of_the_rule", f"{lost:.2%}")
    record_property("counted_twice_or_more", f"{twice} of {counted} ({twice / counted:.2%})")
    print(detect_fps, dict(now), passages, f"{lost:.2%}", twice, counted)
    assert lost < 0.05
    assert twice / counted < 0.08
