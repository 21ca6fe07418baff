from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import SQLAlchemyError

from maskcam.cityhall.past_cache import Kept
from maskcam.cityhall.web import answer_cache as module
from maskcam.cityhall.web.answer_cache import Memo, StillWorkingError
from maskcam.cityhall.web.limits import BusyError


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
    monkeypatch.setattr(module, "SLOW_S", 0.0)
    monkeypatch.setattr(module, "TIMES", 0)
    monkeypatch.setattr(module, "KEPT_S", 0.0)
    memo, go = Memo(), threading.Event()

    def slow() -> int:
        assert go.wait(10)
        return 2

    assert memo.get("key", lambda: 1) == 1
    assert memo.get("key", slow, stale_s=60) == 1
    go.set()
    until = time.monotonic() + 10
    while memo.get("key", slow, stale_s=60) != 2:
        assert time.monotonic() < until
    assert memo.get("key", lambda: 3) == 3  # nobody allows the old value


def test_a_failure_is_not_kept() -> None:
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("key", lambda: 1 // 0)
    assert memo.get("key", lambda: 5) == 5


def test_what_is_large_is_made_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOON_S", 0.01)
    memo, go = Memo(), threading.Event()

    def make() -> int:
        assert go.wait(10)
        return 7

    for _ in range(2):  # made once, however often it is asked for
        with pytest.raises(StillWorkingError):
            memo.get_soon("key", make)
    for number in range(module.MOST_WAITING - 1):
        with pytest.raises(StillWorkingError):
            memo.get_soon(number, make)
    with pytest.raises(BusyError):
        memo.get_soon("one too many", make)
    go.set()
    monkeypatch.setattr(module, "SOON_S", 10.0)
    assert memo.get_soon("key", lambda: 8) == 7
    assert memo.get_soon("one too many", lambda: 9) == 9


def test_a_large_answer_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise SQLAlchemyError("no database")

    with pytest.raises(SQLAlchemyError):
        Memo().get_soon("key", fail)


def test_what_cannot_be_made_is_not_remembered() -> None:
    """Each wrong address of an open page stayed in memory."""
    memo, kept = Memo(), Kept()

    def fail() -> int:
        raise ValueError("a wrong address")

    for number in range(50):
        with pytest.raises(ValueError, match="wrong"):
            memo.get(("part", number), fail)
        with pytest.raises(ValueError, match="wrong"):
            kept.get(("part", number), lambda: 1, fail)
    assert memo._making == kept._making == {}
    for number in range(50):
        assert memo.get(number, lambda: 1) == kept.get(number, lambda: 1, lambda: 1) == 1
    assert len(memo._making) <= len(memo._kept)
    assert len(kept._making) <= len(kept._answers)
