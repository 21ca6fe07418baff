"""Films as people's cameras, phones and editors write them, and with the faults they get."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from itertools import count, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.camera import ffmpeg as module
from maskcam.camera.container import missing_bytes
from maskcam.camera.video import VideoCamera
from maskcam.errors import CameraError, UsageError
from tests.camera.films import encode, ffmpeg, numbered

FIT = (320, 320)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=1", "-g", "10")
VP8 = ("-c:v", "libvpx", "-deadline", "good", "-cpu-used", "5", "-b:v", "2M")
JPEG = ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("film") / "film.mp4", numbered(45), *X264)


def read(source, **options):
    """Returns the times and a copy of the luma of all frames, and the error at the end."""
    times, lumas, error = [], [], None
    with VideoCamera(str(source), rgb_size=FIT, **options) as camera:
        try:
            while (frame := camera.read(timeout_s=5)) is not None:
                times.append(frame.captured_at_s)
                lumas.append(frame.luma.copy())
        except CameraError as broken:
            error = str(broken)
    return times, lumas, error


def numbers(lumas):
    return [round(float(np.median(luma[luma.shape[0] // 2 + 4 :])) / 5) for luma in lumas]


# --- frames that cannot be decoded ----------------------------------------------------------


def spoil_jpegs(path, which):
    data = bytearray(path.read_bytes())
    begins = [found.start() for found in re.finditer(b"\xff\xd8\xff", data)]
    for number in which:
        data[begins[number] : begins[number] + 300] = bytes(300)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "which", [[6], [0], [0, 1, 2], [38], [5, 6, 7, 20], range(10, 30)], ids=str
)
@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mov"])
def test_frames_that_cannot_be_decoded_are_left_out_and_counted(tmp_path, caplog, which, suffix):
    path = encode(tmp_path / f"film{suffix}", numbered(39), *JPEG)
    spoil_jpegs(path, which)
    times, lumas, error = read(path)
    assert error is None
    good = [number for number in range(39) if number not in which]
    assert numbers(lumas) == good
    assert np.array(times) == pytest.approx((np.array(good) - good[0]) / 15, abs=0.002)
    left_out = "1 frame" if len(which) == 1 else f"{len(which)} frames"
    gap = "; 1 gap between frames, 1.4 s" if len(which) == 20 else ""
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: left out: {left_out} could not be decoded{gap}"
    ]


def test_what_a_damaged_h264_film_shows_is_no_made_up_street(tmp_path, caplog):
    path = encode(tmp_path / "film.ts", numbered(150), *X264)
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(3)
    for at in random.integers(len(data) // 4, len(data) // 2, 12):
        data[at : at + 300] = random.bytes(300)
    path.write_bytes(data)
    times, lumas, error = read(path)
    assert error is None
    assert len(lumas) > 100
    assert "could not be decoded" in caplog.text
    assert all(b > a for a, b in pairwise(times))


def test_h265_frames_that_lack_what_they_refer_to_are_counted(tmp_path, caplog):
    whole, path = tmp_path / "whole.hevc", tmp_path / "film.hevc"
    encode(whole, numbered(40), *X265)
    ffmpeg("-i", whole, "-c", "copy", "-bsf:v", "noise=drop='between(n,14,15)'", path)
    lumas = read(path, film_fps=15)[1]
    left_out = re.search(r"left out: (\d+) frames could not be decoded", caplog.text)
    assert left_out
    assert len(lumas) + int(left_out[1]) == 38


def test_a_film_of_which_nothing_can_be_decoded_is_one_line(tmp_path):
    path = encode(tmp_path / "film.avi", numbered(39), *JPEG)
    spoil_jpegs(path, range(39))
    with pytest.raises(CameraError, match="gives no frame; it may be damaged or hold no video"):
        read(path)


# --- cut, and not cut -----------------------------------------------------------------------


def test_a_film_that_was_trimmed_without_recoding_is_whole(film, tmp_path):
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-ss", "1.3", "-i", film, "-c", "copy", path)  # an edit list hides the first frames
    assert missing_bytes(path) == 0
    times, lumas, error = read(path)
    assert error is None
    assert numbers(lumas)[-1] == 44
    assert times[-1] < 2


def test_sound_that_is_longer_than_the_picture_is_no_cut(film, tmp_path):
    path = tmp_path / "sound.mp4"
    ffmpeg("-i", film, "-f", "lavfi", "-i", "sine=duration=9", "-c:v", "copy", path)
    assert (len(read(path)[0]), read(path)[2]) == (45, None)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", (*X264, "-movflags", "+faststart")),
        (".mp4", (*X264, "-movflags", "+frag_keyframe+empty_moov")),
        (".mkv", X264),
        (".webm", VP8),
        (".avi", JPEG),
        (".mov", (*JPEG, "-movflags", "+faststart")),
    ],
)
@pytest.mark.parametrize("part", [0.4, 0.9])
def test_a_cut_film_gives_its_frames_and_says_so(tmp_path, suffix, options, part):
    random = np.random.default_rng(1)
    frames = [frame ^ random.integers(0, 64, frame.shape, np.uint8) for frame in numbered(45)]
    path = encode(tmp_path / f"film{suffix}", frames, *options)
    assert missing_bytes(path) == 0
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert missing_bytes(path) > 0
    times, _, error = read(path)
    assert 45 * (part - 0.25) < len(times) < 45
    assert re.fullmatch(r".*: breaks off at \d\.\d s( of \d\.\d s)?; copy it again", error)


FRAGMENTED = ("-movflags", "+frag_keyframe+empty_moov+default_base_moof")


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    """Returns a film of each container, by its suffix; each codec has several key frames."""
    random = np.random.default_rng(1)
    frames = [frame ^ random.integers(0, 64, frame.shape, np.uint8) for frame in numbered(36)]
    codecs = {
        ".mkv": (*VP8, "-g", "99"),  # and one cluster
        ".mp4": (*X264, *FRAGMENTED),
        ".avi": JPEG,
        ".ts": X264,
        ".flv": X264,
        ".ogv": ("-c:v", "libtheora", "-q:v", "5", "-g", "10"),
        ".wmv": ("-c:v", "wmv2", "-q:v", "5", "-g", "10"),
    }
    folder = tmp_path_factory.mktemp("varied")
    return {
        suffix: encode(folder / f"film{suffix}", frames, *codec).read_bytes()
        for suffix, codec in codecs.items()
    }


@pytest.mark.parametrize(
    "fault",
    [
        "bytes more",
        "end of zeros",
        pytest.param("end of noise", marks=pytest.mark.slow),
        pytest.param("middle of zeros", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi", ".ts", ".flv", ".ogv", ".wmv"])
def test_frames_that_a_damaged_file_lost_are_reported_in_one_line(
    varied, tmp_path, caplog, suffix, fault
):
    whole = varied[suffix]
    half = len(whole) // 2
    random = np.random.default_rng(3)
    path = tmp_path / f"film{suffix}"
    path.write_bytes(
        {
            "bytes more": whole[:half] + random.bytes(150) + whole[half:],
            "end of zeros": whole[:half] + bytes(half),
            "end of noise": whole[:half] + random.bytes(half),
            "middle of zeros": whole[:half] + bytes(half // 2) + whole[half + half // 2 :],
        }[fault]
    )
    times, _, error = read(path)
    lines = [record.getMessage() for record in caplog.records] + [error] * (error is not None)
    assert len(lines) == 1 or (len(times) >= 35 and not lines)
    assert len(times) > 10


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_longer_sound_is_not_missed_in_a_damaged_film(tmp_path, caplog, suffix):
    silent, path = tmp_path / "silent.mkv", tmp_path / f"film{suffix}"
    encode(silent, numbered(45), *JPEG)
    ffmpeg("-i", silent, "-f", "lavfi", "-i", "sine=duration=9", "-c:v", "copy", path)
    data = bytearray(path.read_bytes())
    picture = data.index(b"\xff\xd8\xff", len(data) // 3)
    data[picture : picture + 300] = bytes(300)
    path.write_bytes(data)
    assert len(read(path)[0]) == 44
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: left out: 1 frame could not be decoded"
    ]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
def test_what_was_appended_to_a_film_does_not_matter(film, tmp_path, suffix):
    path = tmp_path / f"film{suffix}"
    ffmpeg("-i", film, *X264, path)
    path.write_bytes(path.read_bytes() + b"\0" * 5000)
    assert missing_bytes(path) == 0
    times, _, error = read(path)
    assert (len(times), error) == (45, None)


def test_a_live_recording_that_knows_no_size_is_whole(film, tmp_path):
    path = tmp_path / "live.mkv"
    ffmpeg("-i", film, "-c", "copy", "-live", "1", "-f", "matroska", path)
    assert missing_bytes(path) == 0
    assert read(path)[2] is None


# --- time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".h264", X264),
        (".mpeg4", ("-c:v", "mpeg4", "-f", "m4v")),
        (".mjpeg", JPEG),
        (".hevc", X265),
    ],
)
def test_a_film_without_time_asks_for_its_rate(tmp_path, suffix, options):
    path = encode(tmp_path / f"film{suffix}", numbered(30), *options)
    with pytest.raises(UsageError, match=r"has no times of its own; .* --fps N"):
        read(path)
    times, lumas, error = read(path, film_fps=15)
    assert error is None
    assert len(lumas) == 30
    assert times == pytest.approx([number / 15 for number in range(30)])


def test_joined_transport_streams_step_back_and_go_on(film, tmp_path):
    one, other = tmp_path / "one.ts", tmp_path / "other.ts"
    ffmpeg("-i", film, "-c", "copy", "-output_ts_offset", "5000", one)
    ffmpeg("-i", film, "-c", "copy", other)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + other.read_bytes())
    times, lumas, error = read(joined)
    assert error is None
    assert len(lumas) >= 88
    assert times[-1] < 7.5
    assert max(b - a for a, b in pairwise(times)) == pytest.approx(0.6, abs=0.07)


def test_a_transport_stream_whose_clock_overflows_goes_on(film, tmp_path):
    path = tmp_path / "film.ts"
    ffmpeg("-i", film, "-c", "copy", "-output_ts_offset", str(2**33 / 90_000 - 3), path)
    times, _, error = read(path)
    assert error is None
    assert len(times) >= 43
    assert times[-1] < 4


@pytest.mark.parametrize("codec", [("libx264", "-g", "30"), ("mpeg4",)], ids=str)
def test_frames_that_are_stored_in_another_order_keep_their_times(tmp_path, caplog, codec):
    path = encode(tmp_path / "film.avi", numbered(45), "-c:v", *codec, "-bf", "3")
    times, lumas, error = read(path)
    assert error is None
    assert numbers(lumas) == list(range(len(lumas)))
    assert len(lumas) >= 43
    assert np.diff(times) == pytest.approx(1 / 15, abs=0.002)
    assert caplog.records == []


def test_a_fragment_that_is_missing_is_a_gap(tmp_path, caplog):
    path = encode(tmp_path / "film.mp4", numbered(45), *X264, *FRAGMENTED)
    data = path.read_bytes()
    begins = [found.start() - 4 for found in re.finditer(b"moof", data)]
    path.write_bytes(data[: begins[1]] + data[begins[2] :])
    assert numbers(read(path)[1]) == [*range(10), *range(20, 45)]
    assert caplog.records[-1].getMessage() == f"{path}: left out: 1 gap between frames, 0.7 s"


def test_a_pause_of_an_hour_stays(tmp_path):
    path = tmp_path / "pause.mkv"
    late = "setpts='PTS+if(gte(N,20),3600/TB,0)'"
    encode(path, numbered(30), "-vf", late, "-fps_mode", "passthrough", *X264)
    times, _, error = read(path)
    assert (len(times), error) == (30, None)
    assert times[20] - times[19] == pytest.approx(3600 + 1 / 15, abs=0.01)


# --- upright --------------------------------------------------------------------------------

QUARTERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}


def red_quarter(path):
    """Returns where the quarter is that is red, and the frames' size."""
    with VideoCamera(str(path), rgb_size=FIT) as camera:
        frame = camera.read(timeout_s=5)
        assert frame is not None
        rgb, size = frame.rgb, camera.size
    halves = rgb.shape[0] // 2, rgb.shape[1] // 2
    red = {
        name: rgb[y * halves[0] :, x * halves[1] :][: halves[0], : halves[1], 0].mean()
        for name, (y, x) in QUARTERS.items()
    }
    return max(red, key=lambda name: red[name]), size


