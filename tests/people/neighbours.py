"""Two streets that differ by one person, and what a unit publishes of each.

The passages come out of the real `Crowd`, once; the windows, with their noise, out of the real
`MinuteCounts`, as many as a test asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import count

from maskcam.people.noise import RandomBelow
from maskcam.people.passages import Crowd
from maskcam.people.windows import MinuteCounts, WindowRules
from maskcam.records import Box, Detection, MaskState, MinuteCount, Passage

T0 = datetime(2026, 5, 4, 8, tzinfo=UTC).timestamp()
OTHERS = (MaskState.WITH_MASK, MaskState.WITH_MASK, MaskState.WITHOUT_MASK)


@cache
def passages_of(states: tuple[MaskState, ...], *, objecting: int | None = None) -> list[Passage]:
    """Lets people walk by, one each 8 s, and returns the passages; one may shake the head."""
    crowd = Crowd(frame_size=(1280, 720), high_score=0.5, recording=True)
    passages: list[Passage] = []
    for frame in range(10 * (8 * len(states) + 8)):
        at_s = frame / 10
        who, since_s = int(at_s // 8), at_s % 8
        found = []
        if who < len(states) and since_s < 4:
            x, state = 200 + 60 * since_s, states[who]
            if state is MaskState.UNCLEAR:  # now with a mask and now without
                state = (MaskState.WITH_MASK, MaskState.WITHOUT_MASK)[frame % 2]
            found = [Detection(Box(x, 300, x + 60, 372), state, 0.9)]
        crowd.update(found, at_s)
        if who == objecting and since_s == 2:
            for track in crowd.heads(at_s):
                crowd.record_objection(track)
        passages += crowd.take_passages(at_s, observed=True)
    return passages + crowd.finish(8.0 * len(states) + 8)


def publish(
    passages: Sequence[Passage],
    *,
    windows: int,
    random_below: RandomBelow,
    rules: WindowRules | None = None,
    stop: bool = False,
) -> Iterator[tuple[float, MinuteCount]]:
    """Yields what a unit publishes, and when, if the same people pass in each minute."""
    counts = MinuteCounts(
        started_at_s=-1.0,
        rules=rules or WindowRules(),
        next_run=count(1).__next__,
        random_below=random_below,
    )
    counts.advance(-1.0, T0)
    for minute in range(windows):
        begin_s = 60.0 * minute
        counts.observe(begin_s, begin_s + 60)
        for passage in passages:
            counts.add(Passage(begin_s + passage.ended_at_s % 60, passage.state))
        for published in counts.advance(begin_s + 60, T0):
            yield begin_s + 60, published
    if stop:
        yield from ((60.0 * windows, last) for last in counts.finish(60.0 * windows))
