"""Compares what the unit's camera module gives with the pictures that went in."""

from __future__ import annotations

import json
import os
import time

import cv2
import numpy as np
from inside import stand_ins
from inside.main import ANSWER, HERE

from maskcam.camera.picamera2 import Picamera2Camera
from maskcam.errors import CameraStalledError

FRAMES = 24  # each of the four pictures is shown for four of them
BUFFERS = 4


def main():
    manager = stand_ins.install()

    small = json.loads((HERE / "settings.json").read_text())["small"]
    pictures = [cv2.imread(str(path)) for path in sorted((HERE / "few").iterdir())]
    seen, luma_off, rgb_off, stamps_s, ages_s = set(), [], [], [], []
    with Picamera2Camera(rgb_size=tuple(small), fps=20) as camera:
        for _ in range(FRAMES):
            frame = camera.read(timeout_s=5)
            assert frame is not None
            ages_s.append(time.monotonic() - frame.captured_at_s)
            stamps_s.append(frame.captured_at_s)
            off = [mean_off(frame.luma, luma(picture)) for picture in pictures]
            shown = int(np.argmin(off))
            seen.add(shown)
            luma_off.append(off[shown])
            rgb_off.append(mean_off(frame.rgb, rgb(pictures[shown], tuple(small))))
        sensor = stand_ins.VirtualPicamera2.opened.sensor
        stalls = pause(camera, sensor)
    ANSWER.write_text(
        json.dumps(
            {
                "libcamera": manager.version,
                "cameras": [camera.id for camera in manager.cameras],
                "pictures_seen": len(seen),
                "luma_off": max(luma_off),
                "rgb_off": max(rgb_off),
                "shortest_s": float(np.diff(stamps_s).min()),
                "oldest_s": max(ages_s),
                "stalls": stalls,
                "interval_s": sensor.interval_s,
                "longest_us": longest_us(stand_ins.VirtualPicamera2.opened.tuning),
            }
        )
    )


def pause(camera, sensor):
    """Stops the sensor for some reads, then reads on; returns how many reads reported it."""
    stalls = 0
    sensor.exposes.clear()
    for _ in range(8):
        try:
            camera.read(timeout_s=0.1)
        except CameraStalledError:
            stalls += 1
    sensor.exposes.set()
    for _ in range(2 * BUFFERS):
        camera.read(timeout_s=5)
    return stalls


def luma(picture):
    """Returns the luma of a picture, as it lies in its JPEG."""
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


def rgb(picture, size):
    """Returns the small picture that was meant: the JPEG holds it in video range."""
    wanted = (picture.astype(np.float32) - 16) * (255 / 219)
    return cv2.resize(np.clip(wanted[..., ::-1], 0, 255), size, interpolation=cv2.INTER_LINEAR)


def mean_off(one, other):
    return float(np.abs(one.astype(np.float32) - other).mean())


def longest_us(tuning):
    """Returns the longest exposure that a tuning allows."""
    (agc,) = [algorithm["rpi.agc"] for algorithm in tuning["algorithms"] if "rpi.agc" in algorithm]
    return max(
        time_us
        for channel in agc["channels"]
        for mode in channel["exposure_modes"].values()
        for time_us in mode["shutter"]
    )


if __name__ == "__main__":
    main()
    os._exit(0)  # libcamera may crash when Python tears it down
