"""Sets aside what a unit sends beyond what any unit has to send.

The broker takes messages faster than a database stores them, and what its queue for the collector
cannot hold it acknowledges and drops, whose ever it is. So the messages of one that floods
are not even read: then the queue drains faster than it fills.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from maskcam.cityhall.quarantine import NOTICE, Kept

MOST_PER_HOUR: Final = 120_000
"""Messages of one unit: more than its outbox holds."""
MOST_USELESS_PER_HOUR: Final = 20_000
"""Those that were refused, and states: four times what is kept of a unit in any case."""
_HOUR_S: Final = 3600.0

_log = logging.getLogger(__name__)


class Floods:
    """Counts what each unit sent within the hour.

    Args:
        most: messages of one unit within an hour.
        most_useless: those of them that were refused, and states.
        clock: time in s that only goes forward.
    """

    def __init__(
        self,
        *,
        most: int = MOST_PER_HOUR,
        most_useless: int = MOST_USELESS_PER_HOUR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._most_useless = most, most_useless
        self._clock = clock
        self._begun_s = clock()
        self._number: Counter[str] = Counter()
        self._useless: Counter[str] = Counter()
        self._noticed: set[str] = set()

    def sort_out(
        self, messages: Sequence[tuple[str, bytes]]
    ) -> tuple[Sequence[tuple[str, bytes]], list[Kept]]:
        """Returns the messages that are to be read, and a notice of each flood that began."""
        if self._clock() - self._begun_s >= _HOUR_S:
            for counted in (self._number, self._useless, self._noticed):
                counted.clear()
            self._begun_s = self._clock()
        came = Counter(_place(topic) for topic, _ in messages)
        self._number.update(came)
        self.note_useless(topic for topic, _ in messages if topic.endswith("/status"))
        flooded = {
            place
            for place in came
            if self._number[place] > self._most or self._useless[place] > self._most_useless
        }
        if not flooded:
            return messages, []
        began, self._noticed = flooded - self._noticed, self._noticed | flooded
        left = [message for message in messages if _place(message[0]) not in flooded]
        return left, [self._notice(place) for place in sorted(began)]

    def note_useless(self, topics: Iterable[str]) -> None:
        """Counts messages that were of no use, by their topics."""
        self._useless.update(map(_place, topics))

    def _notice(self, place: str) -> Kept:
        unit = place.rpartition("/")[2]
        detail = (
            f"more than {self._most_useless} wrong messages or {self._most} in all within an hour; "
            "what followed was not read"
        )
        _log.error("%.80r floods the broker: %s; revoke it?", unit, detail)
        return Kept(NOTICE, detail, unit[:63], place, b"")


def _place(topic: str) -> str:
    """Returns the topics of one unit: what stands before the kind."""
    return topic.rpartition("/")[0]
