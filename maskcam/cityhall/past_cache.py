"""Keeps what was worked out of days that are over, until one of their sums changes.

What a page shows of the past costs a second and more at 2,000 cameras, and is the same all day.
A window that comes late changes the sums of its day, and all that was worked out of it is made
anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")
ROOM = 24


class Kept:
    """Answers, each with the fingerprint of the sums that it was made of; for several threads.

    Args:
        room: so many answers are kept, those that were asked for last.
    """

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[object, object]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def recall(self, key: Hashable) -> object | None:
        """Returns the answer to `key` as it was last, if there is one: nobody waits for it."""
        with self._lock:
            known = self._answers.get(key)
        return None if known is None else known[1]

    def get(self, key: Hashable, fingerprint: Callable[[], object], make: Callable[[], T]) -> T:
        """Returns the answer to `key`, made now unless its fingerprint is still the same.

        Who asks for one that is being made waits for it.
        """
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                return self._renewed(key, fingerprint(), make)
        finally:
            with self._lock:
                if key not in self._answers:  # it could not be made
                    self._making.pop(key, None)

    def _renewed(self, key: Hashable, now: object, make: Callable[[], T]) -> T:
        # The fingerprint is older than the answer: what comes meanwhile shows the next time.
        with self._lock:
            known = self._answers.get(key)
            if known is not None and known[0] == now:
                self._answers.move_to_end(key)
                return cast("T", known[1])
        answer = make()
        with self._lock:
            self._answers[key] = now, answer
            self._answers.move_to_end(key)
            while len(self._answers) > self._room:
                old, _ = self._answers.popitem(last=False)
                self._making.pop(old, None)
        return answer
