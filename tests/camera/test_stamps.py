import math

import numpy as np
import pytest

from maskcam.camera.stamps import ArrivalClock, CountingClock, StreamClock


def times(own, clock=None):
    clock = clock or StreamClock()
    return [clock.time_of(stamp) for stamp in own]


def test_stream_clock_follows_good_stamps():
    assert times([0, 0.04, 0.09, 1.0]) == pytest.approx([0, 0.04, 0.09, 1.0])


def test_stream_clock_begins_at_0():
    assert times([36_000.0, 36_000.04]) == pytest.approx([0, 0.04])


@pytest.mark.parametrize("stamp", [None, math.nan, math.inf, 1.0, 0.9])
def test_a_frame_that_is_not_after_the_one_before_has_no_time(stamp):
    assert times([0.9, 1.0, stamp, stamp, 1.1]) == pytest.approx([0, 0.1, None, None, 0.2])


@pytest.mark.parametrize("step_s", [-0.6, -12.0, -95_443.7, 86_401.0, 1e12])
def test_where_the_stamps_step_a_recording_was_joined_after_a_gap(step_s):
    own = [10.0, 10.1, 10.1 + step_s, 10.2 + step_s]
    assert times(own) == pytest.approx([0, 0.1, 0.7, 0.8], abs=1e-3)


def test_a_pause_stays_as_long_as_it_is():
    assert times([0, 0.1, 3600.1, 3600.2]) == pytest.approx([0, 0.1, 3600.1, 3600.2])


def test_counting_clock_asks_for_no_stamp():
    assert times([None, 7.0, None], CountingClock(15)) == pytest.approx([0, 1 / 15, 2 / 15])


def test_arrival_clock_takes_out_the_networks_jitter():
    clock = ArrivalClock()
    random = np.random.default_rng(1)
    own = np.arange(200) / 25
    arrived = 1000 + own + random.uniform(0.02, 0.08, own.size)
    placed = [clock.time_of(a, b) for a, b in zip(own, arrived, strict=True)]
    found = [time for time in placed if time is not None]
    assert np.abs(np.diff(found[50:]) - 0.04).max() < 0.002
    assert all(-0.07 < time - come <= 1e-9 for time, come in zip(found, arrived, strict=True))


@pytest.mark.parametrize("stamp", [0.0, None, math.nan])
def test_arrival_clock_without_stamps_takes_the_arrival(stamp):
    clock = ArrivalClock()
    assert [clock.time_of(stamp, t) for t in (5.0, 5.1, 5.3)] == [5.0, 5.1, 5.3]


def test_arrival_clock_never_goes_back():
    clock = ArrivalClock()
    random = np.random.default_rng(2)
    found = []
    for index in range(400):
        own_s = index / 25 - (12 if index > 200 else 0) + random.choice([0.0, 0.0, -0.1])
        found.append(clock.time_of(own_s, 1000 + index / 25 + random.uniform(0, 0.3)))
    kept = [time for time in found if time is not None]
    assert len(kept) > 150
    assert (np.diff(kept) > 0).all()


def test_arrival_clock_follows_a_camera_whose_clock_is_slow():
    clock = ArrivalClock()
    for second in range(20_000):
        at = clock.time_of(second * 0.9999, second)
        assert at is None or second - 0.51 < at <= second + 1e-6
