"""The unit's own model on real photographs and clips, where the shared data is at hand.

The floors are what the model reaches, less the width of the statistics: they are there
to notice when it gets worse. What it reaches is in models/MODEL_CARD.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from maskcam.evaluate import detections
from maskcam.people.windows import WindowRules
from maskcam.records import WindowKind
from maskcam.unit.replay import replay

DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="needs the photographs and clips of ../shared/data, which are not part of the project",
)


def people(clip: str) -> int:
    counts = replay(
        DATA / "clips" / clip,
        start=datetime(2026, 5, 4, 8, tzinfo=UTC),
        rules=WindowRules.preset("standard", exact=True),
    )
    return sum(count.people or 0 for count in counts if count.kind is WindowKind.COUNT)


def test_photographs_of_the_test_split():
    report = detections.evaluate(
        coco=DATA / "masks" / "test.json", images=DATA / "masks" / "images"
    )
    assert report["images"] == 235
    assert report["ap50"]["with_mask"] > 0.6
    assert report["ap50"]["face"] > 0.55


@pytest.mark.parametrize(
    ("clip", "fewest", "most"),
    [
        ("walk_real_01.mp4", 2, 3),  # "two or three people walk towards the camera"
        ("still_real_02.mp4", 1, 1),
        ("tilt_real_01.mp4", 2, 2),
        ("sign_please_real.mp4", 1, 1),
    ],
)
def test_clips_of_real_people_are_counted_as_a_person_would(clip, fewest, most):
    assert fewest <= people(clip) <= most
