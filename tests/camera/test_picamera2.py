"""Tests against a fake that imitates picamera2 0.3.38.

What it imitates was read in that version's source. tests/sdcard/test_libcamera.py runs
the same camera on the real picamera2 and libcamera, with a virtual camera.
No test has run on a Raspberry Pi yet.
"""

import copy
import sys
import threading
import time

import numpy as np
import pytest

from maskcam.camera import picamera2 as module
from maskcam.camera.picamera2 import Picamera2Camera, _monotonic_s, limit_exposure
from maskcam.errors import CameraError, CameraStalledError
from tests.camera import fake_picamera2


@pytest.fixture
def fake(monkeypatch, tmp_path):
    modules, camera = fake_picamera2.modules()
    for name, content in modules.items():
        monkeypatch.setitem(sys.modules, name, content)
    for number, name in enumerate(["pisp-fe\n", "dw9807 10-000c\n", "imx708 10-001a\n"]):
        path = tmp_path / f"v4l-subdev{number}" / "name"
        path.parent.mkdir()
        path.write_text(name)
    monkeypatch.setattr(module, "_SUBDEVICES", tmp_path)
    monkeypatch.setattr(module, "_opened", threading.Event())
    monkeypatch.setenv("LIBCAMERA_LOG_LEVELS", "*:WARN")
    yield camera
    camera.over.set()


def make(**options):
    return Picamera2Camera(**({"rgb_size": (320, 320)} | options))


def read_often(camera, *, timeout_s):
    for _ in range(10):
        camera.read(timeout_s=timeout_s)


def test_gives_luma_and_rgb_of_the_same_field_of_view(fake):
    with make() as camera:
        frame = camera.read(timeout_s=2)
        assert (camera.size, frame.luma.shape) == ((1280, 720), (720, 1280))
        assert (camera.rgb_size, frame.rgb.shape) == ((320, 180), (180, 320, 3))
        assert (frame.luma == frame.luma[0, 0]).all()
        assert np.abs(frame.rgb.astype(int) - (255, 0, 0)).max() < 8
        assert frame.luma.flags.c_contiguous
        assert frame.rgb.flags.c_contiguous


def test_padding_at_the_end_of_rows_is_no_part_of_the_picture(fake):
    """A Pi 5 aligns YUV420 rows to 128 bytes: 320 px come in rows of 384."""
    fake.stride_step = 128
    with make() as camera:
        frame = camera.read(timeout_s=2)
    assert frame.rgb.shape == (180, 320, 3)
    assert np.abs(frame.rgb.astype(int) - (255, 0, 0)).max() < 8


def test_frames_are_new_and_their_times_grow(fake):
    with make() as camera:
        frames = [camera.read(timeout_s=2) for _ in range(20)]
        assert (np.diff([frame.captured_at_s for frame in frames]) > 0).all()
        assert 0 < time.monotonic() - frames[-1].captured_at_s < 0.5


def test_a_frame_stays_valid_until_the_next_one_although_its_request_is_released(fake):
    with make() as camera:
        frame = camera.read(timeout_s=2)
        number = int(frame.luma[0, 0])
        time.sleep(0.1)  # the fake has overwritten its buffers since
        assert (frame.luma == number).all()


def test_no_request_is_ever_lost(fake):
    with make() as camera:
        for _ in range(30):  # more than there are buffers
            camera.read(timeout_s=2)


def test_the_configuration(fake):
    with make(fps=25, size=(1280, 720)):
        (configuration,) = fake.last.configurations
    assert configuration["main"]["format"] == configuration["lores"]["format"] == "YUV420"
    assert configuration["lores"]["size"] == (320, 180)
    assert configuration["raw"] is None
    assert configuration["queue"]
    assert configuration["controls"] == {
        "FrameDurationLimits": (40_000, 40_000),
        "AfMode": 0,
        "LensPosition": 0.25,
        "AeFlickerMode": 1,
        "AeFlickerPeriod": 10_000,
    }


def test_controls_that_the_camera_does_not_have_are_left_out(fake):
    fake.controls = {"FrameDurationLimits": (0, 1, 0)}
    with make():
        (configuration,) = fake.last.configurations
    assert set(configuration["controls"]) == {"FrameDurationLimits"}


def test_no_exposure_mode_of_the_tuning_is_longer_than_allowed(fake):
    with make(max_exposure_s=0.012):
        agc = fake.find_tuning_algo(fake.last.tuning, "rpi.agc")
    modes = [mode for channel in agc["channels"] for mode in channel["exposure_modes"].values()]
    assert [max(mode["shutter"]) for mode in modes] == [12_000, 12_000, 5000]
    assert modes[0]["shutter"] == [100, 10_000, 12_000, 12_000]


def test_a_shorter_exposure_is_made_up_for_by_gain():
    agc = copy.deepcopy(fake_picamera2.TUNING["algorithms"][1]["rpi.agc"]["channels"][0])
    limit_exposure(agc, 12_000)  # without channels, as on a Pi 4
    assert agc["exposure_modes"]["normal"]["gain"] == [1.0, 1.5, 2.0, 20.0]


def test_a_mono_sensor_has_its_own_tuning_file(fake):
    fake.sensors = ["imx708_mono"]
    with make() as camera:
        assert camera.read(timeout_s=2) is not None


