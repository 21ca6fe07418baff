"""Whether a quantity grows: the slope of its samples, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import theilslopes

WARM_UP = 0.2  # share of the run in which caches fill
_BLOCKS = 24
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Trend:
    """Growth an hour with the ends of its 95 % confidence interval, after the warming up."""

    an_hour: float
    least: float
    most: float
    hours: float

    @property
    def most_in_all(self) -> float:
        """How much it may have grown between the end of the warming up and the end."""
        return self.most * self.hours


def trend(at_s: Sequence[float], values: Sequence[float]) -> Trend:
    """Returns the trend of samples at times in seconds.

    The slope is that of Theil and Sen, the median over all pairs, which single peaks do
    not move. It is taken from the medians of 24 spans of equal length: neighbouring
    samples of a memory are alike, and would pretend to a certainty that is not there.
    """
    hours = np.asarray(at_s, np.float64) / 3600
    kept = hours >= hours[0] + WARM_UP * (hours[-1] - hours[0])
    spans = [
        (np.median(time), np.median(value))
        for time, value in zip(
            np.array_split(hours[kept], _BLOCKS),
            np.array_split(np.asarray(values, np.float64)[kept], _BLOCKS),
            strict=True,
        )
        if len(time)
    ]
    times, medians = np.array(spans).T
    slope, _, least, most = theilslopes(medians, times, _CONFIDENCE)
    span = float(hours[-1] - hours[kept][0])
    return Trend(float(slope), float(least), float(most), span)
