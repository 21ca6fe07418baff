"""What really happens in a rendered street."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from maskcam.records import Box, MaskState

_COUNTED = (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT)


class FaceTruth(NamedTuple):
    """A face in one frame.

    person: number in the scene. box: forehead to chin and ear to ear, in px of
    the luma image. visible: share 0..1 of it that is seen.
    """

    person: int
    box: Box
    visible: float
    state: MaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageTruth:
    """One person who passed with a face that could be seen.

    person: number in the scene. begin_s, end_s: scene time at which the face
    first was large enough and at which it left the view. objects: the times at
    which head shakes begin and end.
    """

    person: int
    begin_s: float
    end_s: float
    state: MaskState
    objects: tuple[tuple[float, float], ...] = ()

    @property
    def objecting(self) -> bool:
        """Whether this person must not be counted."""
        return bool(self.objects)


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """Every passage of a scene, by the time it ends."""

    passages: tuple[PassageTruth, ...]

    def counts(self, boundaries_s: Sequence[float]) -> list[dict[MaskState, int]]:
        """Returns people per mask state for each span between two boundaries.

        A passage belongs to the span in which it ends; objectors are nowhere.
        """
        spans = [dict.fromkeys(_COUNTED, 0) for _ in range(len(boundaries_s) - 1)]
        for passage in self.passages:
            index = bisect.bisect_right(boundaries_s, passage.end_s) - 1
            if not passage.objecting and 0 <= index < len(spans):
                spans[index][passage.state] += 1
        return spans

    def totals(self) -> dict[MaskState, int]:
        """Returns people per mask state over the whole scene, without objectors."""
        people = [p.state for p in self.passages if not p.objecting]
        return {state: people.count(state) for state in _COUNTED}

    def as_json(self) -> dict[str, Any]:
        """Returns the truth as plain values for a JSON file."""
        return {
            "passages": [asdict(passage) for passage in self.passages],
            "totals": {str(state): count for state, count in self.totals().items()},
            "objecting": sum(p.objecting for p in self.passages),
        }