def test_an_exposure_that_is_too_long_all_the_same_is_logged_once(fake, caplog):
    fake.exposure_us = 30_000
    with make() as camera:
        for _ in range(5):
            camera.read(timeout_s=2)
    assert caplog.text.count("exposes for 30.0 ms, longer than the 12.0 ms allowed") == 1


def test_a_camera_that_stalls_is_an_error_and_closes(fake):
    fake.stall_after = 3
    with make() as camera:
        begin = time.monotonic()
        with pytest.raises(
            CameraStalledError, match=r"no new frame for 0.2 s; check its ribbon cable"
        ):
            read_often(camera, timeout_s=0.2)
        assert time.monotonic() - begin < 2
        with pytest.raises(CameraStalledError, match=r"no new frame for 0.1 s"):
            camera.read(timeout_s=0.1)
    assert fake.last.closed
    assert not camera.stuck


def test_a_camera_that_pauses_goes_on_and_loses_no_buffer(fake):
    """A busy machine may hold it up for longer than one read waits."""
    fake.stall_after = 3
    with make() as camera:
        with pytest.raises(CameraStalledError):
            read_often(camera, timeout_s=0.1)
        for _ in range(fake.last.configurations[0]["buffer_count"]):
            with pytest.raises(CameraStalledError):
                camera.read(timeout_s=0.02)
        fake.goes_on.set()
        for _ in range(30):  # more than there are buffers
            camera.read(timeout_s=2)


def test_a_camera_that_repeats_a_frame_has_stalled(fake):
    fake.repeat_after = 3
    with make() as camera, pytest.raises(CameraStalledError, match=r"no new frame for 0.3 s"):
        read_often(camera, timeout_s=0.3)


def test_closing_has_a_deadline(fake, monkeypatch):
    monkeypatch.setattr(module, "_CLOSE_TIMEOUT_S", 0.1)
    fake.close_hangs = True
    camera = make().__enter__()
    begin = time.monotonic()
    with pytest.raises(CameraStalledError, match="does not close; start the program again"):
        camera.__exit__(None, None, None)
    assert time.monotonic() - begin < 2
    assert camera.stuck


def test_a_camera_that_does_not_close_does_not_hide_why_it_was_closed(fake, monkeypatch, caplog):
    monkeypatch.setattr(module, "_CLOSE_TIMEOUT_S", 0.1)
    fake.close_hangs, fake.stall_after = True, 0
    with pytest.raises(CameraStalledError, match="no new frame"), make() as camera:
        camera.read(timeout_s=0.1)
    assert camera.stuck
    assert "the camera does not close" in caplog.text


def test_a_camera_that_closes_badly_tells_nothing_of_what_failed_before(fake, caplog):
    """The error of the closing brings along what closed it, and that may tell of a person."""
    fake.close_fails = True
    with pytest.raises(ValueError, match="412"), make():
        raise ValueError("a crop of 23x31 px at (412, 97) is too small")
    assert "the camera did not close cleanly (RuntimeError)" in caplog.text
    assert "412" not in caplog.text


def test_opening_has_a_deadline(fake, monkeypatch):
    monkeypatch.setattr(module, "_OPEN_TIMEOUT_S", 0.1)
    fake.open_hangs = True
    camera = make()
    with pytest.raises(CameraError, match=r"does not open within 0.1 s"):
        camera.__enter__()
    assert camera.stuck


def test_it_is_never_opened_again_in_the_same_process(fake):
    with make() as camera:
        camera.read(timeout_s=2)
    for again in (camera, make()):
        with pytest.raises(CameraError, match="cannot be opened twice"):
            again.__enter__()


def test_reading_after_the_end_is_an_error(fake):
    with make() as camera:
        pass
    with pytest.raises(CameraError, match="is not open"):
        camera.read(timeout_s=1)


def test_a_camera_in_use_elsewhere(fake):
    fake.present = False
    with pytest.raises(CameraError, match="check its ribbon cable and that no other program"):
        make().__enter__()


def test_no_camera(fake, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_SUBDEVICES", tmp_path / "none")
    with pytest.raises(CameraError, match="no Raspberry Pi camera found"):
        make().__enter__()


def test_no_picamera2(fake, monkeypatch):
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(CameraError, match="apt install python3-picamera2"):
        make().__enter__()


def test_a_size_that_the_camera_changes_is_an_error_and_closes_it(fake):
    with pytest.raises(CameraError, match="choose another width and height"):
        make(size=(1281, 720)).__enter__()
    assert fake.last.closed


def test_the_small_stream_is_never_larger_than_the_main_one(fake):
    with make(size=(640, 360), rgb_size=(960, 960)) as camera:
        assert camera.rgb_size == (640, 360)
        assert camera.read(timeout_s=2).rgb.shape == (360, 640, 3)


def test_a_stamp_of_the_monotonic_clock_stays():
    now_ns = time.monotonic_ns()
    assert _monotonic_s(now_ns - 20_000_000) == pytest.approx(now_ns / 1e9 - 0.02, abs=1e-6)


def test_a_stamp_of_the_boot_clock_is_converted(monkeypatch):
    """The two differ by the time for which the machine slept, here one hour."""
    slept_ns = 3600 * 10**9
    monkeypatch.setattr(time, "clock_gettime_ns", lambda clock: time.monotonic_ns() + slept_ns)
    stamp = time.monotonic_ns() + slept_ns - 20_000_000
    assert _monotonic_s(stamp) == pytest.approx(time.monotonic() - 0.02, abs=0.01)
