"""How people move: their path past the camera, their gait and what their heads do.

Every movement is a plain function of time, so any moment can be asked for.
Angles in radians, times in seconds of the scene's clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from maskcam.street.figure import Figure
from maskcam.street.look import Look

_STEP_S = 0.02


class Gesture(StrEnum):
    """What a head does on top of walking; only a shake objects."""

    SHAKE = "shake"
    NOD = "nod"
    GLANCE = "glance"
    LOOK_BOTH_WAYS = "look_both_ways"
    LOOK_DOWN = "look_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One gesture, from `begin_s` for `lasts_s`.

    size: peak to peak of a shake or nod, else how far the head turns.
    rate_hz, phase: of a shake or nod.
    """

    gesture: Gesture
    begin_s: float
    lasts_s: float
    size: float
    rate_hz: float = 0.0
    phase: float = 0.0

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.begin_s + self.lasts_s

    def turn(self, at_s: float) -> tuple[float, float]:
        """Returns what the gesture adds to yaw and pitch at a time."""
        into = at_s - self.begin_s
        if not 0 < into < self.lasts_s:
            return 0.0, 0.0
        match self.gesture:
            case Gesture.SHAKE | Gesture.NOD:
                ramp = min(0.12, 0.2 / self.rate_hz)
                strength = _ease(into / ramp) * _ease((self.lasts_s - into) / ramp)
                wave = math.sin(2 * math.pi * self.rate_hz * into + self.phase)
                swing = self.size / 2 * wave * strength
                return (swing, 0.0) if self.gesture is Gesture.SHAKE else (0.0, abs(swing) * 1.4)
            case Gesture.GLANCE:
                return self.size * _held(into, self.lasts_s), 0.0
            case Gesture.LOOK_BOTH_WAYS:
                half = self.lasts_s / 2
                first = into < half
                direction = 1 if first else -1
                return direction * self.size * _held(into if first else into - half, half), 0.0
            case Gesture.LOOK_DOWN:
                return 0.0, abs(self.size) * _held(into, self.lasts_s)


def _ease(x: float) -> float:
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)


def _held(into: float, lasts: float) -> float:
    """Returns 0..1..0: turns in 0.35 s, holds, turns back."""
    turn = min(0.38, lasts / 3)
    return _ease(into / turn) * _ease((lasts - into) / turn)


