"""Runs the parts of the test, each in a process of its own: a camera is opened only once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path("/mnt")
DESCRIPTION = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")
REPORT = Path("/dev/ttyS1")  # the second serial port
ANSWER = Path("/tmp/answer")

# The handler gives no size that is not named: those of the unit's two streams.
VIRTUAL = """\
Street:
  supported_formats:
  - {{width: 1280, height: 720, frame_rates: [5, 60]}}
  - {{width: {width}, height: {height}, frame_rates: [5, 60]}}
  frames:
    path: "{pictures}"
  location: CameraLocationFront
"""


def main():
    settings = json.loads((HERE / "settings.json").read_text())
    report = {}
    for part, pictures in (("look", HERE / "few"), ("count", HERE / "street")):
        width, height = settings["small"]
        DESCRIPTION.write_text(VIRTUAL.format(width=width, height=height, pictures=f"{pictures}/"))
        ANSWER.unlink(missing_ok=True)
        began_s = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"inside.{part}"], check=False)
        report[part] = json.loads(ANSWER.read_text()) if ANSWER.exists() else {}
        report[part] |= {"exit": done.returncode, "took_s": time.monotonic() - began_s}
        print(part, report[part], flush=True)
    REPORT.write_text(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
