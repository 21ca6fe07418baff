"""Ten minutes of rendered street through the whole chain, as a recorded file."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from maskcam.people.passages import Crowd
from maskcam.people.windows import WindowRules
from maskcam.records import Box, MaskState, WindowKind
from maskcam.street import Scene, SceneConfig
from maskcam.street.__main__ import main as render_street
from maskcam.unit import pipeline
from maskcam.unit.replay import replay

SECONDS, SEED = 600, 101
OPTIONS: dict[str, Any] = {"people_per_minute": 11.0, "objectors": 0.15}


class Booked(NamedTuple):
    """A passage that was counted, and who it was in truth (None: nobody)."""

    person: int | None
    state: MaskState


class WatchedCrowd(Crowd):
    """Also remembers which person of the scene each track, objection and passage was."""

    scene: ClassVar[Scene]
    # by the person, as a track's number might be used again; by the number of a faint track
    seen: ClassVar[dict[object, Counter[int]]]
    objections: ClassVar[Counter[int]]
    booked: ClassVar[list[Booked]]

    def update(self, detections, at_s):
        super().update(detections, at_s)
        faces = self.scene.faces(at_s)
        for track, box in self.heads(at_s).items():
            person = nearest(box, faces)
            if person is not None:
                self.seen[self._people.get(track, track)][person] += 1

    def record_objection(self, track):
        for person, _ in self.seen[self._people.get(track, track)].most_common(1):
            self.objections[person] += 1
        super().record_objection(track)

    def _book(self, person, at_s):
        known, state, before = (
            self.seen[person].most_common(1),
            person.vote.state(),
            len(self._passages),
        )
        super()._book(person, at_s)
        if len(self._passages) > before:
            self.booked.append(Booked(known[0][0] if known else None, state))


def nearest(box: Box, faces) -> int | None:
    x, y = box.centre
    near = [
        (abs(x - face.box.centre[0]) + abs(y - face.box.centre[1]), face.person) for face in faces
    ]
    distance, person = min(near, default=(1e9, 0))
    return person if distance < 1.2 * box.height else None


def watch(video: Path, scene: Scene, monkeypatch) -> tuple[type[WatchedCrowd], int]:
    """Replays the file; returns what was seen of whom, and the people in the messages."""

    class Watched(WatchedCrowd):
        booked: ClassVar[list[Booked]] = []
        seen: ClassVar[dict[object, Counter[int]]] = defaultdict(Counter)
        objections: ClassVar[Counter[int]] = Counter()

    Watched.scene = scene
    monkeypatch.setattr(pipeline, "Crowd", Watched)
    start = datetime(2026, 5, 4, 8, tzinfo=UTC)
    exact = WindowRules.preset("standard", exact=True)
    counts = replay(video, start=start, rules=exact)
    minutes = [count for count in counts if count.kind is WindowKind.COUNT]
    return Watched, sum(count.people or 0 for count in minutes)


def figures(video: Path, scene: Scene, monkeypatch) -> dict[str, float]:
    seen, people = watch(video, scene, monkeypatch)
    passages = scene.truth.passages
    states = {p.person: p.state for p in passages if not p.objecting}
    objecting = {p.person for p in passages if p.objecting}
    known = [(booked, states[booked.person]) for booked in seen.booked if booked.person in states]
    right = [booked for booked, state in known if booked.state is state]
    badly = [booked for booked, state in known if state is MaskState.INCORRECT]
    return {
        "passages": len(passages),
        "people_truth": len(states),
        "people_counted": people,
        "state_right": len(right) / max(len(known), 1),
        "worn_badly": len(badly),
        "incorrect_right": sum(booked in right for booked in badly) / max(len(badly), 1),
        "objecting": len(objecting),
        "honoured": len(objecting & seen.objections.keys()),
        "objectors_counted": len({b.person for b in seen.booked} & objecting),
        "suppressed_wrongly": len(seen.objections.keys() & states.keys()),
        "counted_nobody": sum(b.person is None for b in seen.booked),
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_minutes_of_street(tmp_path, monkeypatch):
    video = tmp_path / "street.mp4"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    assert render_street([str(video), f"--seconds={SECONDS}", f"--seed={SEED}", *options]) == 0
    scene = Scene(SceneConfig(seed=SEED, duration_s=SECONDS, **OPTIONS))
    found = figures(video, scene, monkeypatch)
    print(json.dumps(found))
    assert found["passages"] >= 80
    # The models learn from real faces first: see "The drawn street" in the model card.
    assert found["people_counted"] == pytest.approx(found["people_truth"], rel=0.05)
    assert found["state_right"] >= 0.95
    assert found["incorrect_right"] >= 0.8
    assert found["honoured"] >= 0.9 * found["objecting"]
    assert found["suppressed_wrongly"] <= 0.025 * found["people_truth"]
