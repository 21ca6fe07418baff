"""A film that an index makes long: all of it plays, and it is hardly larger."""

from __future__ import annotations

import av
import pytest

from sdcard.endless import repeat
from tests.camera.films import encode, numbered
from tests.camera.test_ffmpeg import numbers, read

FILMS = {
    "mpeg4": ("-c:v", "mpeg4", "-g", 10),
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", 2, "-g", 12),
}


@pytest.mark.parametrize("options", FILMS.values(), ids=FILMS)
def test_each_frame_comes_again_in_its_order(tmp_path, caplog, options):
    film = encode(tmp_path / "short.mp4", numbered(45), *options)
    long = tmp_path / "long.mp4"
    long.write_bytes(repeat(film.read_bytes(), 7))
    times, lumas, error = read(long)
    assert (error, caplog.records) == (None, [])
    assert numbers(lumas) == 7 * numbers(read(film)[1])
    assert times == pytest.approx([number / 15 for number in range(7 * 45)], abs=0.01)
    assert long.stat().st_size < film.stat().st_size + 7 * 45 * 16
    with av.open(str(long)) as container:
        assert container.duration == pytest.approx(21e6, rel=0.02)


def test_other_films_are_refused(tmp_path):
    first = encode(tmp_path / "f.mp4", numbered(5), *FILMS["mpeg4"], "-movflags", "+faststart")
    other = encode(tmp_path / "f.avi", numbered(5), *FILMS["mpeg4"])
    for film in (first, other):
        with pytest.raises(ValueError, match=r"box|MP4"):
            repeat(film.read_bytes(), 2)
