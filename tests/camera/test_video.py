import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcam.camera import ffmpeg
from maskcam.camera.video import VideoCamera, scaled
from maskcam.errors import CameraError, CameraStalledError
from tests.camera.mp4 import with_frame_times, with_index_first, write_mp4
from tests.camera.rtsp_server import RtspServer

FIT = (320, 320)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_mp4(tmp_path_factory.mktemp("film") / "film.mp4")


def read_all(source, **options):
    """Returns (time, mean luma, mean rgb) of every frame."""
    frames = []
    with VideoCamera(str(source), rgb_size=FIT, **options) as camera:
        while (frame := camera.read(timeout_s=5)) is not None:
            frames.append((frame.captured_at_s, frame.luma.mean(), frame.rgb.mean()))
    return frames


def read_on(camera, times, *, timeout_s):
    """Collects the times of all frames up to the end or an error."""
    while frame := camera.read(timeout_s=timeout_s):
        times.append(frame.captured_at_s)


def test_gives_every_frame_of_a_file_with_its_own_time(film):
    frames = read_all(film)
    assert [frame[0] for frame in frames] == pytest.approx([i / 15 for i in range(45)], abs=1e-6)
    expected = [5 * i % 250 for i in range(45)]
    assert [frame[1] for frame in frames] == pytest.approx(expected, abs=4)
    assert [frame[2] for frame in frames] == pytest.approx(expected, abs=4)


def test_sizes(film):
    with VideoCamera(str(film), rgb_size=(160, 160)) as camera:
        frame = camera.read(timeout_s=5)
        assert frame is not None
        assert (camera.size, frame.luma.shape, frame.luma.dtype) == (
            (320, 180),
            (180, 320),
            np.uint8,
        )
        assert (camera.rgb_size, frame.rgb.shape) == ((160, 90), (90, 160, 3))


@pytest.mark.parametrize("size", [(448, 252), (320, 180), (640, 360), (1280, 720), (1600, 900)])
def test_scaling_is_like_that_by_areas(size):
    """A picture with detail of all sizes; areas do not apply where it grows."""
    random = np.random.default_rng(1)
    detail = np.zeros((720, 1280, 3), np.float32)
    for cell in (4, 8, 16, 32, 64):
        noise = random.normal(0, cell, (720 // cell + 1, 1280 // cell + 1, 3)).astype(np.float32)
        detail += cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(detail + 128, 0, 255).astype(np.uint8)
    how = cv2.INTER_AREA if size[0] < 1280 else cv2.INTER_LINEAR
    expected = cv2.resize(picture, size, interpolation=how)
    assert cv2.PSNR(expected, scaled(picture, size)) > 38


def test_the_detectors_picture_is_rgb(tmp_path):
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for _ in range(5):
        writer.write(np.full((64, 64, 3), (0, 0, 255), np.uint8))
    writer.release()
    with VideoCamera(str(path), rgb_size=(32, 32)) as camera:
        frame = camera.read(timeout_s=5)
    assert frame is not None
    red, green, blue = frame.rgb[16, 16]
    assert (red > 240, green < 16, blue < 16) == (True, True, True)


def test_a_file_ends_for_good(film):
    with VideoCamera(str(film), rgb_size=FIT) as camera:
        for _ in range(45):
            assert camera.read(timeout_s=5) is not None
        assert camera.read(timeout_s=5) is None
        assert camera.read(timeout_s=5) is None


def test_a_file_of_varying_rate_keeps_its_own_time(film, tmp_path):
    intervals = [0.04] * 15 + [0.2] * 15 + [0.08, 0.12] * 7 + [0.04]
    path = tmp_path / "vfr.mp4"
    path.write_bytes(with_frame_times(film.read_bytes(), intervals))
    times = [frame[0] for frame in read_all(path)]
    expected = np.concatenate([[0], np.cumsum(intervals)[:-1]])
    assert times == pytest.approx(expected.tolist(), abs=0.002)


def test_frames_whose_time_stands_still_are_left_out_and_counted(film, tmp_path, caplog):
    path = tmp_path / "still.mp4"
    path.write_bytes(with_frame_times(film.read_bytes(), [1 / 15] * 20 + [0.0] * 25))
    times = [frame[0] for frame in read_all(path)]
    assert times == pytest.approx([i / 15 for i in range(21)], abs=1e-3)
    assert "24 frames had no time after the one before" in caplog.text


def test_a_missing_file(tmp_path):
    with pytest.raises(CameraError, match=r"no such video .*; check the path"):
        read_all(tmp_path / "none.mp4")
    with pytest.raises(CameraError, match=r"no such video \(its name cannot be used\)"):
        read_all("a\0b.mp4")


def test_a_directory(tmp_path):
    with pytest.raises(CameraError, match="is not a file"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"the video is empty \(0 bytes\)"),
        (b"This is a letter, and no video at all.\n" * 99, "is not a video"),
        (bytes(5000), "is not a video"),
    ],
)
def test_a_file_that_is_no_video(tmp_path, content, message):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(CameraError, match=message) as caught:
        read_all(path)
    assert "\n" not in str(caught.value)


