"""A stop does not wait for a part that is being started."""

from __future__ import annotations

import threading
import time

import pytest

from maskcam.errors import CameraError
from maskcam.unit.starting import StoppedError, start


def test_what_starts_is_returned():
    assert start(lambda: 7, stop=threading.Event()) == 7


@pytest.mark.parametrize("error", [CameraError("no camera"), TimeoutError("camera-open")])
def test_what_fails_is_raised(error):
    def fail():
        raise error

    with pytest.raises(type(error), match=str(error)):
        start(fail, stop=threading.Event())


def test_a_stop_ends_the_wait_for_what_hangs():
    stop, released = threading.Event(), threading.Event()
    threading.Timer(0.2, stop.set).start()
    began_s = time.monotonic()
    with pytest.raises(StoppedError):
        start(lambda: released.wait(30), stop=stop)
    assert time.monotonic() - began_s < 5
    released.set()


def test_nothing_is_started_for_good_after_a_stop():
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        start(lambda: 7, stop=stop)
