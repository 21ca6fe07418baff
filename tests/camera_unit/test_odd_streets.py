"""A camera that goes over to its night mode, and a poster that people walk in front of."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from maskcam.camera.zones import ExclusionZones
from maskcam.records import Box, MaskState
from tests.camera_unit.test_replay import people, published
from tests.camera_unit.walkers import SIZE, ExactDetector, NoiseCamera, crowd

FLASH_S = (12.0, 12.4)


def night_mode(at_s, luma):
    """A bright flash; from then on cloth and leaves are bright, and the sky is dark."""
    if FLASH_S[0] <= at_s < FLASH_S[1]:
        luma[:] = 254
    elif at_s >= FLASH_S[1]:
        luma[:] = cv2.LUT(luma, np.linspace(200, 20, 256).astype(np.uint8))


@pytest.mark.parametrize("every_s", [2.0, 5.0])
def test_a_camera_that_goes_over_to_night_mode_counts_on_and_sees_no_objection(every_s):
    walkers = crowd(round(20 / every_s), every_s=every_s)
    camera = NoiseCamera(seconds=26, fps=10, walkers=walkers, spoil=night_mode)
    detector = ExactDetector(camera, walkers)
    count = next(published(camera, walkers, detector=detector))
    assert count.people == len(walkers)
    assert count.observed_s == pytest.approx(26 - (FLASH_S[1] - FLASH_S[0]), abs=1)
    assert detector.objecting == []


@dataclass(frozen=True)
class Poster:
    """A printed face, 40 px high, that is hidden for some seconds every twelve seconds."""

    hidden_s: float
    state: MaskState = MaskState.WITHOUT_MASK
    centre: tuple[float, float] = (500.0, 100.0)
    height: float = 40.0

    def box(self, at_s: float) -> Box | None:
        if at_s % 12 >= 12 - self.hidden_s:
            return None
        jitter = np.random.default_rng(round(at_s * 1000)).normal(0, 0.03, 3) * self.height
        height = self.height + jitter[2]
        x, y = self.centre[0] + jitter[0], self.centre[1] + jitter[1]
        return Box(x - 0.4 * height, y - height / 2, x + 0.4 * height, y + height / 2)


@pytest.mark.parametrize("hidden_s", [1.0, 2.5])
def test_a_poster_that_people_walk_in_front_of_is_counted_once_at_most(hidden_s):
    poster, walkers = Poster(hidden_s), crowd(9)
    camera = NoiseCamera(seconds=61, fps=10, walkers=[*walkers, poster])
    found = people(published(camera, [*walkers, poster]))
    assert abs(found - len(walkers)) <= 1  # it is hidden five times


def test_a_zone_over_a_poster_leaves_it_out():
    """Hidden for longer, by a van say, it is somebody new each time: no face is remembered."""
    x, y = (at / size for at, size in zip(Poster.centre, SIZE, strict=True))
    zone = [(x + dx, y + dy) for dx, dy in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))]
    poster = Poster(5.0)
    camera = NoiseCamera(seconds=37, fps=10, walkers=[poster])
    assert people(published(camera, [poster])) > 1  # of three times; noise may look like a "no"

    frame = NoiseCamera(seconds=1, walkers=[poster]).read(timeout_s=1)
    box = poster.box(0.0)
    assert frame is not None
    assert box is not None
    ExclusionZones([zone]).blank(frame)
    inside = frame.luma[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)]
    assert not inside.any()
