"""Shares with their intervals."""

from __future__ import annotations

from typing import Any


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Returns the 95 % interval of the share `part` of `whole` independent trials (Wilson 1927)."""
    from scipy.stats import binomtest  # slow to import

    interval = binomtest(part, whole).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def share(name: str, part: int, whole: int) -> dict[str, Any]:
    """Returns `part` of `whole` as `name`, and its interval as `name_interval`; None of nothing.

    The frames of one person are no independent trials: of a film the interval is too narrow.
    """
    if not whole:
        return {name: None, f"{name}_interval": None}
    return {name: part / whole, f"{name}_interval": list(wilson(part, whole))}
