"""The judgement can fail, and an hour of street stays flat."""

from __future__ import annotations

import numpy as np
import pytest

from maskcam.records import MaskState
from tests.broker import needs_mosquitto
from tests.soak.plot import write_plot
from tests.soak.soak import Result, Sample, soak
from tests.soak.trend import trend

TRUTH = {"with_mask": 60, "without_mask": 30}


def a_day(own_kb, open_files=lambda minute: 9.0) -> Result:
    """A day as it must be, but for the memory and the files given as functions of the minute."""
    samples = [
        Sample(60.0 * minute, 200_000 - minute, round(own_kb(minute)), round(open_files(minute)))
        for minute in range(1, 1441)
    ]
    return Result(24.0, samples=samples, truth=TRUTH, published=dict(TRUTH), observed_s=86_400)


def noise(size: float):
    rng = np.random.default_rng(4)
    return lambda minute: 130_000 + rng.normal(0, size)


def test_a_flat_day_is_flat():
    assert a_day(noise(300)).faults() == []


def test_a_memory_that_fills_at_first_and_then_stays_is_flat():
    assert a_day(lambda minute: 130_000 + 20_000 * min(minute / 200, 1)).faults() == []


def test_single_peaks_are_no_growth():
    assert a_day(lambda minute: 130_000 + 30_000 * (minute % 180 == 0)).faults() == []


def test_a_leak_of_two_bytes_a_frame_is_found():
    """15 frames per second make 2.5 MB per day of it: in a year, more than the unit may have."""
    rest, leak_kb = noise(300), 2 * 15 * 60 / 1024
    [fault] = a_day(lambda minute: rest(minute) + leak_kb * minute).faults()
    assert fault.startswith("memory may have grown by 2.")


def test_a_file_left_open_every_few_hours_is_found():
    result = a_day(noise(300), lambda minute: 9 + minute // 300)
    assert [fault.split(" may")[0] for fault in result.faults()] == ["open files"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lost": 1}, "1 windows lost"),
        ({"invented": 1}, "1 invented"),
        ({"published": {"with_mask": 59, "without_mask": 30}}, "published"),
        ({"published": {"with_mask": 61, "without_mask": 30}}, "published"),
        ({"published": TRUTH | {"unclear": 1}}, "published"),
        ({"observed_s": 86_000}, "observed"),
    ],
)
def test_what_was_published_must_be_the_truth(change, words):
    result = a_day(noise(300))
    for name, value in change.items():
        setattr(result, name, value)
    [fault] = result.faults()
    assert words in fault


def test_the_trend_is_that_of_the_time_after_warming_up():
    at_s = np.arange(0, 36_000, 60.0)
    values = np.where(at_s < 7200, 100 + at_s / 72, 200 + (at_s - 7200) / 3600 * 3)
    found = trend(at_s.tolist(), values.tolist())
    assert found.an_hour == pytest.approx(3, abs=0.01)
    assert found.least <= found.an_hour <= found.most
    assert found.most_in_all == pytest.approx(3 * 8, rel=0.05)


def soaked(tmp_path, hours: float) -> Result:
    result = soak(tmp_path, hours=hours, outage_every_minutes=20)
    assert result.faults() == []
    assert result.outages >= hours * 2
    assert result.objected > 10 * hours
    assert set(result.published) == {
        MaskState.WITH_MASK,
        MaskState.WITHOUT_MASK,
        MaskState.INCORRECT,
    }
    write_plot(result, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").stat().st_size > 5000
    return result


@needs_mosquitto
@pytest.mark.timeout(1800)
def test_an_hour_of_street_is_published_to_the_last_person_and_stays_flat(tmp_path):
    soaked(tmp_path, 1.0)
