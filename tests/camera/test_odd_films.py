"""Whatever a film is like, it is counted, or one line says what of it was not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from typing import NamedTuple

import pytest

from tests.camera.odd_films import (
    SECONDS,
    OddFilm,
    Studio,
    names,
    passed_outside,
    passed_within,
    render,
)

QUICK = ["avi mjpeg bad packet", "mov h264 turned"]
PARTS = (
    r"\d+ spots? of the file could not be read",
    r"\d+ frames? could not be decoded",
    r"\d+ frames? had no time after the one before",
    r"\d+ gaps? between frames, \d+\.\d s",
    r"\d+\.\d s fewer than its header says",
)
LEFT_OUT = f"left out: ({'|'.join(PARTS)})(; ({'|'.join(PARTS)}))*"
DAMAGED_FRAMES = r"damaged: about \d+ frames?, in which people may be missed"
NOT_WHOLE = f"({LEFT_OUT}|{DAMAGED_FRAMES}|{LEFT_OUT}; {DAMAGED_FRAMES})"
BROKEN = (
    rf"(breaks off at \d+\.\d s( of \d+\.\d s)?(; {NOT_WHOLE})?"
    r"|is not a video, or its end is missing \([\w ]+\)); copy it again"
)
ENDLESS = {"ts", "mpg", "flv", "wmv", "h264", "hevc"}  # nothing that is read says how long they are
DAMAGED = {"bad packet", "lost packets", "damaged bytes"}
SLACK = 4  # people of about 15; half of them are at the edge of sight, which a codec moves


class Result(NamedTuple):
    """What a replay gave."""

    code: int
    people: int
    observed_s: int
    lines: list[str]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    return Studio(tmp_path_factory.mktemp("odd"), render())


@pytest.fixture(scope="module")
def expected(studio):
    """Returns what a film of what can be seen gives; each is replayed once."""

    @cache
    def of(path):
        found = replay(OddFilm(path, (), "", None))
        assert found.code == 0
        return found

    def expect(film):
        return of(studio.make_reference(film).path)

    return expect


def replay(film):
    call = [sys.executable, "-m", "maskcam", "replay", str(film.path), "--json", "--exact"]
    done = subprocess.run(
        [*call, "--detect-fps", "5", *film.options],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    counts = [json.loads(line) for line in done.stdout.splitlines()]
    people = sum(count["people"] or 0 for count in counts)
    observed_s = sum(count["observed_s"] for count in counts)
    return Result(done.returncode, people, observed_s, done.stderr.splitlines())


def check(name, studio, expected):
    """A film counts as the whole one, or one line says what was left out and the rest counts."""
    film = studio.make(name)
    found = replay(film)
    film.path.unlink()
    is_broken = any(re.search(f": {BROKEN}$", line) for line in found.lines)
    assert found.code == is_broken, found
    assert is_broken or all(re.search(f": {NOT_WHOLE}$", line) for line in found.lines), found
    if film.gone_s == (0, SECONDS):
        assert (found.people, found.observed_s, len(found.lines)) == (0, 0, 1)
        return
    seen, whole = expected(film), expected(OddFilm(film.path, (), "whole", None))
    least, most = seen.people - SLACK, max(seen.people, whole.people) + SLACK
    if film.gone_s is not None and film.fault in DAMAGED:
        # Whoever is in view when it begins is counted, or could not be seen to object.
        least = min(least, passed_outside(film.gone_s))
        # Up to the next key frame people stand where they no longer are: then they count again.
        most += passed_within(film.gone_s)
    assert least <= found.people <= most, found
    assert seen.observed_s - 1 <= found.observed_s <= whole.observed_s, found
    lines = {0, 1}
    if film.fault in {"lost packets", "pause"} and not film.options:  # else it has no time
        lines = {1}
    elif film.fault in {"whole", "appended", "sound", "turned", "trimmed"}:
        lines = {0}
    elif film.fault == "cut":
        lines = {0, 1} if name.split()[0] in ENDLESS else {1}
        assert is_broken or name.split()[0] in ENDLESS
    elif whole.people - SLACK > found.people or whole.observed_s - 1 > found.observed_s:
        lines = {1}
    assert len(found.lines) in lines, found


@pytest.mark.timeout(500)  # 22 s; on a busy machine five times as long
@pytest.mark.parametrize("name", QUICK)
def test_an_odd_film(name, studio, expected):
    check(name, studio, expected)


def test_a_film_that_turns_grey_after_a_flash_counts_on(studio, expected):
    film = studio.make_night_film()
    found, whole = replay(film), expected(film)
    assert (found.code, found.lines) == (0, [])
    assert abs(found.people - whole.people) <= SLACK
    assert whole.observed_s - 1 <= found.observed_s <= whole.observed_s


def test_there_are_two_hundred_of_them():
    assert len(set(names())) >= 200


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in names() if name not in QUICK])
def test_every_odd_film(name, studio, expected):
    check(name, studio, expected)
