"""Whatever a film is like, it is counted, or one line says what of it was not."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tests.camera.odd_films import Studio, names, render

QUICK = ["avi mjpeg bad packet", "mov h264 turned"]
ANSWERS = (
    r"left out: \d+ frames? (could not be decoded|had no time after the one before)"
    r"(; \d+ frames? had no time after the one before)?",
    r"breaks off at \d+\.\d s( of \d+\.\d s)?; copy it again",
    r"is not a video, or its end is missing \([\w ]+\); copy it again",
    r"gives no frame; it may be damaged or hold no video",
)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(tmp_path_factory.mktemp("odd"), render())


@pytest.fixture(scope="module")
def expected(studio):
    code, people, observed_s, lines = replay(studio.make("mkv ffv1 whole"))
    assert (code, lines) == (0, [])
    assert observed_s >= 7
    assert people >= 2
    return people


def replay(film):
    """Returns exit code, people, seconds observed, and the lines on the standard error."""
    call = [sys.executable, "-m", "maskcam", "replay", str(film.path), "--json", "--exact"]
    done = subprocess.run(
        [*call, "--detect-fps", "5", *film.options],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    counts = [json.loads(line) for line in done.stdout.splitlines()]
    people = sum(count["people"] or 0 for count in counts)
    observed_s = sum(count["observed_s"] for count in counts)
    return done.returncode, people, observed_s, done.stderr.splitlines()


def check(name, studio, expected):
    film = studio.make(name)
    code, people, observed_s, lines = replay(film)
    assert all(any(re.search(f"{answer}$", line) for answer in ANSWERS) for line in lines), lines
    assert len(lines) <= 2, lines
    assert code == (1 if any("left out" not in line for line in lines) else 0), lines
    if film.lossy:
        assert people <= expected + 1
        assert observed_s <= 8
    else:
        assert lines == []
        assert abs(people - expected) <= 1
        assert 6 <= observed_s <= 8
    film.path.unlink()


@pytest.mark.parametrize("name", QUICK)
def test_an_odd_film(name, studio, expected):
    check(name, studio, expected)


def test_there_are_two_hundred_of_them():
    assert len(set(names())) >= 200


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if name not in QUICK])
def test_every_odd_film(name, studio, expected):
    check(name, studio, expected)
