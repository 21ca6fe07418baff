"""Where a head shake could not be seen, time does not count as observed."""

from __future__ import annotations

from typing import Any

import pytest

from maskcam.unit.visibility import Visibility


def observed_s(*, fps: float, seconds: float = 10, **spoilt: Any) -> float:
    """Returns the observed part of a run; `spoilt` frames last from 4 s to 6 s."""
    visibility = Visibility(min_fps=10)
    total = 0.0
    for index in range(round(seconds * fps)):
        at_s = index / fps
        bad = spoilt if 4 <= at_s < 6 else {}
        if bad.get("dropped"):
            continue
        seen = visibility.judge(
            at_s=at_s,
            clear=bool(bad.get("clear", True)),
            changed=bool(bad.get("changed", True)),
            detected_at_s=float(bad.get("detected_at_s", at_s)),
        )
        total += seen / fps
    return total


@pytest.mark.parametrize("fps", [10, 12, 15, 30])
def test_a_good_camera_is_observed_from_its_third_frame(fps):
    assert observed_s(fps=fps) == pytest.approx(10 - 2 / fps)


@pytest.mark.parametrize("fps", [2, 5, 8])
def test_too_slow_a_camera_never_is(fps):
    assert observed_s(fps=fps) == 0


def test_a_dark_time_is_not_observed():
    assert observed_s(fps=30, clear=False) == pytest.approx(8, abs=0.1)


def test_a_gap_is_not_observed():
    assert observed_s(fps=30, dropped=True) == pytest.approx(8, abs=0.2)


def test_a_silent_detector_is_noticed_within_its_limit():
    assert observed_s(fps=30, detected_at_s=4.0) == pytest.approx(9.5, abs=0.15)


def test_a_frozen_picture_is_noticed():
    visibility = Visibility(min_fps=10)
    seen = [
        visibility.judge(at_s=i / 30, clear=True, changed=i < 60, detected_at_s=i / 30)
        for i in range(300)
    ]
    assert all(seen[3:119])
    assert not any(seen[121:])