@pytest.mark.parametrize(
    ("how", "where", "size"),
    [
        (("-display_rotation", "90"), "bottom left", (180, 320)),
        (("-display_rotation", "180"), "bottom right", (320, 180)),
        (("-display_rotation", "270"), "top right", (180, 320)),
        (("-display_rotation", "-90"), "top right", (180, 320)),
        (("-display_hflip",), "top right", (320, 180)),
        (("-display_vflip",), "bottom left", (320, 180)),
        (("-display_rotation", "180", "-display_hflip"), "bottom left", (320, 180)),
        (("-display_rotation", "90", "-display_vflip"), None, (180, 320)),
    ],
    ids=str,
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_display_matrix_is_honoured(film, tmp_path, how, where, size, suffix):
    turned, player = tmp_path / f"turned{suffix}", tmp_path / "player.mp4"
    ffmpeg(*how, "-i", film, "-c", "copy", turned)
    ffmpeg("-i", turned, *X264, player)  # FFmpeg's program turns as a player does
    found = red_quarter(turned)
    assert found == red_quarter(player)
    assert found[1] == size
    assert where in (None, found[0])


# --- what was fine, and is to stay so -------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "options", "size"),
    [
        (".mp4", (*X264, "-vf", "setsar=4/3"), (320, 180)),
        (".mkv", (*X264[:4], "-pix_fmt", "yuv420p10le"), (320, 180)),
        (".mkv", (*X264[:4], "-pix_fmt", "gray"), (320, 180)),
        (".mov", ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"), (320, 180)),
        (".avi", ("-c:v", "rawvideo", "-pix_fmt", "bgra"), (320, 180)),
        (".mkv", ("-c:v", "ffv1", "-vf", "crop=317:179"), (317, 179)),
        (".mp4", (*X264, "-vf", "scale=3840:2160", "-frames:v", "5"), (3840, 2160)),
        (".mp4", (*X264, "-bf", "3"), (320, 180)),
        (".avi", ("-c:v", "mpeg4", "-bf", "2"), (320, 180)),
        (".wmv", ("-c:v", "wmv2"), (320, 180)),
        (".flv", ("-c:v", "flv1"), (320, 180)),
        (".mpg", ("-c:v", "mpeg2video", "-r", "25", "-flags", "+ilme+ildct"), (320, 180)),
        (".mp4", ("-c:v", "libsvtav1", "-preset", "12"), (320, 180)),
        (".mov", ("-c:v", "png", "-pix_fmt", "gray16be"), (320, 180)),
        (".avi", ("-c:v", "rawvideo", "-pix_fmt", "pal8"), (320, 180)),
        (".gif", (), (320, 180)),
        (".ogv", ("-c:v", "libtheora", "-q:v", "8"), (320, 180)),
        (".webm", ("-c:v", "libvpx-vp9", *VP8[2:]), (320, 180)),
    ],
    ids=str,
)
def test_a_film_of_another_kind_is_read(tmp_path, suffix, options, size):
    path = encode(tmp_path / f"film{suffix}", numbered(15), *options)
    times, lumas, error = read(path)
    assert error is None
    assert 4 < len(times) <= 26
    assert (lumas[0].shape[1], lumas[0].shape[0]) == size
    assert np.median(lumas[3][size[1] // 2 + 4 :]) == pytest.approx(15, abs=6)


def test_a_cover_picture_is_not_the_film(film, tmp_path):
    cover, path = tmp_path / "cover.png", tmp_path / "covered.mp4"
    cv2.imwrite(str(cover), np.full((900, 900, 3), 200, np.uint8))
    ffmpeg(*("-i", cover, "-i", film, "-map", "0", "-map", "1", "-c", "copy"),
           *("-disposition:v:0", "attached_pic", path))  # fmt: skip
    times, lumas, _ = read(path)
    assert (len(times), lumas[0].shape) == (45, (180, 320))


def test_chroma_and_size_may_change_within_a_film(tmp_path, caplog):
    one = encode(tmp_path / "one.ts", numbered(15), *X264)
    other = encode(
        tmp_path / "other.ts", numbered(15, (640, 480)), *X264[:4], "-pix_fmt", "yuv444p"
    )
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() + other.read_bytes())
    times, lumas, error = read(path)
    assert error is None
    assert len(times) >= 28
    assert {luma.shape for luma in lumas} == {(180, 320)}
    assert "320x180 px become 640x480: scaled back" in caplog.text
    assert (lumas[-1][:, :30] == 0).all()  # a wider frame would show another street
    assert (lumas[-1][100:, 60:260] > 50).all()


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"2026-05-04T08:00:00.mp4",
        b"rtsp:street.mp4",
        b"concat:a|b.mp4",
        b"caf\xe9.mp4",
        b"\xff\xfe\x01.mp4",
        "Straße 100 %d.mp4".encode(),
        b"-film.mp4",
        b"a\nb.mp4",
    ],
)
def test_any_name_of_a_file_is_opened(film, tmp_path, monkeypatch, name):
    path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 - bytes
    os.link(film, path)
    monkeypatch.chdir(tmp_path)
    for source in (os.fsdecode(path), os.fsdecode(name)):
        assert len(read(source)[0]) == 45


