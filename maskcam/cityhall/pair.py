"""Runs collector and dashboard as two processes: if one ends, the other one goes on."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from maskcam.errors import MaskcamError

_log = logging.getLogger(__name__)

PARTS = ("collector", "dashboard")
AGAIN_S = 2.0
STOP_S = 30.0
_PR_SET_PDEATHSIG = 1


class StartError(MaskcamError):
    """A part ended before it was ready; it has said why, and with which exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("serve: a part does not start, see above; both are stopped")
        self.exit_code = exit_code


def serve_pair(config: Path, *, ready: Callable[[str], None]) -> int:
    """Runs both parts until SIGTERM or SIGINT and starts one again that ends; returns 0.

    Args:
        config: the configuration file.
        ready: is called with each line that a part says when it is ready.

    Raises:
        StartError: a part does not start at all.
    """
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    running: dict[str, subprocess.Popen[str]] = {}
    due = dict.fromkeys(PARTS, 0.0)
    try:
        for part in PARTS:
            running[part] = _start(part, config)
            ready(_first_line(running[part]))
        while not stopping.wait(0.2):
            for part, process in running.items():
                if process.poll() is None:
                    continue
                if not due[part]:
                    _log.error("%s ended with %s; starting it again", part, process.returncode)
                    due[part] = time.monotonic() + AGAIN_S
                elif time.monotonic() >= due[part]:
                    due[part] = 0.0
                    running[part] = _start(part, config)
    finally:
        _stop(running)
    return 0


def _start(part: str, config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [
            *(sys.executable, "-m", "maskcam.cityhall", "serve", "--only", part),
            *("--config", str(config)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; we end them in order
        preexec_fn=_end_with_parent,
    )


def _end_with_parent() -> None:
    """Asks the kernel to stop this process when the one that started it is gone (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().rstrip("\n")
    if not line:
        raise StartError(process.wait(STOP_S))
    return line


def _stop(running: dict[str, subprocess.Popen[str]]) -> None:
    for process in running.values():
        process.terminate()
    for process in running.values():
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
        if process.stdout is not None:
            process.stdout.close()
