"""The tags that fairness is measured by."""

from __future__ import annotations

import json
from pathlib import Path

from training.fairness import _GROUPS, _TAGS

SHARED = Path(__file__).resolve().parents[3] / "shared/data"


def test_each_face_has_a_letter_for_each_group():
    tags = json.loads(_TAGS.read_text())
    assert sum(map(len, tags.values())) >= 280
    for of_set in tags.values():
        for letters in of_set.values():
            assert all(one in names for one, names in zip(letters, _GROUPS, strict=True))
