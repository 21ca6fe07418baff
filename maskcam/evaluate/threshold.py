"""What a user of the counts would see at one score threshold, faces from 20 px."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskcam.evaluate.precision import STATES, Truth
from maskcam.records import Detection, MaskState

SAME_PLACE_IOU = 0.5
SMALLEST_PX = 20
_RESAMPLES = 1000
# Columns of an image's tally; then for STATES: true faces, detections, true faces that were hit.
_FACES, _HITS, _RIGHT, _JUDGED, _INCORRECT_RIGHT, _INCORRECT, _FALSE_ALARMS = range(7)
_TRUE, _FOUND, _HIT = 7, 7 + len(STATES), 7 + 2 * len(STATES)


def at_threshold(
    truths: Sequence[Truth],
    found: Sequence[Sequence[Detection]],
    *,
    threshold: float,
    intervals: bool = False,
) -> dict[str, Any]:
    """Returns recall (of all and by state), precision, how often the state is right, and the rate.

    state_right: of the found faces with truth with/without, the share with the right state;
    incorrect_right: the same of those with truth incorrect.
    mask_rate_true and mask_rate_found: with_mask among all faces, true and as counted;
    mask_rate_bias is their difference. Shares of nothing are None.

    intervals: also give 95 % intervals (`<name>_interval`), by drawing the images again
    with replacement (bootstrap).
    """
    tallies = np.array(
        [_tally(truth, one, threshold) for truth, one in zip(truths, found, strict=True)]
    )
    shares = _shares(tallies.sum(0))
    result: dict[str, Any] = {"threshold": threshold, "faces": int(tallies[:, _FACES].sum())}
    result.update(shares)
    if intervals:
        rng = np.random.default_rng(0)
        drawn = [
            _shares(tallies[rng.integers(0, len(tallies), len(tallies))].sum(0))
            for _ in range(_RESAMPLES)
        ]
        for name in shares:
            values = [value for one in drawn if (value := one[name]) is not None]
            if values:
                edges = np.percentile(values, (2.5, 97.5))
                result[f"{name}_interval"] = [float(edge) for edge in edges]
    return result


def _tally(truth: Truth, detections: Sequence[Detection], threshold: float) -> NDArray[np.int64]:
    tally = np.zeros(_HIT + len(STATES), np.int64)
    left = [one for one in detections if one.score >= threshold]
    for box, state in sorted(truth.faces, key=lambda face: -face[0].width):
        best = max(left, key=lambda one: one.box.iou(box), default=None)
        hit = best is not None and best.box.iou(box) >= SAME_PLACE_IOU
        if hit and best is not None:
            left.remove(best)
        if min(box.width, box.height) < SMALLEST_PX:
            continue
        tally[_FACES] += 1
        tally[_TRUE + STATES.index(state)] += 1
        if hit and best is not None:
            tally[_HITS] += 1
            tally[_HIT + STATES.index(state)] += 1
            tally[_FOUND + STATES.index(best.state)] += 1
            judged, right = _JUDGED, _RIGHT
            if state is MaskState.INCORRECT:
                judged, right = _INCORRECT, _INCORRECT_RIGHT
            tally[judged] += 1
            tally[right] += best.state is state
    for one in left:
        aside = any(one.box.share_in(box) >= SAME_PLACE_IOU for box in truth.ignored)
        if not aside and min(one.box.width, one.box.height) >= SMALLEST_PX:
            tally[_FALSE_ALARMS] += 1
            tally[_FOUND + STATES.index(one.state)] += 1
    return tally


def _shares(sums: NDArray[np.int64]) -> dict[str, float | None]:
    with_mask = STATES.index(MaskState.WITH_MASK)
    true = _share(sums[_TRUE + with_mask], sums[_FACES])
    counted = _share(sums[_FOUND + with_mask], int(sums[_FOUND:_HIT].sum()))
    return {
        "recall": _share(sums[_HITS], sums[_FACES]),
        **{
            f"recall_{state}": _share(sums[_HIT + k], sums[_TRUE + k])
            for k, state in enumerate(STATES)
        },
        "false_alarms": int(sums[_FALSE_ALARMS]),
        "precision": _share(sums[_HITS], sums[_HITS] + sums[_FALSE_ALARMS]),
        "state_right": _share(sums[_RIGHT], sums[_JUDGED]),
        "incorrect_right": _share(sums[_INCORRECT_RIGHT], sums[_INCORRECT]),
        "mask_rate_true": true,
        "mask_rate_found": counted,
        "mask_rate_bias": None if true is None or counted is None else counted - true,
    }


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