@dataclass(frozen=True, kw_only=True)
class Walker:
    """One person's path from far down the street to behind the camera.

    begin_s: when the walk begins. speed: m/s. path: the place (x, z) at which
    it begins and the one at which it ends, in metres. stop_s: begin and end of a
    pause, if any; the walk goes on after it. away: walks with the back to the
    camera. still: stands on its place for the whole scene.
    """

    look: Look
    begin_s: float
    speed: float
    path: tuple[tuple[float, float], tuple[float, float]]
    tall: float
    acts: tuple[Act, ...] = ()
    stop_s: tuple[float, float] | None = None
    step_hz: float = 0.95
    phase: float = 0.0
    weave_m: float = 0.05
    gaze: tuple[float, float, float] = field(default=(0.05, 0.07, 0.0))
    still: bool = False

    @property
    def _long_m(self) -> float:
        (x0, z0), (x1, z1) = self.path
        return math.hypot(x1 - x0, z1 - z0)

    @cached_property
    def _halting(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Times, metres walked and speeds of a walk with a pause, on a fine grid."""
        assert self.stop_s is not None
        lasts = self._long_m / self.speed + self.stop_s[1] - self.stop_s[0] + 3.0
        times = self.begin_s + np.arange(0, lasts, _STEP_S)
        ramp = 0.5
        before = np.clip((times - self.stop_s[0] + ramp) / ramp, 0, 1)
        after = np.clip((self.stop_s[1] + ramp - times) / ramp, 0, 1)
        halt = np.minimum(before, after)
        speeds = self.speed * (1 - halt * halt * (3 - 2 * halt))
        walked = np.concatenate([[0.0], np.cumsum(speeds[:-1]) * _STEP_S])
        return times, walked, speeds

    def _progress(self, at_s: float) -> tuple[float, float]:
        """Returns metres walked and speed at a time."""
        if self.still:
            return 0.0, 0.0
        if self.stop_s is None:
            return (at_s - self.begin_s) * self.speed, self.speed
        times, walked, speeds = self._halting
        return float(np.interp(at_s, times, walked)), float(np.interp(at_s, times, speeds))

    @cached_property
    def end_s(self) -> float:
        """When the walk is over."""
        if self.still:
            return math.inf
        if self.stop_s is None:
            return self.begin_s + self._long_m / self.speed
        times, walked, _ = self._halting
        return float(times[min(int(np.searchsorted(walked, self._long_m)), len(times) - 1)])

    def figure(self, at_s: float) -> Figure | None:
        """Returns the person at a time, or None when not in the street."""
        if not self.begin_s <= at_s < self.end_s:
            return None
        (x0, z0), (x1, z1) = self.path
        walked, speed = self._progress(at_s)
        long = self._long_m
        along_x, along_z = (x1 - x0) / long, (z1 - z0) / long
        weave = self.weave_m * math.sin(walked * 0.9 + self.phase)
        # One gait cycle is two steps: sway and yaw once a cycle, bob twice.
        cadence = self.step_hz / self.speed if self.speed else 0.0
        stride = 2 * math.pi * cadence * walked + self.phase
        brisk = min(1.0, speed / 1.2)
        idle = 0.006 * math.sin(1.9 * at_s + self.phase)
        slope = self.weave_m * 0.9 * math.cos(walked * 0.9 + self.phase)
        x, z = x0 + along_x * walked - along_z * weave, max(0.35, z0 + along_z * walked)
        heading = math.atan2(along_x, -along_z) + (0.0 if self.still else slope)
        to_camera = math.atan2(-x, z) - heading
        yaw, pitch = self._gaze(at_s, stride, brisk, to_camera)
        onward = stride + 2 * math.pi * cadence * speed * 0.01
        later, _ = self._gaze(at_s + 0.01, onward, brisk, to_camera)
        return Figure(
            look=self.look,
            x=x,
            z=z,
            tall=self.tall,
            heading=heading,
            yaw=yaw,
            pitch=pitch,
            roll=0.025 * brisk * math.sin(stride + 0.6) + 0.01 * math.sin(0.7 * at_s + self.phase),
            stride=stride,
            bob=brisk * 0.022 * math.cos(2 * stride),
            sway=brisk * 0.018 * math.sin(stride) + idle,
            yaw_rate=(later - yaw) / 0.01,
            speed=speed,
        )

    def _gaze(
        self, at_s: float, stride: float, brisk: float, to_camera: float
    ) -> tuple[float, float]:
        """Returns yaw and pitch: where the eyes wander, the gait and the acts."""
        drift, pitch, aim = self.gaze
        yaw = drift * math.sin(0.53 * at_s + 2 * self.phase) + 0.5 * drift * math.sin(
            1.31 * at_s + self.phase
        )
        yaw += aim + brisk * 0.035 * math.sin(stride + 0.3)
        pitch += 0.03 * math.sin(0.41 * at_s + self.phase)
        pitch += brisk * 0.014 * math.cos(2 * stride + 0.5)
        for act in self.acts:
            if act.gesture is Gesture.SHAKE:
                # People who object look at the camera, so as to be seen.
                before, after = at_s - act.begin_s + 0.5, act.end_s + 0.4 - at_s
                near = _ease(before / 0.5) * _ease(after / 0.4)
                yaw += near * (to_camera - yaw) * 0.9
                pitch += near * (-0.1 - pitch) * 0.8
            more_yaw, more_pitch = act.turn(at_s)
            yaw += more_yaw
            pitch += more_pitch
        return yaw, pitch