def test_a_picture_is_a_video_of_one_frame_or_an_error(tmp_path):
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), np.full((64, 64, 3), 99, np.uint8))
    assert len(read_all(path)) == 1


def test_a_file_whose_index_was_cut_off(film, tmp_path):
    path = tmp_path / "cut.mp4"
    path.write_bytes(film.read_bytes()[:-400])
    with pytest.raises(CameraError, match=r"its end is missing \(.*\); copy it again"):
        read_all(path)


def test_a_file_cut_in_the_middle_gives_its_frames_and_then_an_error(film, tmp_path):
    whole = with_index_first(film.read_bytes())
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole)
    assert len(read_all(path)) == 45
    path.write_bytes(whole[: len(whole) // 2])
    times: list[float] = []
    expected = r"breaks off at \d\.\d s of 3.0 s; copy it again"
    with (
        VideoCamera(str(path), rgb_size=FIT) as camera,
        pytest.raises(CameraError, match=expected) as caught,
    ):
        read_on(camera, times, timeout_s=5)
    assert 5 < len(times) < 40
    assert f"breaks off at {times[-1]:.1f} s" in str(caught.value)


def test_a_file_of_varying_rate_that_is_whole_is_not_taken_for_cut(film, tmp_path):
    path = tmp_path / "vfr.mp4"
    path.write_bytes(with_frame_times(film.read_bytes(), [0.5] * 5 + [0.02] * 40))
    assert len(read_all(path)) == 45


def test_nothing_is_written_on_the_standard_streams(film, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(with_index_first(film.read_bytes())[:9000])
    program = (
        "import sys; from maskcam.camera.video import VideoCamera\n"
        "from maskcam.errors import CameraError\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        with VideoCamera(name, rgb_size=(320, 320)) as camera:\n"
        "            while camera.read(timeout_s=5): pass\n"
        "    except CameraError: pass\n"
        "    else: raise SystemExit('no error')\n"
    )
    sources = [str(cut), str(Path(__file__)), "/dev/null", "v4l2:/dev/video99"]
    done = subprocess.run(
        [sys.executable, "-c", program, *sources], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("/dev/video99", "no such camera"),
        ("/dev/null", "cannot be opened"),
        (__file__, "not a device"),
    ],
)
def test_a_device_that_is_no_camera(device, message):
    with pytest.raises(CameraError, match=message):
        read_all(f"v4l2:{device}")


def test_a_stream_that_cannot_be_reached_does_not_show_the_password():
    with pytest.raises(CameraError, match=r"rtsp://127.0.0.1:9: cannot be reached") as caught:
        read_all("rtsp://guard:secret@127.0.0.1:9/live")
    assert "secret" not in str(caught.value)


def test_a_stream_of_a_real_server_gives_frames_and_then_stalls(film, monkeypatch):
    monkeypatch.setattr(ffmpeg, "_READ_TIMEOUT_S", 0.8)
    times: list[float] = []
    with (
        RtspServer(film, fps=30) as server,
        VideoCamera(server.url, rgb_size=FIT) as camera,
        pytest.raises(CameraStalledError, match=r"gave no frame for 0.5 s"),
    ):
        read_on(camera, times, timeout_s=0.5)
    assert (camera.size, camera.rgb_size) == ((320, 180), (320, 180))
    assert len(times) > 5
    assert (np.diff(times) > 0).all()


def test_a_stream_whose_server_leaves(film):
    with (
        RtspServer(film, fps=100, hangs_up=True) as server,
        VideoCamera(server.url.replace("rtsp", "RTSP"), rgb_size=FIT) as camera,
        pytest.raises(CameraStalledError, match="gave no frame for 1 s; check cable, power"),
    ):
        read_on(camera, [], timeout_s=1)
