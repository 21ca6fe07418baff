"""The rendered street as a camera, at its own pace and as fast as it's read."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from maskcam.camera.base import Camera, fitted
from maskcam.errors import CameraError
from maskcam.street import Scene, SceneCamera, SceneConfig

CONFIG = SceneConfig(seed=2, duration_s=0.5, fps=10, size=(320, 180))


@pytest.fixture(scope="module")
def scene():
    scene = Scene(CONFIG)
    scene.render(0.0)
    return scene


def test_it_is_a_camera(scene):
    camera: Camera = SceneCamera(scene, rgb_size=(96, 96))
    assert camera.size == (320, 180)
    assert camera.rgb_size == (96, 54)


def test_fast_serves_every_frame_on_the_scene_s_clock(scene):
    with SceneCamera(scene, rgb_size=(160, 160), fast=True) as camera:
        frames = []
        while (frame := camera.read(timeout_s=1)) is not None:
            frames.append(frame)
        assert camera.read(timeout_s=1) is None
    assert [f.captured_at_s for f in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    for frame in frames:
        assert frame.luma.shape == (180, 320)
        assert frame.rgb.shape == (90, 160, 3)
        assert frame.luma.dtype == frame.rgb.dtype == np.uint8
        assert abs(frame.luma.mean() - frame.rgb.mean()) < 12


def test_real_time_is_paced_and_stamped_by_the_monotonic_clock(scene):
    with SceneCamera(scene, rgb_size=(160, 90)) as camera:
        began = time.monotonic()
        stamps = []
        while (frame := camera.read(timeout_s=1)) is not None:
            stamps.append(frame.captured_at_s)
        took = time.monotonic() - began
    assert took >= 0.4
    assert stamps[0] == pytest.approx(began, abs=0.05)
    assert stamps == sorted(set(stamps))


def test_a_slow_reader_misses_frames(scene):
    with SceneCamera(scene, rgb_size=(160, 90)) as camera:
        first = camera.read(timeout_s=1)
        time.sleep(0.25)
        second = camera.read(timeout_s=1)
    assert first
    assert second
    assert second.captured_at_s - first.captured_at_s >= 0.19


def test_waiting_longer_than_allowed_is_an_error(scene):
    slow = Scene(replace(CONFIG, fps=0.2, duration_s=60))
    with SceneCamera(slow, rgb_size=(160, 90)) as camera:
        camera.read(timeout_s=1)
        with pytest.raises(CameraError, match="wait longer"):
            camera.read(timeout_s=0.05)


def test_a_closed_camera_says_so(scene):
    with pytest.raises(CameraError, match="not open"):
        SceneCamera(scene, rgb_size=(160, 90)).read(timeout_s=1)


@pytest.mark.parametrize(
    ("size", "into", "expected"),
    [((1280, 720), (320, 320), (320, 180)), ((720, 1280), (320, 320), (180, 320))],
)
def test_fitted_keeps_the_aspect(size, into, expected):
    assert fitted(size, into) == expected
