"""The detector runs on the newest frame; older ones are dropped, never queued."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from maskcam.errors import AcceleratorError, InferenceStalledError
from maskcam.records import Box, Detection, Frame, MaskState
from maskcam.unit.detection import DetectionWorker

FACE = Detection(Box(1, 2, 3, 4), MaskState.WITH_MASK, 0.9)


def frame(number: int) -> Frame:
    pixels = np.full((4, 6, 3), number, np.uint8)
    return Frame(captured_at_s=float(number), luma=pixels[:, :, 0], rgb=pixels)


class Forgetful:
    """A detector to which it does not matter what it holds."""

    def forget(self) -> None:
        pass


class Gated(Forgetful):
    """A detector that works only when the test allows it, and remembers what it saw."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.seen: list[int] = []

    def detect(self, frame, *, objecting=()):
        self.begun.release()
        assert self.go.acquire(timeout=5)
        self.seen.append(int(frame.rgb[0, 0, 0]))
        return [FACE]


class Holds:
    """A detector that holds the last picture until it is asked to forget it."""

    def __init__(self) -> None:
        self.held: int | None = None
        self.forgotten = threading.Semaphore(0)

    def detect(self, frame, *, objecting=()):
        self.held = int(frame.rgb[0, 0, 0])
        return [FACE]

    def forget(self) -> None:
        self.held = None
        self.forgotten.release()


def taken(worker: DetectionWorker, count: int) -> list[float]:
    results: list[float] = []
    deadline = time.monotonic() + 5
    while len(results) < count and time.monotonic() < deadline:
        results += [result.captured_at_s for result in worker.take()]
        time.sleep(0.002)
    return results


def test_a_slow_detector_drops_frames():
    detector = Gated()
    with DetectionWorker(detector) as worker:
        worker.offer(frame(1))
        assert detector.begun.acquire(timeout=5)
        for number in range(2, 9):
            worker.offer(frame(number))
        detector.go.release(2)
        assert taken(worker, 2) == [1.0, 8.0]
    assert detector.seen == [1, 8]


def test_the_picture_is_copied():
    detector = Gated()
    with DetectionWorker(detector) as worker:
        reused = frame(1)
        worker.offer(reused)
        reused.rgb[:] = 99
        detector.go.release()
        taken(worker, 1)
    assert detector.seen == [1]


def test_no_picture_is_kept_when_none_follows():
    class Keeps(Forgetful):
        luma: Callable[[], object]

        def detect(self, frame, *, objecting=()):
            self.luma = weakref.ref(frame.luma)
            return []

    detector = Keeps()
    with DetectionWorker(detector) as worker:
        worker.offer(frame(1))
        taken(worker, 1)
        end = time.monotonic() + 5
        while detector.luma() is not None and time.monotonic() < end:
            time.sleep(0.001)
        assert detector.luma() is None


def test_where_no_picture_follows_the_last_one_is_forgotten_once():
    detector = Holds()
    with DetectionWorker(detector) as worker:
        for number in (1, 2):
            worker.offer(frame(number))
            assert taken(worker, 1) == [float(number)]
            assert detector.held == number
            assert detector.forgotten.acquire(timeout=5)
            assert not detector.forgotten.acquire(timeout=1)
            assert detector.held is None


def test_pictures_that_follow_each_other_cost_no_forgetting():
    detector = Holds()
    with DetectionWorker(detector) as worker:
        for number in range(20):
            worker.offer(frame(number))
            taken(worker, 1)
            time.sleep(0.05)
        assert not detector.forgotten.acquire(blocking=False)


def test_a_detector_that_cannot_forget_is_mended_or_ends_the_loop():
    class Stuck(Holds):
        def forget(self):
            raise InferenceStalledError("the device has gone")

    renewed = threading.Event()
    with DetectionWorker(Stuck(), renew=renewed.set) as worker:
        worker.offer(frame(1))
        assert renewed.wait(5)
        assert taken(worker, 1) == [1.0]
    with DetectionWorker(Stuck()) as worker:
        worker.offer(frame(1))
        with pytest.raises(InferenceStalledError, match="the device has gone"):
            taken(worker, 2)


