"""`maskcam run` as a process of its own, and films for its camera."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
FPS = 15
SIZE = (320, 180)
SHORT = "tests.camera_unit.short_minutes"
CONFIG = """
[unit]
id = "forville-01"
site = "forville"
state_directory = "{state}"
clock = "{clock}"
[camera]
source = "{source}"
[broker]
host = "127.0.0.1"
port = {port}
[notice]
controller = "Ville de Cannes"
contact = "masques@cannes.test"
sign_date = 1970-01-01
"""


def without_settings() -> dict[str, str]:
    """Returns the environment without what would be a setting of the unit."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MASKCAM_")}


def write_film(
    path: Path,
    *,
    alive_s: float,
    frozen_s: float = 0.0,
    black_s: float = 0.0,
    codec: str = "MJPG",
    size: tuple[int, int] = SIZE,
) -> Path:
    """Writes a textured street with living noise, then one that stands still, then a black one."""
    rng = np.random.default_rng(5)
    blocks = rng.integers(30, 220, (18, 32, 3), np.uint8)
    picture = cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, size)
    shown = picture
    for _ in range(round(alive_s * FPS)):
        shown = cv2.add(picture, rng.integers(0, 12, picture.shape, np.uint8))
        writer.write(shown)
    for _ in range(round(frozen_s * FPS)):
        writer.write(shown)
    for _ in range(round(black_s * FPS)):
        writer.write(np.zeros_like(shown))
    writer.release()
    return path


class RunningUnit:
    """A running `maskcam run`, with minutes of a second; its standard error is kept.

    Args:
        directory: where it runs; configuration, log and state are written there.
        source: of the camera.
        port: of the broker on this machine.
        clock: the key of the configuration.
        state: the state directory; None: one in `directory`.
        through: a command that runs the unit's.
        program: arguments of Python before the configuration file.
        log: name of the log.
    """

    def __init__(
        self,
        directory: Path,
        *,
        source: object,
        port: int,
        clock: str = "trusted",
        state: Path | None = None,
        through: Sequence[str] = (),
        program: Sequence[str] = ("-m", SHORT, "run", "--config"),
        log: str = "log",
    ) -> None:
        directory.mkdir(exist_ok=True)
        config = directory / "maskcam.toml"
        config.write_text(
            CONFIG.format(state=state or directory / "state", source=source, port=port, clock=clock)
        )
        self._log = directory / log
        with self._log.open("wb") as stream:
            self.process = subprocess.Popen(
                [*through, sys.executable, *program, str(config)],
                cwd=directory,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                env=without_settings() | {"PYTHONPATH": str(ROOT)},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)

    @property
    def log(self) -> str:
        """What it has written on its standard error."""
        return self._log.read_text()

    def says(self, text: str) -> bool:
        return text in self.log

    def ends(self) -> int:
        """Waits until it ends by itself; returns its exit code."""
        return self.process.wait(90)

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Returns how long it took to end, s."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(10)
        return time.monotonic() - began_s
