"""Runs `maskcam run` on libcamera's virtual camera and reports on the second serial port."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import traceback
from pathlib import Path

from inside import stand_ins

HERE = Path("/mnt")
REPORT = Path("/dev/ttyS1")


def main():
    settings = json.loads((HERE / "settings.json").read_text())
    report = {}
    try:
        began_s = time.monotonic()
        manager = stand_ins.install()
        report["cameras"] = [camera.id for camera in manager.cameras]
        report["libcamera"] = manager.version
        report["listed_in_s"] = time.monotonic() - began_s
        print("camera listed", report, flush=True)
        report |= count(settings)
    except BaseException:  # noqa: BLE001 - told outside
        report["error"] = traceback.format_exc()
    REPORT.write_text(json.dumps(report) + "\n")


def count(settings):
    """Lets the unit count for as long as the pictures last; returns what it would send."""
    from maskcam.cli import main as maskcam  # after the stand-ins
    from maskcam.delivery.outbox import Outbox

    state = Path("/tmp/state")
    watcher = threading.Thread(target=stop_after, args=(settings["pictures"],), daemon=True)
    watcher.start()
    code = maskcam(["run", "--config", str(HERE / "maskcam.toml")])
    camera = stand_ins.VirtualPicamera2.opened
    with Outbox(state, site=settings["site"], unit=settings["unit"]) as outbox:
        told = [json.loads(waiting.payload) for waiting in outbox.pending(100)]
    return {
        "code": code,
        "told": told,
        "frames": camera.sensor.frames,
        "missed": camera.sensor.missed,
        "interval_s": camera.sensor.interval_s,
        "longest_us": longest_us(camera.tuning),
    }


def longest_us(tuning):
    """Returns the longest exposure that a tuning allows."""
    (agc,) = [algorithm["rpi.agc"] for algorithm in tuning["algorithms"] if "rpi.agc" in algorithm]
    return max(
        time_us
        for channel in agc["channels"]
        for mode in channel["exposure_modes"].values()
        for time_us in mode["shutter"]
    )


def stop_after(pictures):
    """Stops the unit, as systemd would, once each picture was shown (for four frames)."""
    while (camera := stand_ins.VirtualPicamera2.opened) is None or (
        camera.sensor.frames < 4 * pictures
    ):
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
    os._exit(0)  # libcamera may crash when Python tears it down
