"""Starting a part takes seconds, and may hang with its hardware: a stop does not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final, TypeVar

T = TypeVar("T")

_LOOK_S: Final = 0.1


class StoppedError(Exception):
    """The unit was asked to stop while a part was being started, which may still hang."""


def start(action: Callable[[], T], *, stop: threading.Event) -> T:
    """Returns what `action` returns; it runs in a thread of its own, so that a stop can end it.

    Raises:
        StoppedError: `stop` was set first. The process must then end with `os._exit`.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.set_exception(error)

    threading.Thread(target=run, name="start", daemon=True).start()
    while not stop.is_set():
        if wait([outcome], _LOOK_S).done:
            return outcome.result()
    raise StoppedError
