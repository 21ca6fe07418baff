"""Small coded copies of clips, and streets whose heads are measured as a unit would."""

from __future__ import annotations

import numpy as np
import pytest

from headclips.small import SIZES_PX, SmallClip, code, make_small

HEAD_PX = 96.0
HIGH, WIDE = 150, 131
BOX = (30.0, 20.0, 90.0, 100.0)


def copy(seed: int, *, fps: float = 30, head_px: float = HEAD_PX) -> SmallClip:
    down, across = np.mgrid[:HIGH, :WIDE]
    waves = 128 + 60 * np.sin(across / 9) * np.cos(down / 7)
    lumas = np.stack([np.roll(waves, 2 * k, axis=1) for k in range(12)]).astype(np.uint8)
    boxes = np.tile(BOX, (12, 1))
    return make_small(lumas, boxes, np.random.default_rng(seed), head_px=head_px, fps=fps)


@pytest.mark.parametrize("seed", range(4))
def test_frames_and_boxes_shrink_with_the_head(seed):
    clip = copy(seed)
    _, high, wide = clip.lumas.shape
    scale = np.array([wide / WIDE, high / HIGH] * 2)
    assert SIZES_PX[0] <= clip.head_px <= SIZES_PX[1]
    assert len(clip.lumas) == len(clip.boxes) == len(clip.kept)
    assert np.allclose(scale, clip.head_px / HEAD_PX, atol=0.06)
    assert np.allclose(clip.boxes.mean(axis=0) / scale, BOX, atol=5)
    assert wide % 2 == high % 2 == 0
    assert clip.lumas.std() > 5


def test_a_fast_clip_may_lose_frames_and_a_slow_one_does_not():
    assert {int(copy(seed).kept[1]) for seed in range(8)} == {1, 2, 3}
    assert all(len(copy(seed, fps=10).kept) == 12 for seed in range(4))


def test_a_head_does_not_grow():
    assert copy(0, head_px=8.0).head_px == 8.0


def test_coarser_coding_loses_more():
    noise = np.random.default_rng(0).integers(0, 256, (4, 32, 32)).astype(np.uint8)
    lost = [
        float(np.abs(code(list(noise), 10, quality).astype(int) - noise).mean())
        for quality in (10, 24, 40)
    ]
    assert lost[0] < lost[1] < lost[2]