def test_a_name_that_is_no_text_ends_in_one_line_where_there_is_no_film(tmp_path):
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9\n\x1b[31m.mp4")  # noqa: PTH118 - bytes
    for content in (None, b"no film"):
        if content:
            with open(name, "wb") as file:  # noqa: PTH123 - bytes
                file.write(content)
        done = subprocess.run(
            [sys.executable, "-m", "maskcam", "replay", name, "--json"],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1
        assert b"caf\\udce9\\n\\x1b[31m.mp4" in done.stderr


def test_a_playlist_is_no_way_to_the_network_or_to_other_files(film, tmp_path):
    neighbour, master = tmp_path / "neighbour.mp4", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"
    neighbour.write_bytes(film.read_bytes())
    for place in ("neighbour.mp4", str(neighbour), f"file:{neighbour}", "http://127.0.0.1:9/x.mp4"):
        for name, text in (
            ("list.m3u8", f"#EXTM3U\n#EXTINF:3,\n{place}\n#EXT-X-ENDLIST\n"),
            ("master.m3u8", f"{master}{place}\n"),
            ("list.ffconcat", f"ffconcat version 1.0\nfile {place}\n"),
            ("street.mp4", f"ffconcat version 1.0\nfile {place}\n"),
        ):
            path = tmp_path / name
            path.write_text(text)
            with pytest.raises(CameraError, match="is not a video"):
                read(path)


def test_a_name_is_no_pattern_for_other_files(tmp_path):
    for name in ("photo1.png", "photo2.png", "photo%d.png"):
        cv2.imwrite(str(tmp_path / name), np.full((64, 64, 3), 99, np.uint8))
    assert len(read(tmp_path / "photo1.png")[0]) == 1
    with pytest.raises(CameraError, match=r"is not a video.*\(of a kind that is not read here\)"):
        read(tmp_path / "photo%d.png")


def test_without_the_package_it_says_what_to_install(film, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r"pip install 'maskcam\[video\]'"):
        read(film)


@pytest.mark.parametrize("limit", ["_MOST_BAD", "_MOST_BAD_S"])
def test_a_film_that_does_not_stop_failing_is_given_up(tmp_path, monkeypatch, limit):
    path = encode(tmp_path / "film.avi", numbered(60), *JPEG)
    spoil_jpegs(path, range(20, 40))
    assert len(read(path)[0]) == 40
    seconds = count()
    monkeypatch.setattr(module, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(module, limit, 10)
    times, _, error = read(path)
    assert len(times) == 20
    assert "breaks off at 1.3 s of 4.0 s" in error


def test_time_that_the_reader_takes_is_no_failing(tmp_path, monkeypatch):
    path = encode(tmp_path / "film.avi", numbered(20), *JPEG)
    spoil_jpegs(path, [5, 10])
    now_s = 0.0
    monkeypatch.setattr(module, "monotonic", lambda: now_s)
    with module.FFmpegSource(module.file_address(path), live=False) as source:
        frames = 0
        while source.read() is not None:
            frames += 1
            now_s += 1000
    assert frames == 18


def test_a_source_that_is_opened_again_and_again_leaves_no_memory_behind(film):
    def own_mb() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1000

    gc.disable()  # a unit's own collections are rare
    try:
        sizes = []
        for _ in range(25):
            with module.FFmpegSource(module.file_address(film), live=False) as source:
                for _ in range(10):
                    source.read()
            sizes.append(own_mb())
    finally:
        gc.enable()
    assert sizes[-1] < sizes[4] + 15


def test_a_film_does_not_hold_the_frames_that_it_gave(film):
    av = pytest.importorskip("av")
    with VideoCamera(str(film), rgb_size=FIT) as camera:
        for _ in range(40):
            camera.read(timeout_s=5)
        held = [one for one in gc.get_objects() if isinstance(one, av.VideoFrame)]
    assert len(held) <= 10  # whatever Python has not collected yet


def test_a_film_keeps_no_threads_for_its_frames(film):
    tasks = Path("/proc/self/task")
    with VideoCamera(str(film), rgb_size=FIT) as camera:
        camera.read(timeout_s=5)
        before = len(list(tasks.iterdir()))
        for _ in range(30):
            camera.read(timeout_s=5)
        assert len(list(tasks.iterdir())) == before
