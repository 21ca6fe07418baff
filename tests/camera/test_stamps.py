import numpy as np
import pytest

from maskcam.camera.stamps import ArrivalClock, StreamClock


def test_stream_clock_follows_good_stamps():
    clock = StreamClock(25)
    assert [clock.time_of(ms) for ms in (0, 40, 90, 1000)] == pytest.approx([0, 0.04, 0.09, 1.0])


@pytest.mark.parametrize("stamp", [0.0, -1.0, float("nan")])
def test_stream_clock_without_stamps_counts(stamp):
    clock = StreamClock(10)
    assert [clock.time_of(stamp) for _ in range(4)] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_stream_clock_goes_on_when_stamps_begin_again():
    clock = StreamClock(10)
    times = [clock.time_of(ms) for ms in (0, 100, 200, 0, 100, 300)]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.6])


@pytest.mark.parametrize("fps", [0, -1, 90000, float("nan")])
def test_stream_clock_with_a_rate_that_cannot_be(fps):
    clock = StreamClock(fps)
    assert [clock.time_of(0) for _ in range(3)] == pytest.approx([0, 1 / 30, 2 / 30])


def test_arrival_clock_takes_out_the_networks_jitter():
    clock = ArrivalClock()
    random = np.random.default_rng(1)
    own = np.arange(200) / 25
    arrived = 1000 + own + random.uniform(0.02, 0.08, own.size)
    times = [clock.time_of(a, b) for a, b in zip(own, arrived, strict=True)]
    assert np.abs(np.diff(times[50:]) - 0.04).max() < 0.002
    assert all(-0.07 < time - come <= 1e-9 for time, come in zip(times, arrived, strict=True))


def test_arrival_clock_without_stamps_takes_the_arrival():
    clock = ArrivalClock()
    assert [clock.time_of(0.0, t) for t in (5.0, 5.1, 5.3)] == [5.0, 5.1, 5.3]


def test_arrival_clock_follows_a_camera_whose_clock_is_slow():
    clock = ArrivalClock()
    for second in range(20_000):
        at = clock.time_of(second * 0.9999, second)
        assert second - 0.51 < at <= second + 1e-6
