"""Light and focus, on pictures made worse step by step."""

import time

import cv2
import numpy as np
import pytest

from maskcam.vision.quality import QualityMeter


@pytest.fixture
def street():
    """Houses, windows and people-sized spots: edges of all kinds, in focus."""
    rng = np.random.default_rng(1)
    picture = np.full((720, 1280), 120, np.uint8)
    for _ in range(250):
        x, y = rng.integers(0, 1200), rng.integers(0, 660)
        w, h = rng.integers(8, 160, 2)
        picture[y : y + h, x : x + w] = rng.integers(20, 235)
    return cv2.GaussianBlur(picture, (0, 0), 0.7)


def measure(picture):
    return QualityMeter().measure(np.clip(picture, 0, 255).astype(np.uint8))


def test_a_sharp_bright_street_is_clear(street):
    assert measure(street).clear


@pytest.mark.parametrize("blur_px", [1, 2, 3])
def test_a_little_blur_does_not_matter(street, blur_px):
    assert measure(cv2.GaussianBlur(street, (0, 0), blur_px)).clear


def test_a_camera_out_of_focus_is_not_clear(street):
    assert not measure(cv2.GaussianBlur(street, (0, 0), 10)).clear


def test_noise_is_not_taken_for_focus(street):
    noise = np.random.default_rng(0).normal(0, 5, street.shape)
    assert not measure(cv2.GaussianBlur(street, (0, 0), 12) + noise).clear


def test_night_and_glare_are_not_clear(street):
    assert not measure(street * 0.05).clear
    assert not measure(street * 0.1 + 245).clear


def test_fog_is_not_clear(street):
    assert not measure(street * 0.03 + 120).clear


def test_a_flat_picture_is_not_clear():
    assert not measure(np.full((720, 1280), 128)).clear


def test_sharpness_falls_with_blur(street):
    found = [measure(cv2.GaussianBlur(street, (0, 0), s)).sharpness for s in (1, 2, 4, 8)]
    assert found == sorted(found, reverse=True)


def test_a_frozen_camera_shows_no_change(street):
    meter = QualityMeter()
    assert meter.measure(street).changed
    assert not meter.measure(street.copy()).changed
    assert meter.measure(street + 1).changed


def test_it_is_cheap(street):
    meter, spent = QualityMeter(), []
    for _ in range(30):
        began = time.perf_counter()
        meter.measure(street)
        spent.append(time.perf_counter() - began)
    assert min(spent) < 0.002  # 0.2 ms on a quiet machine
