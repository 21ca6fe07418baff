"""The shakes of clips are distributed as those of real heads."""

import numpy as np
import pytest

from headclips.script import RATE
from headclips.waveform import Logs, draw_measures, draw_waveform, take_nods, take_waveform


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Logs as those at hand: ten seconds of a shake of 2 Hz and 20 degrees, with rests."""
    folder = tmp_path_factory.mktemp("head_motion")
    t = np.arange(300) / 30
    yaw = np.where(t % 3 < 2, 10 * 4 * np.pi * np.cos(4 * np.pi * t), 0.0)
    rows = [f"0\t0\t0\t{0.2 * v:.3f} \t {v:.3f} \t {0.1 * v:.3f} \t" for v in yaw]
    text = "\n".join(["A_X\tA_Y\tA_Z\tG_X\tG_Y\tG_Z", *rows, ""])
    for name in ("shake.txt", "nod.txt", "shake2.txt"):
        (folder / name).write_text(text)
    return Logs.of(folder, half=0)


def quartiles(values):
    return np.percentile(values, [5, 50, 95])


def test_measures_follow_the_distribution_of_203_shakes(rng):
    drawn = [draw_measures(rng) for _ in range(2000)]
    assert quartiles([m.degrees for m in drawn]) == pytest.approx([14, 28, 63], rel=0.12)
    assert quartiles([m.hz for m in drawn]) == pytest.approx([1.3, 2.2, 3.4], rel=0.12)
    assert quartiles([m.last_to_first for m in drawn]) == pytest.approx([0.23, 0.9, 2.5], rel=0.2)
    assert np.median([m.swings for m in drawn]) == 3
    assert min(m.swings for m in drawn) == 2
    sides = np.array([(m.roll, m.pitch) for m in drawn])
    assert np.median(np.abs(sides), axis=0) == pytest.approx([0.19, 0.11], rel=0.15)
    assert np.mean(sides > 0, axis=0) == pytest.approx([0.5, 0.5], abs=0.05)


def test_peak_speeds_are_those_of_real_heads(rng):
    waves = [draw_waveform(rng, draw_measures(rng)) for _ in range(600)]
    peaks = quartiles([np.abs(np.diff(wave.yaw)).max() * RATE for wave in waves])
    assert peaks[0] == pytest.approx(130, rel=0.2)
    assert peaks[1] == pytest.approx(255, rel=0.2)
    assert peaks[2] < 700


@pytest.mark.parametrize("swings", [2, 3, 6])
def test_a_waveform_has_its_swings_and_ends_where_it_began(rng, swings):
    measures = draw_measures(rng)._replace(swings=swings, degrees=30.0, last_to_first=1.0)
    yaw = draw_waveform(rng, measures).yaw
    turned = np.flatnonzero(np.diff(np.sign(np.diff(yaw)[np.abs(np.diff(yaw)) > 1e-6])))
    assert len(turned) == swings
    assert yaw[0] == pytest.approx(0, abs=0.1)
    assert yaw[-1] == pytest.approx(0, abs=0.5)
    assert 20 < np.ptp(yaw) < 50


def test_a_logged_waveform_is_brought_to_size_and_rhythm(rng, logs):
    for _ in range(20):
        wanted = draw_measures(rng)._replace(degrees=40.0, hz=2.5)
        wave = take_waveform(rng, logs, wanted)
        assert 25 < np.ptp(wave.yaw) < 60
        assert wave.measures.hz == pytest.approx(2.5, rel=0.2)
        assert np.corrcoef(wave.yaw, wave.roll)[0, 1] > 0.9
        assert np.std(wave.pitch) / np.std(wave.yaw) == pytest.approx(0.1, rel=0.1)
        assert abs(wave.yaw[0]) < 0.5
        assert abs(wave.yaw[-1]) < 0.5


def test_a_piece_of_a_nodding_log_has_the_length_asked_for(rng, logs):
    assert len(take_nods(rng, logs, 4.0).pitch) == 4 * RATE


def test_without_a_folder_there_are_no_logs(tmp_path):
    assert Logs.of(tmp_path / "none", half=1) == Logs()
