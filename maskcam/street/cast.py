"""Draws by lot who comes down the street, when, and what they do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from maskcam.street.geometry import PinholeCamera
from maskcam.street.lighting import Light
from maskcam.street.look import Wearing, draw_look
from maskcam.street.seen import only_seen_objections
from maskcam.street.walk import Act, Gesture, Walker

_START_Z_M = 15.0
_END_Z_M = 0.9
_HEAD_M = 0.232
_SHAKE_HEAD_PX = 38
_IDLE = {
    Gesture.GLANCE: 0.45,
    Gesture.NOD: 0.2,
    Gesture.LOOK_BOTH_WAYS: 0.15,
    Gesture.LOOK_DOWN: 0.2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneConfig:
    """What a rendered street is like.

    seed: everything drawn by lot follows from it. duration_s: length of the
    scene. people_per_minute: how many come, on average. with_mask, incorrect:
    shares of all; the rest wears none. objectors: share that shakes the head.
    grouped: share that comes in twos and threes. away: people walking away, as
    a share added to those that come. light: time of day. noise: factor on the
    sensor noise. fps: frames per second. size: of the frame in px.
    exposure_s: shutter time. standing: exactly so many people stand in view for
    the whole scene, and nobody walks; None for a street with walkers.
    height_m, tilt_deg, view_deg: of the camera.
    """

    seed: int = 1
    duration_s: float = 180.0
    people_per_minute: float = 12.0
    with_mask: float = 0.5
    incorrect: float = 0.08
    objectors: float = 0.08
    grouped: float = 0.35
    away: float = 0.08
    light: Light = Light.DAY
    noise: float = 1.0
    fps: float = 15.0
    size: tuple[int, int] = (1280, 720)
    exposure_s: float = 0.012
    standing: int | None = None
    height_m: float = 3.0
    tilt_deg: float = 12.0
    view_deg: float = 60.0

    @property
    def camera(self) -> PinholeCamera:
        """The camera on its pole."""
        return PinholeCamera(
            size=self.size,
            height_m=self.height_m,
            tilt_deg=self.tilt_deg,
            view_deg=self.view_deg,
        )


def draw_cast(config: SceneConfig) -> tuple[Walker, ...]:
    """Returns everybody who is in the street at some time."""
    rng = np.random.default_rng([config.seed, 0xCA57])
    if config.standing is not None:
        return _standing(config, rng)
    return only_seen_objections(_walking(config, rng), config.camera)


def _wearing(config: SceneConfig, rng: np.random.Generator) -> Wearing:
    lot = rng.random()
    if lot < config.with_mask:
        return Wearing.RIGHT
    if lot < config.with_mask + config.incorrect:
        return Wearing.NOSE_OUT if rng.random() < 0.55 else Wearing.ON_CHIN
    return Wearing.NONE


def _tall(rng: np.random.Generator) -> float:
    return float(np.clip(rng.normal(1.69, 0.08), 1.5, 1.95))


def _standing(config: SceneConfig, rng: np.random.Generator) -> tuple[Walker, ...]:
    """Returns people spread over the view so that nobody hides another's face."""
    assert config.standing is not None
    people = []
    rows = max(1, math.ceil(config.standing / 5))
    for number in range(config.standing):
        row, place = divmod(number, 5)
        in_row = min(5, config.standing - row * 5)
        z = 4.6 + 1.7 * row + float(rng.uniform(-0.2, 0.2))
        half = math.tan(math.radians(config.view_deg / 2)) * z * 0.8
        spread = (place + 0.5 + 0.5 * (row % 2) * (rows > 1)) / (in_row + 0.5) * 2 - 1
        x = half * spread * 0.9
        people.append(
            Walker(
                look=draw_look(int(rng.integers(1 << 30)), _wearing(config, rng)),
                begin_s=-1.0,
                speed=1.0,
                path=((x, z), (x * 0.3, 0.0)),
                tall=_tall(rng),
                phase=float(rng.uniform(0, 6.28)),
                still=True,
            )
        )
    return tuple(people)


def _walking(config: SceneConfig, rng: np.random.Generator) -> tuple[Walker, ...]:
    people: list[Walker] = []
    wanted = round(config.people_per_minute * config.duration_s / 60)
    at_s = -8.0
    last_lane = 0.0
    while len(people) < wanted:
        size = 1
        if rng.random() < config.grouped / 2:
            size = int(rng.choice([2, 3], p=[0.75, 0.25]))
        size = min(size, wanted - len(people))
        gap = 60 / config.people_per_minute * size
        at_s += gap * float(rng.uniform(0.55, 1.45))
        lane = float(rng.uniform(-2.4, 2.4))
        if abs(lane - last_lane) < 0.9:
            lane = -lane if abs(lane) > 0.5 else lane + math.copysign(1.6, -last_lane)
        last_lane = lane
        people += _group(config, rng, size, at_s, lane)
    lasting = config.duration_s - 1.5
    people = [p for p in people if p.end_s < lasting]
    for _ in range(round(wanted * config.away)):
        people.append(_leaving(config, rng))
    return tuple(sorted(people, key=lambda p: p.begin_s))


