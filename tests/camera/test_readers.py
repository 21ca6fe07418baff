"""How frames are handed out: paced films and live sources, without a network or a codec."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from maskcam.camera import readers, video
from maskcam.camera.ffmpeg import DecodedFrame
from maskcam.camera.readers import FileReader, PacedReader
from maskcam.camera.stamps import StreamClock
from maskcam.camera.video import VideoCamera
from maskcam.errors import CameraError, CameraStalledError

FIT = (320, 320)


class Film:
    """Frames at given times."""

    def __init__(self, times):
        self.skipped = self.bad_in_a_row = self.damaged = self.damaged_in_a_row = 0
        self.unread, self.missing_s = 0, 0.0
        self._times = list(times)

    def read(self):
        return frame_at(self._times.pop(0)) if self._times else None

    def close(self):
        pass


def frame_at(own_s, number=0, size=(160, 90)):
    return DecodedFrame(own_s, np.full((size[1], size[0], 3), number, np.uint8))


class Clock:
    """Time that passes only in `sleep`."""

    def __init__(self, monkeypatch):
        self.now_s = 1000.0
        monkeypatch.setattr(readers, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(readers, "sleep", self.sleep)

    def sleep(self, seconds):
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def paced(times):
    film = Film(times)
    return PacedReader(film, film.read(), "film.mp4", clock=StreamClock())


def read_paced(times, clock, *, each_s):
    """Returns (time of capture, time of reading) of each frame; reading one takes `each_s`."""
    reader, found = paced(times), []
    while (frame := reader.read(5)) is not None:
        found.append((frame[0], clock.now_s))
        clock.sleep(each_s)
    return found


EVEN = [i / 15 for i in range(45)]


def test_paced_frames_come_at_their_time(clock):
    times = read_paced(EVEN, clock, each_s=0.01)
    assert [captured for captured, _ in times] == pytest.approx([1000 + at for at in EVEN])
    assert all(captured == pytest.approx(read) for captured, read in times)


def test_a_slow_reader_of_a_paced_film_misses_frames(clock):
    times = read_paced(EVEN, clock, each_s=0.2)  # three times as long as a frame
    assert 14 <= len(times) <= 16
    assert all(-1e-6 <= read - captured <= 0.2 for captured, read in times)


def test_a_pause_of_a_paced_film_is_a_timeout_and_is_cut_short(clock):
    reader = paced([0, 0.1, 3600.1, 3600.2])
    assert [reader.read(0.5)[0] for _ in range(2)] == pytest.approx([1000, 1000.1])
    for _ in range(4):
        with pytest.raises(CameraError, match=r"no frame for 0.5 s"):
            reader.read(0.5)
    assert [reader.read(0.51)[0] for _ in range(2)] == pytest.approx([1002.6, 1002.7])


@pytest.mark.parametrize("is_cut", [False, True])
def test_whatever_a_film_lacks_is_one_line(is_cut, caplog):
    film = Film([0, 0.1, 0.1, 2, 2.1])
    film.skipped, film.bad_in_a_row, film.damaged, film.unread, film.missing_s = 4, 3, 1, 2, 1.55
    reader = FileReader(
        film, film.read(), "film.mp4", clock=StreamClock(),
        length_if_cut=lambda: 4.0 if is_cut else None,
    )  # fmt: skip
    error = None
    try:
        while reader.read(5) is not None:
            pass
    except CameraError as broken:
        error = str(broken)
    reader.close()
    frames = "1 frame" if is_cut else "4 frames"
    left_out = (
        f"left out: 2 spots of the file could not be read; {frames} could not be decoded; "
        "1 frame had no time after the one before; 1 gap between frames, 1.9 s"
    )
    damaged = "damaged: about 1 frame, in which people may be missed"
    lines = [record.getMessage() for record in caplog.records]
    if is_cut:
        assert (
            error == f"film.mp4: breaks off at 2.1 s of 4.0 s; {left_out}; {damaged}; copy it again"
        )
        assert lines == []
    else:
        assert error is None
        assert lines == [f"film.mp4: {left_out}; 1.6 s fewer than its header says; {damaged}"]


class FakeSource:
    """A live source whose frames come when the test says so."""

    def __init__(self):
        self.frames = threading.Semaphore(0)
        self.ended = self.released = False
        self.skipped = self.bad_in_a_row = self.damaged = self.damaged_in_a_row = 0
        self.count = 0
        self.size = (160, 90)

    def give(self, count=1):
        self.frames.release(count)

    def read(self):
        while not self.frames.acquire(timeout=0.02):
            if self.ended:
                return None
        self.count += 1
        return frame_at(0.04 * self.count, self.count, self.size)

    def close(self):
        self.released = True


@pytest.fixture
def sources(monkeypatch):
    """The sources that are opened one after the other; each has one frame at first."""
    opened = []

    def open_source(address, *, live):
        assert live
        source = FakeSource()
        source.give()
        opened.append(source)
        return source

    monkeypatch.setattr(video, "FFmpegSource", open_source)
    return opened


@pytest.fixture
def live(sources):
    with VideoCamera("rtsp://camera/live", rgb_size=FIT) as camera:
        yield sources[0], camera
        sources[-1].ended = True
    assert all(source.released for source in sources)


def test_a_live_source_gives_the_newest_frame(live):
    source, camera = live
    assert camera.read(timeout_s=1).luma[0, 0] == 1
    source.give(5)
    deadline = time.monotonic() + 5
    while source.count < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert camera.read(timeout_s=1).luma[0, 0] == 6


def test_a_live_source_that_stalls_is_an_error(live):
    _, camera = live
    camera.read(timeout_s=1)
    begin = time.monotonic()
    with pytest.raises(CameraStalledError, match=r"gave no frame for 0.1 s; check cable"):
        camera.read(timeout_s=0.1)
    assert time.monotonic() - begin < 1


def test_a_stream_that_breaks_is_opened_again(live, sources):
    source, camera = live
    first = camera.read(timeout_s=1)
    source.ended = True
    second = camera.read(timeout_s=2)
    assert len(sources) == 2
    assert second.captured_at_s > first.captured_at_s


def test_a_stream_that_cannot_be_opened_again_is_given_up_in_time(live, monkeypatch):
    source, camera = live
    camera.read(timeout_s=1)

    def fails(address, *, live):
        raise CameraError("Connection refused")

    monkeypatch.setattr(video, "FFmpegSource", fails)
    source.ended = True
    with pytest.raises(CameraStalledError, match=r"gave no frame for 0.3 s"):
        camera.read(timeout_s=0.3)


def test_a_live_source_may_change_its_size_but_not_its_aspect(live):
    source, camera = live
    camera.read(timeout_s=1)
    source.size = (320, 180)
    source.give()
    frame = camera.read(timeout_s=1)
    assert frame.luma.shape == (90, 160)
    assert (frame.luma == 2).all()
    source.size = (160, 120)
    source.give()
    with pytest.raises(CameraError, match="changed from 160x90 to 160x120"):
        camera.read(timeout_s=1)


def test_frames_of_a_stream_that_cannot_be_decoded_are_reported_once(live, caplog):
    source, camera = live
    camera.read(timeout_s=1)
    source.skipped = 2
    for _ in range(3):
        source.give()
        camera.read(timeout_s=1)
        source.skipped += 2
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["rtsp://camera: 2 frames could not be decoded"]


def test_damaged_frames_of_a_stream_are_reported(live, caplog):
    source, camera = live
    camera.read(timeout_s=1)
    source.damaged = 1
    source.give()
    camera.read(timeout_s=1)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["rtsp://camera: 1 frame may be damaged"]


@pytest.fixture
def hanging(sources, monkeypatch):
    """A live source of one frame, whose thread then waits for ever."""
    monkeypatch.setattr(readers, "_STOP_TIMEOUT_S", 0.05)
    yield VideoCamera("rtsp://camera/live", rgb_size=FIT)
    sources[0].ended = True


def test_a_reader_that_hangs_does_not_hold_up_the_end(hanging):
    with pytest.raises(CameraStalledError, match="does not stop; start the program again"), hanging:
        pass


def test_a_reader_that_hangs_does_not_hide_why_it_was_closed(hanging, caplog):
    with pytest.raises(CameraStalledError, match="gave no frame"), hanging:
        list(iter(lambda: hanging.read(timeout_s=0.1), None))
    assert "does not stop" in caplog.text
