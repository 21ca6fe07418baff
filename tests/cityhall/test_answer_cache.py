from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from maskcam.cityhall.web import answer_cache as module
from maskcam.cityhall.web.answer_cache import Memo


def test_many_who_ask_at_once_share_one_answer() -> None:
    memo, made = Memo(), []

    def make() -> int:
        made.append(1)
        time.sleep(0.05)
        return len(made)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: memo.get("key", make), range(8)))
    assert answers == [1] * 8


def test_what_is_quick_is_made_anew_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_S", 0.0)
    memo, values = Memo(), iter((1, 2))
    assert memo.get("key", lambda: next(values)) == 1
    time.sleep(0.02)
    assert memo.get("key", lambda: next(values)) == 2


def test_what_is_slow_is_shown_while_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_S", 0.01)
    monkeypatch.setattr(module, "TIMES", 2)
    monkeypatch.setattr(module, "KEPT_S", 0.0)
    memo, done = Memo(), threading.Event()

    def slow(value: int) -> int:
        time.sleep(0.3)
        if value == 2:
            done.set()
        return value

    assert memo.get("key", lambda: slow(1)) == 1
    time.sleep(0.7)  # older than twice the time that it took
    began = time.monotonic()
    assert memo.get("key", lambda: slow(2)) == 1
    assert time.monotonic() - began < 0.25
    assert done.wait(5)
    time.sleep(0.05)
    assert memo.get("key", lambda: slow(3)) == 2


def test_a_failure_is_not_kept() -> None:
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("key", lambda: 1 // 0)
    assert memo.get("key", lambda: 5) == 5