def _group(
    config: SceneConfig, rng: np.random.Generator, size: int, at_s: float, lane: float
) -> list[Walker]:
    """Returns people who walk side by side."""
    speed = float(np.clip(rng.normal(1.25, 0.15), 0.85, 1.7))
    drift = float(rng.uniform(-0.5, 0.5))
    members = []
    for place in range(size):
        x = lane + (place - (size - 1) / 2) * 0.78 + float(rng.normal(0, 0.04))
        start = _START_Z_M + float(rng.normal(0, 0.18))
        walker = Walker(
            look=draw_look(int(rng.integers(1 << 30)), _wearing(config, rng)),
            begin_s=at_s,
            speed=speed,
            path=((x * 1.15, start), (x * 0.62 + drift * 0.3, _END_Z_M - 0.6)),
            tall=_tall(rng),
            step_hz=float(rng.uniform(0.82, 1.08)),
            phase=float(rng.uniform(0, 2 * math.pi)),
            weave_m=float(rng.uniform(0.01, 0.06)),
            gaze=(float(rng.uniform(0.03, 0.14)), float(rng.uniform(0.02, 0.16)), 0.0),
        )
        if rng.random() < config.objectors:
            members.append(_with_shake(walker, config, rng, alone=size == 1))
        else:
            members.append(_with_idle_acts(walker, config, rng))
    return members


def _time_at(walker: Walker, config: SceneConfig, head_px: float) -> float:
    """Returns when the head of an unhindered walk reaches a height in px."""
    depth = _HEAD_M * config.camera.focal_px / head_px
    (x0, z0), (x1, z1) = walker.path
    share = (z0 - depth) / (z0 - z1)
    return walker.begin_s + share * math.hypot(x1 - x0, z1 - z0) / walker.speed


def _with_shake(
    walker: Walker, config: SceneConfig, rng: np.random.Generator, *, alone: bool
) -> Walker:
    """Returns the walker shaking the head; somebody alone may stop for it."""
    rate = float(rng.uniform(1.1, 3.0))
    swings = float(rng.integers(4, 8))
    lasts = max(1.1, swings / 2 / rate)
    first = _time_at(walker, config, _SHAKE_HEAD_PX)
    last = _time_at(walker, config, 84) - lasts
    stops = alone and rng.random() < 0.4
    begin = first + float(rng.uniform(0, 1)) * max(0.0, last - first)
    shake = Act(
        gesture=Gesture.SHAKE,
        begin_s=begin,
        lasts_s=lasts,
        # Fast shakes are narrow: necks turn at some 300 degrees per second, not more.
        size=math.radians(float(rng.uniform(24, min(60.0, 95 / rate)))),
        rate_hz=rate,
        phase=float(rng.choice([0.0, math.pi])),
    )
    pause = (begin - 0.2, shake.end_s + 0.2) if stops else None
    return replace(walker, acts=(shake,), stop_s=pause)


def _with_idle_acts(walker: Walker, config: SceneConfig, rng: np.random.Generator) -> Walker:
    """Returns the walker glancing, nodding and looking about while large enough to be seen."""
    acts = []
    at = _time_at(walker, config, 18) + float(rng.uniform(0, 2))
    until = _time_at(walker, config, 90)
    while at < until:
        act = _idle_act(at + float(rng.exponential(3.0)), rng)
        acts.append(act)
        at = act.begin_s + (act.lasts_s + 0.3)
    return replace(walker, acts=tuple(acts))


def _idle_act(begin_s: float, rng: np.random.Generator) -> Act:
    gesture = Gesture(str(rng.choice([idle.value for idle in _IDLE], p=list(_IDLE.values()))))
    direction = float(rng.choice([-1.0, 1.0]))
    lasts = float(rng.uniform(0.9, 2.4))
    degrees = float(rng.uniform(15, 50))
    rate = float(rng.uniform(0.8, 2.0))
    if gesture is Gesture.NOD:
        degrees, lasts = float(rng.uniform(10, 26)), float(rng.integers(2, 5)) / rate / 2
    elif gesture is Gesture.LOOK_BOTH_WAYS:
        degrees, lasts = float(rng.uniform(25, 60)), float(rng.uniform(1.8, 3.4))
    elif gesture is Gesture.LOOK_DOWN:
        degrees = float(rng.uniform(8, 22))
    size = direction * math.radians(degrees)
    return Act(gesture=gesture, begin_s=begin_s, lasts_s=lasts, size=size, rate_hz=rate)


def _leaving(config: SceneConfig, rng: np.random.Generator) -> Walker:
    """Returns somebody who walks away from the camera, face unseen."""
    x = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(2.2, 3.4))
    return Walker(
        look=draw_look(int(rng.integers(1 << 30)), _wearing(config, rng)),
        begin_s=float(rng.uniform(-5, max(0.0, config.duration_s - 10))),
        speed=float(rng.uniform(1.0, 1.5)),
        path=((x * 0.7, 1.0), (x * 1.3, 26.0)),
        tall=_tall(rng),
        phase=float(rng.uniform(0, 6.28)),
        gaze=(0.05, 0.05, 0.0),
    )
