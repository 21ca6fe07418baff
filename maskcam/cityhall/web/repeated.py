"""Work that a dashboard does now and then, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

_log = logging.getLogger(__name__)

EVERY_S = 60.0
STOP_TIMEOUT_S = 30.0


class Repeated:
    """A context manager; inside it a thread calls `look` again and again.

    Args:
        name: of the work, in the log.
        every_s: between the end of one look and the next.
        at_once: whether the first look is at the start; else `every_s` later.
    """

    def __init__(self, name: str, *, every_s: float, at_once: bool) -> None:
        self._name, self._every_s, self._at_once = name, every_s, at_once
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dashboard-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(STOP_TIMEOUT_S)

    def look(self) -> None:
        """Does the work once.

        Raises:
            SQLAlchemyError: the database does not answer; it is tried again.
        """
        raise NotImplementedError

    def _run(self) -> None:
        if not self._at_once and self._stopping.wait(self._every_s):
            return
        while True:
            try:
                self.look()
            except SQLAlchemyError as error:
                _log.warning(
                    "%s: the database does not answer (%s)", self._name, type(error).__name__
                )
            if self._stopping.wait(self._every_s):
                return
