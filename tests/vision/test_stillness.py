"""A frozen picture under a clock or noise is distinguished from an empty street."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.camera.video import VideoCamera
from maskcam.street import Scene, SceneCamera, SceneConfig
from maskcam.unit.visibility import Visibility
from maskcam.vision.quality import QualityMeter
from tests.camera.films import encode

CLIPS = Path(__file__).parents[3] / "shared" / "data" / "clips"
FPS = 15
SIZE = (640, 360)
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
JPEG = ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")


def observed_s(frames, fps=FPS):
    """Returns how long a picture that is always clear counts as observed."""
    meter, visibility = QualityMeter(), Visibility(min_fps=10)
    seen = 0
    for index, luma in enumerate(frames):
        at_s = index / fps
        changed = meter.measure(luma, at_s).changed
        seen += visibility.judge(at_s=at_s, clear=True, changed=changed, detected_at_s=at_s)
    return seen / fps


@pytest.fixture(scope="module")
def empty():
    """Ten seconds of a rendered street in which nobody is; only the sensor's noise changes."""
    config = SceneConfig(seed=3, duration_s=10, people_per_minute=0.01, fps=FPS, size=SIZE)
    frames = []
    with SceneCamera(Scene(config), rgb_size=(320, 180), fast=True) as camera:
        while (frame := camera.read(timeout_s=5)) is not None:
            frames.append(frame.luma.copy())
    return frames


@pytest.fixture
def picture(empty):
    return empty[0]


def with_noise(picture, sigma, seconds=12):
    random = np.random.default_rng(1)
    for _ in range(seconds * FPS):
        noisy = picture + random.normal(0, sigma, picture.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def with_clock(picture, corner, text="08:{:02d}:{:02d}.{:02d}", seconds=12, height=1.0):
    x, y = corner
    for index in range(seconds * FPS):
        shown = picture.copy()
        time = text.format(index // 900, index // 15 % 60, index % 15)
        cv2.putText(shown, time, (x, y), cv2.FONT_HERSHEY_SIMPLEX, height, (255,), 2)
        yield shown


def through(tmp_path, frames, *options):
    """Returns the frames as a codec gives them back."""
    path = encode(tmp_path / "film.mkv", [np.dstack([f] * 3) for f in frames], *options, fps=FPS)
    found = []
    with VideoCamera(str(path), rgb_size=(320, 320)) as camera:
        while (frame := camera.read(timeout_s=5)) is not None:
            found.append(frame.luma.copy())
    return found


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.5, 0.7])
def test_a_frozen_picture_with_noise_is_not_observed(picture, sigma):
    assert observed_s(with_noise(picture, sigma)) < 5


@pytest.mark.parametrize("corner", [(10, 30), (380, 350), (250, 190), (200, 30)], ids=str)
def test_a_frozen_picture_with_a_running_clock_is_not_observed(picture, corner):
    assert observed_s(with_clock(picture, corner)) < 5


def test_a_frozen_picture_with_date_clock_and_noise_is_not_observed(picture):
    random = np.random.default_rng(1)
    frames = [
        np.clip(np.rint(frame + random.normal(0, 0.5, frame.shape)), 0, 255).astype(np.uint8)
        for frame in with_clock(picture, (10, 30), "2026-05-04 08:{:02d}:{:02d}.{:02d}", height=0.6)
    ]
    assert observed_s(frames) < 5


@pytest.mark.parametrize("options", [X264, JPEG], ids=["x264", "mjpeg"])
@pytest.mark.parametrize("what", ["noise", "clock"])
def test_a_frozen_picture_is_not_observed_through_a_codec(picture, tmp_path, what, options):
    frames = with_noise(picture, 0.5) if what == "noise" else with_clock(picture, (10, 30))
    assert observed_s(through(tmp_path, frames, *options)) < 9


def test_a_street_that_freezes_and_lives_again_is_observed_while_it_lives(empty):
    frames = [*empty, *with_noise(empty[-1], 0.4, seconds=10), *empty]
    assert 20 < observed_s(frames) < 25


def test_an_empty_street_is_observed(empty):
    assert observed_s(empty) == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize("options", [X264, JPEG, ("-c:v", "mpeg4", "-q:v", "4")], ids=str)
def test_an_empty_street_is_observed_through_a_codec(empty, tmp_path, options):
    assert observed_s(through(tmp_path, empty, *options)) > 9.5


def test_an_empty_street_is_observed_whose_zones_are_black(empty):
    zoned = [frame.copy() for frame in empty]
    for frame in zoned:
        frame[:, : SIZE[0] * 2 // 3] = 0
    assert observed_s(zoned) == pytest.approx(10, abs=0.2)


@pytest.mark.parametrize("sigma", [2, 4, 8])
def test_the_noise_of_a_sensor_in_the_dark_is_life(picture, sigma):
    assert observed_s(with_noise(picture // 4 + 10, sigma, seconds=10)) > 9.7


def test_light_that_wanders_is_life(picture):
    """A cloud passes, 2 grey levels in 10 s, and the camera has no noise at all."""
    drift = np.linspace(0, 4, picture.shape[1])
    frames = [
        np.clip(picture + drift * index / FPS / 5, 0, 255).astype(np.uint8)
        for index in range(10 * FPS)
    ]
    assert observed_s(frames) > 9


def test_somebody_who_walks_before_a_wall_without_noise_is_life(picture):
    frames = []
    for index in range(10 * FPS):
        shown = cv2.GaussianBlur(picture, (0, 0), 3)
        cv2.rectangle(shown, (100 + 2 * index, 120), (140 + 2 * index, 280), (30,), -1)
        frames.append(shown)
    assert observed_s(frames) > 9.5


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the clips are not part of the project")
@pytest.mark.parametrize("clip", ["still_real_02.mp4", "sign_sister_real.mp4", "tilt_real_01.mp4"])
def test_a_real_camera_that_stands_is_observed(clip):
    frames = []
    with VideoCamera(str(CLIPS / clip), rgb_size=(320, 320)) as camera:
        while (frame := camera.read(timeout_s=5)) is not None:
            frames.append(frame.luma.copy())
    fps = 30 if clip.startswith("sign") else 12
    for part in (np.s_[:, :], np.s_[:, : SIZE[0] // 6], np.s_[: SIZE[1] // 3]):
        assert observed_s([frame[part] for frame in frames], fps) > len(frames) / fps - 0.5
