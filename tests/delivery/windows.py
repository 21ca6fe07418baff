"""Windows whose content follows from their minute, so that any of them can be checked alone."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from maskcam.records import MinuteCount

SITE, UNIT = "forville", "forville-01"
FIRST = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def window(minute: int) -> MinuteCount:
    """Returns the window of the n-th minute: about one in nine is suppressed."""
    chance = random.Random(minute)
    start = FIRST + timedelta(minutes=minute)
    if chance.random() < 1 / 9:
        return MinuteCount.withheld(start=start, minutes=1, observed_s=60.0)
    with_mask, without_mask, incorrect, unclear = (chance.randrange(40) for _ in range(4))
    return MinuteCount(
        start=start,
        minutes=1,
        with_mask=with_mask,
        without_mask=without_mask,
        incorrect=incorrect,
        unclear=unclear,
        observed_s=round(chance.uniform(0, 60), 1),
    )
