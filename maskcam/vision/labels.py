"""What the labels of a model mean."""

from __future__ import annotations

from collections.abc import Sequence

from maskcam.errors import ModelError
from maskcam.records import MaskState

_STATES = {
    "with_mask": MaskState.WITH_MASK,
    "mask": MaskState.WITH_MASK,
    "masked": MaskState.WITH_MASK,
    "face_mask": MaskState.WITH_MASK,
    "without_mask": MaskState.WITHOUT_MASK,
    "no_mask": MaskState.WITHOUT_MASK,
    "nomask": MaskState.WITHOUT_MASK,
    "unmasked": MaskState.WITHOUT_MASK,
    "face": MaskState.WITHOUT_MASK,
    "face_no_mask": MaskState.WITHOUT_MASK,
    "mask_worn_incorrectly": MaskState.INCORRECT,
    "mask_weared_incorrect": MaskState.INCORRECT,
    "incorrect": MaskState.INCORRECT,
    "incorrect_mask": MaskState.INCORRECT,
    "mask_incorrect": MaskState.INCORRECT,
    "misplaced": MaskState.INCORRECT,
}
_NO_FACE = {"background", "???", "no_face"}


def mask_states(labels: Sequence[str]) -> list[MaskState | None]:
    """Returns what each label means; None where there is no face.

    Raises:
        ModelError: a label is unknown.
    """
    states: list[MaskState | None] = []
    for label in labels:
        name = label.strip().lower().replace(" ", "_").replace("-", "_")
        if name in _NO_FACE:
            states.append(None)
        elif name in _STATES:
            states.append(_STATES[name])
        else:
            raise ModelError(
                f'label "{label}" has no known meaning; use with_mask, without_mask, '
                "mask_worn_incorrectly"
            )
    return states
