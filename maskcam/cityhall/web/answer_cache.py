"""Answers that many ask for at the same time are made once."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

_log = logging.getLogger(__name__)

KEPT_S = 0.5
TIMES = 5
"""A value is kept at least so many times as long as it took to make."""
SLOW_S = 0.2
"""What takes longer to make is made anew in the background, while the old value is shown."""
ROOM = 32


class _Kept(NamedTuple):
    value: Any
    took: float
    made_at: float

    def is_younger_than(self, times: float) -> bool:
        return time.monotonic() - self.made_at < max(KEPT_S, TIMES * self.took) * times


class Memo:
    """Keeps a few values for a while; who asks for one that is being made waits for it.

    Making them costs so at most a sixth of a core, however many ask.
    """

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns the value of `key`, made now unless it was made lately."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
            kept = self._kept.get(key)
        if kept is not None and kept.is_younger_than(1):
            return kept.value
        if kept is not None and kept.took > SLOW_S and kept.is_younger_than(3):
            if making.acquire(blocking=False):
                threading.Thread(target=self._renew, args=(key, make, making), daemon=True).start()
            return kept.value
        with making:
            with self._lock:
                kept = self._kept.get(key)
            if kept is not None and kept.is_younger_than(1):
                return kept.value
            return self._make(key, make)

    def _renew(self, key: Hashable, make: Callable[[], Any], making: threading.Lock) -> None:
        try:
            self._make(key, make)
        except SQLAlchemyError as error:
            _log.warning("memo: cannot be made anew (%s)", type(error).__name__)
        finally:
            making.release()

    def _make(self, key: Hashable, make: Callable[[], Any]) -> Any:
        began = time.monotonic()
        value = make()
        now = time.monotonic()
        with self._lock:
            self._kept[key] = _Kept(value, now - began, now)
            self._kept.move_to_end(key)
            while len(self._kept) > self._room:
                old, _ = self._kept.popitem(last=False)
                self._making.pop(old, None)
        return value
