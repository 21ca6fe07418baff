"""The films that failed once, where they are at hand; tests/camera makes others of their kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.camera.films import ffmpeg

CASES = Path(__file__).parents[2] / "shared" / "cases"
pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="needs ../shared/cases, which is not part of the project"
)


def replay(*arguments):
    """Returns exit code, people, seconds observed and the lines on the standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "maskcam", "replay", *arguments, "--json", "--exact"],
        cwd=CASES, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    counts = [json.loads(line) for line in done.stdout.splitlines()]
    people = sum(count["people"] or 0 for count in counts)
    return done.returncode, people, sum(c["observed_s"] for c in counts), done.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "people", "observed_s", "line"),
    [
        (["one-bad-frame.avi"], (1, 1), (2, 3), "left out: 1 frame could not be decoded"),
        (["trimmed-without-recoding.mp4"], (1, 2), (2, 3), None),
        (["pause-of-an-hour.mp4"], (1, 1), (1, 2), "left out: 1 gap between frames, 3600.1 s"),
        # Four come; a fifth walks away, and a sixth is still far.
        (["fifteen-a-second.h264", "--fps", "15"], (4, 6), (9, 10), None),
        (["2026-05-04T08:00:00.mp4"], (1, 3), (5, 6), None),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_film_that_failed_once(arguments, people, observed_s, line):
    code, found, seconds, lines = replay(*arguments)
    assert code == 0
    assert people[0] <= found <= people[1]
    assert observed_s[0] <= seconds <= observed_s[1]
    assert len(lines) == (line is not None)
    assert line is None or lines[0].endswith(line)


def test_a_frame_that_cannot_be_decoded_changes_no_count(tmp_path):
    """Three people can be seen in it, two of them with faces too small to be counted."""
    without = tmp_path / "without.avi"
    ffmpeg(
        "-i", CASES / "one-bad-frame.avi", "-c", "copy", "-bsf:v", "noise=drop='eq(n,6)'", without
    )
    assert replay(str(without))[:3] == replay("one-bad-frame.avi")[:3]


def test_a_film_without_time_asks_for_its_rate():
    code, _, _, [line] = replay("fifteen-a-second.h264")
    assert code == 2
    assert "no times of its own" in line
    assert "--fps" in line
