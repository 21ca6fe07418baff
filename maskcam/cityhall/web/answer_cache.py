"""Answers that many ask for at the same time are made once."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from maskcam.cityhall.web.limits import BusyError

_log = logging.getLogger(__name__)

KEPT_S = 0.5
TIMES = 5
"""A value is kept at least so many times as long as it took to make."""
SLOW_S = 0.2
"""What takes longer to make is made anew in the background, while the old value is shown."""
SOON_S = 0.3
"""A page waits so long for an answer that is large, then says that it is being worked out."""
MOST_WAITING = 8
ROOM = 32


class StillWorkingError(Exception):
    """An answer is being worked out and will be there soon."""


class _Kept(NamedTuple):
    value: Any
    took: float
    made_at: float

    @property
    def is_young(self) -> bool:
        return time.monotonic() - self.made_at < max(KEPT_S, TIMES * self.took)

    def may_be_shown(self, stale_s: float) -> bool:
        times = 3 * max(KEPT_S, TIMES * self.took)
        return self.took > SLOW_S and time.monotonic() - self.made_at < max(stale_s, times)


class Memo:
    """Keeps a few values for a while; who asks for one that is being made waits for it.

    Making them costs so at most a sixth of a core, however many ask.
    """

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._turns = threading.BoundedSemaphore(2)
        self._waiting = 0

    def get(self, key: Hashable, make: Callable[[], Any], *, stale_s: float = 0.0) -> Any:
        """Returns the value of `key`, made now unless it was made lately.

        One that takes long is shown at least up to `stale_s` old while it is made anew.
        """
        making, kept = self._find(key)
        if kept is not None and kept.is_young:
            return kept.value
        if kept is not None and kept.may_be_shown(stale_s):
            with suppress(BusyError):
                self._begin(key, make, making)
            return kept.value
        with making:
            _, kept = self._find(key)
            if kept is not None and kept.is_young:
                return kept.value
            try:
                return self._make(key, make)
            finally:
                with self._lock:
                    if key not in self._kept:  # it could not be made, of a wrong address
                        self._making.pop(key, None)

    def get_soon(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns the value of `key`; one that takes long is made while nobody waits for it.

        Raises:
            StillWorkingError: it is not ready yet; ask again in a few seconds.
            BusyError: too many such values are being made.
        """
        making, kept = self._find(key)
        if kept is None or not (kept.is_young or kept.may_be_shown(0.0)):
            self._begin(key, make, making)
            if not making.acquire(timeout=SOON_S):
                raise StillWorkingError
            making.release()
        return self.get(key, make)

    def _find(self, key: Hashable) -> tuple[threading.Lock, _Kept | None]:
        with self._lock:
            return self._making.setdefault(key, threading.Lock()), self._kept.get(key)

    def _begin(self, key: Hashable, make: Callable[[], Any], making: threading.Lock) -> None:
        """Starts to make a value in a thread of its own, unless it is being made already."""
        if not making.acquire(blocking=False):
            return
        with self._lock:
            self._waiting += 1
            if self._waiting > MOST_WAITING:
                self._waiting -= 1
                making.release()
                raise BusyError
        threading.Thread(target=self._renew, args=(key, make, making), daemon=True).start()

    def _renew(self, key: Hashable, make: Callable[[], Any], making: threading.Lock) -> None:
        try:
            with self._turns:
                self._make(key, make)
        except SQLAlchemyError as error:
            _log.warning("memo: cannot be made anew (%s)", type(error).__name__)
        finally:
            making.release()
            with self._lock:
                self._waiting -= 1

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
