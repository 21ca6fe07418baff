"""Streets without a head shake, measured as a unit would."""

from __future__ import annotations

import pytest

from headclips.signals import measure_streets
from maskcam.people.headshake import HeadShakeRecogniser


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("large", [False, True])
def test_nobody_in_a_street_shakes_the_head_and_signals_are_kept(tmp_path, large):
    found = list(measure_streets([40_001], tmp_path, large=large))
    assert len(found) > 5
    assert {signal.facts["label"] for signal in found} == {"none"}
    objecting = [
        signal for signal in found if any(map(HeadShakeRecogniser().update, signal.motions))
    ]
    assert len(objecting) <= 1
    assert list(measure_streets([40_001], tmp_path, large=large)) == found
    assert {file.name for file in tmp_path.iterdir()} == {
        "large-streets.jsonl" if large else "streets.jsonl"
    }
