"""The kernel's word on the clock, with a kernel of our own."""

from __future__ import annotations

import ctypes
import errno
import time

import pytest

from maskcam.unit import clock


class FakeKernel:
    def __init__(self, state: int) -> None:
        self.state = state

    def adjtimex(self, timex: object) -> int:
        return self.state


@pytest.mark.parametrize(("state", "synchronised"), [(0, True), (1, True), (5, False)])
def test_the_kernel_is_asked(monkeypatch, state, synchronised):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: FakeKernel(state))
    assert clock.is_synchronised() is synchronised
    assert (clock.SystemClock().utc_offset_s() is not None) is synchronised


def test_the_real_kernel_answers():
    assert clock.is_synchronised() in (True, False)


def test_a_trusted_clock_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: FakeKernel(5))
    offset = clock.SystemClock(trusted=True).utc_offset_s()
    assert offset == pytest.approx(time.time() - time.monotonic(), abs=0.5)


def test_a_refusing_kernel_is_an_error(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: FakeKernel(-1))
    monkeypatch.setattr(ctypes, "get_errno", lambda: errno.ENOSYS)
    with pytest.raises(OSError, match="not implemented"):
        clock.is_synchronised()


def test_where_the_kernel_may_not_be_asked_the_mark_of_timesyncd_decides(monkeypatch, tmp_path):
    """As behind the walls of the service; see test_walls.py for the real ones."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: FakeKernel(-1))
    monkeypatch.setattr(ctypes, "get_errno", lambda: errno.EPERM)
    mark = tmp_path / "synchronized"
    assert clock.is_synchronised(mark=mark) is False
    mark.touch()
    assert clock.is_synchronised(mark=mark) is True
