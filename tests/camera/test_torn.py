"""Frames that are torn along the codec's blocks, and frames that are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskcam.camera.torn import TornFrames
from tests.camera.films import encode
from tests.camera.test_ffmpeg import read

# Not in "realtime": there libvpx spends what time the machine has, and the films differ.
VPX = ("-deadline", "good", "-cpu-used", "4", "-b:v", "2M")
CODECS = {
    "vp8.mkv": ("libvpx", *VPX),
    "vp9.webm": ("libvpx-vp9", *VPX),
    "h265.mp4": ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=1"),
}


def street(count=48, size=(320, 192)):
    """Returns (H, W, 3) frames of a textured ground with edges everywhere, before which squares
    walk."""
    chance = np.random.default_rng(5)
    ground = cv2.GaussianBlur(chance.uniform(0, 255, size[::-1]).astype(np.uint8), (0, 0), 3)
    ground = np.clip((ground.astype(float) - 128) * 6 + 128, 40, 200).astype(np.uint8)
    for x, y in chance.integers(0, 180, (40, 2)).tolist():
        cv2.rectangle(ground, (x + 90, y), (x + 101, y + 13), int(chance.integers(40, 200)), -1)
    frames = []
    for number in range(count):
        grey = ground.copy()
        for row in range(3, 160, 37):
            grey[row : row + 29, 3 * number + row : 3 * number + row + 23] = 230 - row
        frames.append(np.dstack([grey] * 3).astype(np.uint8))
    return frames


def torn(frame, number=60):
    """Returns a frame of which some blocks of 8 px hold what belongs elsewhere."""
    chance = np.random.default_rng(number)
    spoilt = frame.copy()
    for x, y in chance.integers(0, (40, 24), (number, 2)).tolist():
        x0, y0 = chance.integers(0, 180, 2)
        patch = frame[y0 : y0 + 8, x0 : x0 + 8]
        spoilt[8 * y : 8 * y + patch.shape[0], 8 * x : 8 * x + 8] = 255 - patch
    return spoilt


@pytest.mark.parametrize(
    ("is_torn", "share"),
    [([], 0), ([5], 0), ([5, 6], 0.2), (range(3, 10), 0.7), ([0, 1, 8, 9], 0.4)],
    ids=str,
)
def test_torn_frames_are_found_where_two_looks_in_a_row_see_them(is_torn, share):
    looks = TornFrames()
    for number, frame in enumerate(street(10)):
        grey = frame[:, :, 0]
        looks.look(torn(grey) if number in is_torn else grey)
    assert looks.share == pytest.approx(share)


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_a_film_of_coarse_blocks_is_not_torn(quality):
    looks = TornFrames()
    for frame in street(10):
        coded = cv2.imencode(".jpg", frame[:, :, 0], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        looks.look(np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8))
    assert looks.share == 0


def test_nothing_seen_and_frames_of_no_size_are_not_torn():
    looks = TornFrames()
    assert looks.share == 0
    for size in [(1, 1), (7, 300), (9, 9)]:
        looks.look(np.zeros(size, np.uint8))
    assert looks.share == 0


@pytest.mark.parametrize("name", CODECS)
def test_damage_that_no_decoder_notices_is_reported(tmp_path, caplog, name):
    path = encode(tmp_path / name, street(), "-c:v", *CODECS[name], "-g", 999)
    assert len(read(path)[0]) == 48
    assert not caplog.records
    data, chance = bytearray(path.read_bytes()), np.random.default_rng(1)
    for at in np.linspace(0.4 * len(data), 0.9 * len(data), 12).astype(int):
        data[at : at + 40] = chance.bytes(40)
    path.write_bytes(data)
    times, _, error = read(path)
    assert (len(times) > 40, error) == (True, None)
    assert "damaged: about" in caplog.records[-1].getMessage()
