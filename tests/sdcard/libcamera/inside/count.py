"""Runs `maskcam run` on libcamera's virtual camera, until a whole minute is published."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

from inside import stand_ins
from inside.main import ANSWER, HERE

from maskcam.cli import main as maskcam
from maskcam.delivery.outbox import Outbox

STATE = Path("/tmp/state")
SPARE_S = 3  # in which a window that is over is published


def main():
    began_s = time.monotonic()
    stand_ins.install()
    listed_in_s = time.monotonic() - began_s
    settings = json.loads((HERE / "settings.json").read_text())
    print(f"libcamera lists its cameras after {listed_in_s:.0f} s", flush=True)
    stand_ins.Sensor.begin_s = settings["begin_s"]
    threading.Thread(target=stop_at, args=(settings["end_s"] + SPARE_S,), daemon=True).start()
    code = maskcam(["run", "--config", str(HERE / "maskcam.toml")])
    # No broker listens: what the unit would send waits in its outbox.
    with Outbox(STATE, site=settings["site"], unit=settings["unit"]) as outbox:
        published = [waiting.payload.decode() for waiting in outbox.pending(100)]
    sensor = stand_ins.VirtualPicamera2.opened.sensor
    ANSWER.write_text(
        json.dumps(
            {
                "code": code,
                "published": published,
                "frames": sensor.frames,
                "missed": sensor.missed,
                "listed_in_s": listed_in_s,
            }
        )
    )


def stop_at(end_s):
    """Stops the unit, as systemd would, at a time in UTC."""
    while time.time() < end_s:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
    os._exit(0)  # libcamera may crash when Python tears it down
