"""Windows whose content follows from their minute, so that any of them can be checked alone."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from maskcam.records import MinuteCount

SITE, UNIT = "forville", "forville-01"
FIRST = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def window(minute: int) -> MinuteCount:
    """Returns the window of the n-th minute: in about one of nine nothing was observed."""
    chance = random.Random(minute)
    seen = 0 if chance.random() < 1 / 9 else chance.randint(1, 60)
    numbers = [chance.randrange(-3, 40) if seen else None for _ in range(4)]
    with_mask, without_mask, incorrect, unclear = numbers
    return MinuteCount(
        run=1,
        start=FIRST + timedelta(minutes=minute),
        minutes=1,
        with_mask=with_mask,
        without_mask=without_mask,
        incorrect=incorrect,
        unclear=unclear,
        observed_s=seen,
        epsilon=1.0,
    )
