"""The rendered street: a frame and its truth for any moment."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from maskcam.street.backdrop import paint_street
from maskcam.street.canvas import Image
from maskcam.street.cast import SceneConfig, draw_cast
from maskcam.street.figure import Figure
from maskcam.street.lighting import weather
from maskcam.street.painter import draw_people
from maskcam.street.seen import faces_of, people_at
from maskcam.street.truth import FaceTruth, PassageTruth, SceneTruth
from maskcam.street.walk import Gesture

_LOOK_S = 0.1
_FACE_PX = 20.0
_SEEN_S = 1.0
_SEEN_SHARE = 0.4
_SPARE_PX = 64


class Scene:
    """A street with people, by a configuration and its seed.

    The same configuration and time always give the same frame.
    """

    def __init__(self, config: SceneConfig | None = None) -> None:
        self.config = config or SceneConfig()
        self.camera = self.config.camera
        self.cast = draw_cast(self.config)
        rng = np.random.default_rng([self.config.seed, 0x57EE])
        self._sky = weather(self.config.light, rng)

    @cached_property
    def street(self) -> Image:
        """The empty street (H, W, 3), RGB, without noise."""
        return paint_street(self.camera, self._sky, np.random.default_rng([self.config.seed, 0xBD]))

    @cached_property
    def _grain(self) -> tuple[Image, Image]:
        """Sensor noise, larger than a frame: what brightens and what darkens."""
        rng = np.random.default_rng([self.config.seed, 0x9A1])
        wide, high = self.camera.size
        shape = (high + _SPARE_PX, wide + _SPARE_PX, 3)
        sigma = self._sky.noise * self.config.noise
        noise = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), 0.55)
        noise = noise * np.float32(1.5 * sigma) + np.float32(0.5) * rng.standard_normal(
            (*shape[:2], 1), np.float32
        ) * np.float32(sigma)
        return (
            np.clip(np.round(noise), 0, 255).astype(np.uint8),
            np.clip(np.round(-noise), 0, 255).astype(np.uint8),
        )

    def people(self, at_s: float) -> dict[int, Figure]:
        """Returns who is in the street at a time, by their number in the scene."""
        return people_at(self.cast, at_s)

    def render(self, at_s: float) -> Image:
        """Returns the frame (H, W, 3) RGB at a time of the scene's clock."""
        frame = self.street.copy()
        figures = list(self.people(at_s).values())
        draw_people(frame, figures, self.camera, self._sky, exposure_s=self.config.exposure_s)
        if self.config.noise > 0:
            # Where the noise sheet lies follows from the time alone.
            lot = np.random.default_rng([self.config.seed, abs(int(at_s * 1e6))])
            top, left = lot.integers(0, _SPARE_PX, 2)
            wide, high = self.camera.size
            here = slice(top, top + high), slice(left, left + wide)
            bright, dark = self._grain
            cv2.add(frame, bright[here], dst=frame)
            cv2.subtract(frame, dark[here], dst=frame)
        return frame

    def faces(self, at_s: float) -> list[FaceTruth]:
        """Returns the faces that are turned to the camera and at least partly in the frame."""
        return faces_of(self.people(at_s), self.camera)

    @cached_property
    def truth(self) -> SceneTruth:
        """Every passage of the scene: faces of 20 px and more, seen for 1 s and longer."""
        return self.truth_until(self.config.duration_s)

    def truth_until(self, until_s: float) -> SceneTruth:
        """Returns the passages up to a time; whoever is still in view then is taken to leave.

        Takes about 2 % of the time asked for, so ask for no more than was shown.
        """
        seen: dict[int, list[float]] = {}
        left: dict[int, float] = {}
        for at_s in np.arange(0, until_s, _LOOK_S).tolist():
            for face in self.faces(at_s):
                if face.visible >= _SEEN_SHARE:
                    left[face.person] = at_s
                    if face.box.height >= _FACE_PX:
                        seen.setdefault(face.person, []).append(at_s)
        passages = (
            PassageTruth(
                person=number,
                begin_s=times[0],
                end_s=left[number] + _LOOK_S,
                state=self.cast[number].look.state,
                objects=tuple(
                    (act.begin_s, act.end_s)
                    for act in self.cast[number].acts
                    if act.gesture is Gesture.SHAKE
                ),
            )
            for number, times in seen.items()
            if len(times) * _LOOK_S >= _SEEN_S
        )
        return SceneTruth(tuple(sorted(passages, key=lambda p: p.end_s)))
