"""A short soak of the unit on a network camera that fails; the long one is rtsp_soak.py itself."""

from __future__ import annotations

import pytest

from tests.camera.rtsp_soak import LOST_S, START_S, soak

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


def test_a_unit_sees_what_a_failing_camera_sends_and_no_more(tmp_path):
    result = soak(tmp_path, minutes=3)
    assert result.faults >= 4
    assert result.observed_s <= result.sent_s + result.faults + 3
    lost_s = result.faults * LOST_S + result.starts * START_S
    assert result.observed_s >= result.sent_s - lost_s
