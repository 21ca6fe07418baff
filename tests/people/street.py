"""A street without pixels: people walk through a pinhole view, a poor detector sees faces.

Who objects wears no mask and all others wear one, so a count of unmasked passages is a
count of objections that were missed, without any identity leaving the code under test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from maskcam.people.passages import Crowd
from maskcam.records import Box, Detection, MaskState

SIZE = (1280, 720)
FOCAL = 1108.0  # 60 degrees over 1280 px
HEIGHT_M = 3.0
TILT = math.radians(12)
FACE_M = (0.17, 0.22)
SMALLEST_PX = 16


@dataclass
class Walker:
    start_s: float
    end_s: float
    x: float
    z: float
    vx: float
    vz: float
    height: float = 1.65
    gait_hz: float = 1.8
    phase: float = 0.0
    objects_at_s: float | None = None
    misses: list[tuple[float, float]] = field(default_factory=list)

    def ground(self, t: float) -> tuple[float, float]:
        return self.x + self.vx * (t - self.start_s), self.z + self.vz * (t - self.start_s)

    def face(self, t: float) -> Box | None:
        if not self.start_s <= t <= self.end_s:
            return None
        x, z = self.ground(t)
        if z < 0.8:
            return None
        swing = 2 * math.pi * self.gait_hz * t + self.phase
        return project(x + 0.02 * math.sin(swing / 2), self.height + 0.02 * math.sin(swing), z)

    def body(self, t: float) -> Box | None:
        x, z = self.ground(t)
        if not self.start_s <= t <= self.end_s or z < 0.8:
            return None
        crown = project(x, self.height + 0.12, z)
        half = 0.24 / z * FOCAL
        return Box(crown.centre[0] - half, crown.centre[1], crown.centre[0] + half, 1e4)


def project(x: float, y: float, z: float) -> Box:
    down, forward = HEIGHT_M - y, z
    depth = forward * math.cos(TILT) + down * math.sin(TILT)
    below = down * math.cos(TILT) - forward * math.sin(TILT)
    u, v = SIZE[0] / 2 + FOCAL * x / depth, SIZE[1] / 2 + FOCAL * below / depth
    w, h = (FOCAL * side / depth / 2 for side in FACE_M)
    return Box(u - w, v - h, u + w, v + h)


def shown(box: Box | None) -> bool:
    if box is None or box.height < SMALLEST_PX:
        return False
    x, y = box.centre
    return 0 < x < SIZE[0] and 0 < y < SIZE[1]


class Sight(NamedTuple):
    detection: Detection
    walker: int  # -1: a false alarm


@dataclass(kw_only=True)
class Street:
    """A seeded crowd and the detector that watches it."""

    seed: int
    seconds: float = 300.0
    per_minute: float = 20.0
    group_share: float = 0.4
    crossing_share: float = 0.2
    miss_rate: float = 0.07
    bursts_per_walker: float = 0.7
    burst_s: float = 1.0
    jitter: float = 0.06
    false_per_s: float = 0.2
    flicker_share: float = 0.25
    objecting_share: float = 0.0
    lost_after_shake_s: float = 0.0
    walkers: list[Walker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        if not self.walkers:
            self._populate()
        self.flicker = [self._anywhere() for _ in range(3)]

    def _populate(self) -> None:
        rng, t = self.rng, 2.0
        while t < self.seconds - 20:
            number = int(rng.integers(2, 5)) if rng.random() < self.group_share else 1
            self._group(t, number)
            t += rng.exponential(60 * number / self.per_minute)

    def _group(self, t: float, number: int) -> None:
        rng = self.rng
        speed = rng.uniform(0.8, 1.6)
        if rng.random() < self.crossing_share:
            side = rng.choice([-1, 1])
            z = rng.uniform(4, 9)
            x, vx, vz = side * (0.6 * z + 0.5), -side * speed * 0.95, -speed * rng.uniform(0, 0.3)
        else:
            x, z = rng.uniform(-2.5, 2.5), rng.uniform(13, 16)
            vx, vz = rng.uniform(-0.15, 0.15) * speed, -speed
        for i in range(number):
            walker = Walker(
                start_s=t,
                end_s=t + 40,
                x=x + 0.65 * i + rng.normal(0, 0.08),
                z=z + rng.normal(0, 0.25),
                vx=vx + rng.normal(0, 0.03),
                vz=vz + rng.normal(0, 0.03),
                height=rng.uniform(1.5, 1.8),
                gait_hz=rng.uniform(1.6, 2.1),
                phase=rng.uniform(0, 6.3),
            )
            times = [s for s in np.arange(t, t + 40, 0.1) if shown(walker.face(s))]
            if not times:
                times = [t, t]
            first, last = times[0], times[-1]
            for _ in range(rng.poisson(self.bursts_per_walker)):
                at = rng.uniform(first, last)
                walker.misses.append((at, at + rng.uniform(0.3, self.burst_s)))
            self.walkers.append(walker)
        for i in range(len(self.walkers) - number, len(self.walkers)):
            if rng.random() < self.objecting_share:
                self._object(i)

    def _object(self, i: int) -> None:
        """Lets a walker shake the head while the face is not hidden."""
        walker = self.walkers[i]
        times = np.arange(walker.start_s, walker.end_s, 0.2)
        seen = [i in self.visible(t) for t in times]
        able = [t for n, t in enumerate(times) if n >= 8 and all(seen[n - 8 : n + 1])]
        if not able:
            return
        at = walker.objects_at_s = float(self.rng.choice(able))
        walker.misses = [(a, b) for a, b in walker.misses if b < at - 1.6 or a > at + 0.1]
        if self.lost_after_shake_s:
            walker.misses.append((at + 0.1, at + 0.1 + self.lost_after_shake_s))

    def _anywhere(self) -> Box:
        x, y = self.rng.uniform(50, SIZE[0] - 50), self.rng.uniform(50, SIZE[1] - 50)
        size = self.rng.uniform(18, 60)
        return Box(x, y, x + size, y + size * 1.2)

    def visible(self, t: float) -> dict[int, Box]:
        """Faces that could be seen at `t`, by walker: in the picture and not hidden."""
        near = sorted(
            (i for i, w in enumerate(self.walkers) if w.start_s <= t <= w.end_s),
            key=lambda i: self.walkers[i].ground(t)[1],
        )
        bodies: list[Box] = []
        faces: dict[int, Box] = {}
        for i in near:
            face, body = self.walkers[i].face(t), self.walkers[i].body(t)
            if face is not None and shown(face):
                x, y = face.centre
                if not any(b.x0 < x < b.x1 and b.y0 < y for b in bodies):
                    faces[i] = face
            if body is not None:
                bodies.append(body)
        return faces

    def detect(self, t: float) -> list[Sight]:
        rng = self.rng
        sights = []
        for i, face in self.visible(t).items():
            walker = self.walkers[i]
            if rng.random() < self.miss_rate or any(a <= t <= b for a, b in walker.misses):
                continue
            score = float(np.clip(rng.normal(0.75, 0.15), 0.2, 1.0))
            state = MaskState.WITH_MASK
            if walker.objects_at_s is not None:
                state = MaskState.WITHOUT_MASK
            sights.append(Sight(Detection(self._jittered(face), state, score), i))
        if rng.random() < self.false_per_s / 10:
            sights.append(self._false(self._anywhere()))
        if rng.random() < self.flicker_share:
            sights.append(self._false(self._jittered(self.flicker[rng.integers(3)])))
        return sights

    def _false(self, box: Box) -> Sight:
        score = float(self.rng.uniform(0.3, 0.7))
        return Sight(Detection(box, MaskState.INCORRECT, score), -1)

    def _jittered(self, box: Box) -> Box:
        dx, dy, dw, dh = self.rng.normal(0, self.jitter, 4)
        w, h = box.width * math.exp(dw), box.height * math.exp(dh)
        x, y = box.centre[0] + dx * box.width, box.centre[1] + dy * box.height
        return Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)

    def truth(self, least_s: float = 0.7) -> tuple[int, int]:
        """Number of ordinary and of objecting walkers seen for `least_s` or more."""
        seen: dict[int, float] = {}
        for t in np.arange(0, self.seconds, 0.1):
            for i in self.visible(t):
                seen[i] = seen.get(i, 0) + 0.1
        long = [i for i, s in seen.items() if s >= least_s]
        objecting = sum(self.walkers[i].objects_at_s is not None for i in long)
        return len(long) - objecting, objecting


class Outcome(NamedTuple):
    counted: int
    missed_objections: int  # objected on a track, and counted nevertheless
    false: int  # false alarms counted
    without_track: int  # shook the head where there was no track


def run(street: Street, *, detect_fps: float, fps: float = 15, latency_s: float = 0.0) -> Outcome:
    """Walks the street through a `Crowd` as the unit does."""
    crowd = Crowd(frame_size=SIZE, high_score=0.5, recording=True)
    passages = []
    waiting: list[tuple[float, float, list[Detection]]] = []
    objections = sorted((w.objects_at_s, i) for i, w in enumerate(street.walkers) if w.objects_at_s)
    without = 0
    next_detection = 0.0
    for n in range(int(street.seconds * fps)):
        t = n / fps
        if t >= next_detection:
            waiting.append((t + latency_s, t, [s.detection for s in street.detect(t)]))
            next_detection += street.rng.uniform(0.7, 1.3) / detect_fps
        while waiting and waiting[0][0] <= t:
            _, at_s, detections = waiting.pop(0)
            crowd.update(detections, at_s)
        while objections and objections[0][0] <= t:
            _, i = objections.pop(0)
            face = street.walkers[i].face(t)
            assert face is not None
            heads = crowd.heads(t)
            best = max(heads, key=lambda k: heads[k].iou(face), default=None)
            if best is None or heads[best].iou(face) < 0.2:
                without += 1
            else:
                crowd.record_objection(best)
        passages += crowd.take_passages(t, observed=True)
    passages += crowd.finish(street.seconds)
    states = [p.state for p in passages]
    return Outcome(
        counted=states.count(MaskState.WITH_MASK) + states.count(MaskState.UNCLEAR),
        missed_objections=states.count(MaskState.WITHOUT_MASK),
        false=states.count(MaskState.INCORRECT),
        without_track=without,
    )
