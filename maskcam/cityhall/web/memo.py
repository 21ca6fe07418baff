"""Answers that many ask for at the same time are made once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

KEPT_S = 0.5
TIMES = 20
"""A value is kept at least so many times as long as it took to make."""
ROOM = 32


class Memo:
    """Keeps a few values for a while; who asks for one that is being made waits for it.

    Making them costs so at most a twentieth of a core, however many ask.
    """

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns the value of `key`, made now unless it was made lately."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            known = self._found.get(key)
            if known is not None and time.monotonic() < known[0]:
                return known[1]
            began = time.monotonic()
            value = make()
            now = time.monotonic()
            with self._lock:
                self._found[key] = now + max(KEPT_S, TIMES * (now - began)), value
                self._found.move_to_end(key)
                while len(self._found) > self._room:
                    old, _ = self._found.popitem(last=False)
                    self._making.pop(old, None)
            return value