def test_the_detector_gets_the_boxes_of_those_who_object():
    class Watching(Forgetful):
        objecting = ()

        def detect(self, frame, *, objecting=()):
            self.objecting = objecting
            return []

    detector = Watching()
    with DetectionWorker(detector) as worker:
        worker.offer(frame(1), objecting=[FACE.box])
        taken(worker, 1)
    assert detector.objecting == [FACE.box]


def test_a_failure_ends_the_loop_with_its_reason():
    class Broken(Forgetful):
        def detect(self, frame, *, objecting=()):
            raise InferenceStalledError("USB transfer failed")

    with DetectionWorker(Broken()) as worker:
        worker.offer(frame(1))
        with pytest.raises(InferenceStalledError, match="USB transfer failed") as caught:
            taken(worker, 1)
    assert caught.value.exit_code == 11


def test_what_a_foreign_error_says_of_a_person_is_not_logged(caplog):
    class Broken(Forgetful):
        def detect(self, frame, *, objecting=()):
            raise ValueError("a crop of 23x31 px at (412, 97) is too small")

    with DetectionWorker(Broken(), renew=lambda: None) as worker:
        for number in range(2):
            worker.offer(frame(number))
            time.sleep(0.1)
        with pytest.raises(InferenceStalledError) as caught:
            taken(worker, 1)
    assert "ValueError" in caplog.text
    assert "ValueError" in str(caught.value)
    assert "412" not in caplog.text + str(caught.value)


def test_a_hanging_inference_is_seen_and_does_not_hold_the_process():
    detector = Gated()
    worker = DetectionWorker(detector)
    worker.__enter__()
    worker.offer(frame(1))
    assert detector.begun.acquire(timeout=5)
    time.sleep(0.02)
    assert worker.busy_s() >= 0.02
    begun = time.monotonic()
    with pytest.raises(InferenceStalledError, match="did not stop"):
        worker.__exit__(None, None, None)
    assert time.monotonic() - begun < 3
    detector.go.release()


def test_idle_is_not_busy():
    with DetectionWorker(Gated()) as worker:
        assert worker.busy_s() == 0


class Failing(Forgetful):
    """A detector that fails at the given turns, and otherwise sees a face."""

    def __init__(self, *turns: int) -> None:
        self.turns = set(turns)
        self.turn = 0

    def detect(self, frame, *, objecting=()):
        self.turn += 1
        if self.turn in self.turns:
            raise InferenceStalledError(f"the device has gone in turn {self.turn}")
        return [FACE]


def watch(detector, *, frames: int, renew, results: int) -> list[float]:
    """Offers frames one by one, each once the one before was looked at."""
    with DetectionWorker(detector, renew=renew) as worker:
        for number in range(frames):
            worker.offer(frame(number))
            end = time.monotonic() + 5
            while detector.turn <= number and time.monotonic() < end:
                time.sleep(0.001)
        return taken(worker, results)


def test_a_failed_inference_gets_a_new_interpreter_and_is_counted(caplog):
    renewed: list[int] = []
    detector = Failing(2, 5)
    found = watch(detector, frames=6, renew=lambda: renewed.append(detector.turn), results=4)
    assert found == [0.0, 2.0, 3.0, 5.0]
    assert renewed == [2, 5]
    assert "gone in turn 2): a new interpreter (1 since the start)" in caplog.text
    assert "gone in turn 5): a new interpreter (2 since the start)" in caplog.text


def test_a_new_interpreter_that_fails_as_well_is_the_end():
    renewed: list[int] = []
    detector = Failing(2, 3)
    with pytest.raises(InferenceStalledError, match="gone in turn 3"):
        watch(detector, frames=3, renew=lambda: renewed.append(detector.turn), results=9)
    assert renewed == [2]


def test_an_interpreter_that_cannot_be_made_is_the_end():
    def renew() -> None:
        raise AcceleratorError("no device at all")

    with pytest.raises(InferenceStalledError, match="no device at all"):
        watch(Failing(1), frames=1, renew=renew, results=9)
