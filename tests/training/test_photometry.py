"""Light, lens and sensor change what they should, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from training import photometry


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def scene(rng):
    return rng.integers(60, 180, (48, 64, 3), np.uint8)


@pytest.mark.parametrize(("angle_deg", "axis"), [(0, 1), (90, 0)])
def test_motion_smears_along_its_direction_and_keeps_the_light(angle_deg, axis):
    dot = np.zeros((31, 31, 3), np.uint8)
    dot[15, 15] = 250
    smeared = photometry.motion_blur(dot, 5, angle_deg)[..., 0]
    assert np.count_nonzero(smeared.sum(axis=1 - axis)) == pytest.approx(5, abs=1)
    assert np.count_nonzero(smeared.sum(axis=axis)) == 1
    assert smeared.sum() == pytest.approx(250, abs=5)


@pytest.mark.parametrize("sigma", [3.0, 12.0])
def test_noise_has_its_size_and_no_bias(rng, sigma):
    grey = np.full((60, 80, 3), 120, np.uint8)
    grain = photometry.noise(grey, sigma, rng).astype(float) - 120
    assert grain.std() == pytest.approx(sigma, rel=0.1)
    assert abs(grain.mean()) < 0.6  # half a level is lost where values are cut to whole numbers


def test_twice_the_light_is_twice_the_light(scene):
    brighter = photometry.gain(scene, 1.5)
    linear = (brighter / 255.0) ** 2.2 / (scene / 255.0) ** 2.2
    assert np.median(linear) == pytest.approx(1.5, rel=0.03)
    assert np.abs(photometry.gain(scene, 1.0).astype(int) - scene).max() <= 1


def test_against_the_light_the_sky_is_brighter_and_the_people_are_darker(scene):
    change = photometry.back_light(scene, 2.0).astype(int) - scene
    assert change[:4].mean() > 20
    assert change[30:].mean() < -30


def test_a_draw_is_the_same_for_the_same_seed_and_another_one_for_another(scene):
    draws = [photometry.vary(scene, np.random.default_rng(seed)) for seed in range(40)]
    again = [photometry.vary(scene, np.random.default_rng(seed)) for seed in range(40)]
    assert all(np.array_equal(*pair) for pair in zip(draws, again, strict=True))
    assert len({draw.tobytes() for draw in draws}) == 40
    assert {(draw.shape, draw.dtype) for draw in draws} == {(scene.shape, scene.dtype)}
