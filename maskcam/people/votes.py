"""Settles from many detections how one person wore the mask."""

from __future__ import annotations

from typing import Final

from maskcam.people.place import face_size
from maskcam.records import Detection, MaskState

_CLEAR_FACE_PX: Final = 64.0  # from this size on, a mask is seen as well as it ever is
_LEAST_SHARE: Final = 0.5
_LEAST_WEIGHT: Final = 0.1  # of a perfect look at a near face, which weighs 1


class MaskVote:
    """Sums up what the detections of one track say.

    Each votes for its state with `(score * min(1, size / 64 px)) ** 2`: few sure looks at
    a near face outweigh the many at a far one, of which a fifth are wrong, and always alike.
    The winner needs more than half of all weight, and all together must weigh a tenth of a
    perfect look (one look of score 0.32, or several poorer ones); otherwise the state is
    unclear. Chosen on ten minutes of rendered street.
    """

    __slots__ = ("_weights",)

    def __init__(self) -> None:
        self._weights = dict.fromkeys(
            (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT), 0.0
        )

    def add(self, detection: Detection) -> None:
        """Counts one detection.

        Raises:
            KeyError: its state is `UNCLEAR`, which only a person can be.
        """
        size = face_size(detection.box)
        self._weights[detection.state] += (detection.score * min(1.0, size / _CLEAR_FACE_PX)) ** 2

    def merge(self, other: MaskVote) -> None:
        """Adds the votes of another track of the same person."""
        for state, weight in other._weights.items():
            self._weights[state] += weight

    def clear(self) -> None:
        """Forgets everything."""
        self._weights = dict.fromkeys(self._weights, 0.0)

    def state(self) -> MaskState:
        """Returns the state that wins, or `UNCLEAR`."""
        total = sum(self._weights.values())
        winner = max(self._weights, key=self._weights.__getitem__)
        if total < _LEAST_WEIGHT or self._weights[winner] <= _LEAST_SHARE * total:
            return MaskState.UNCLEAR
        return winner
