"""The unit behind the system call filter of its service: nothing that it needs is forbidden."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from tests.broker import Mosquitto, Subscriber, needs_mosquitto, wait_until
from tests.camera_unit.running_unit import RunningUnit, write_film
from tests.camera_unit.walls import allowed_calls

ROOT = Path(__file__).parents[2]
WALLS = [sys.executable, "-m", "tests.camera_unit.walls"]

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None or find_library("seccomp") is None,
    reason="needs systemd-analyze and libseccomp: apt install systemd libseccomp2",
)


def behind_walls(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WALLS, sys.executable, "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_filter_is_read_as_systemd_reads_it():
    calls = allowed_calls()
    assert {"read", "openat", "clone", "futex", "mlockall", "connect"} <= calls
    assert calls.isdisjoint({"adjtimex", "settimeofday", "mount", "reboot", "ptrace", "swapon"})


@pytest.mark.parametrize(
    ("what", "refused"),
    [
        ("os.getpid()", False),
        ("os.mkdir(sys.argv[1])", False),
        ("os.nice(-1)", True),
        ("os.chroot('/')", True),
        ("ctypes.CDLL(None, use_errno=True).adjtimex(bytes(512)) + 1 or int('refused')", True),
    ],
)
def test_the_walls_stand(tmp_path, what, refused):
    done = behind_walls(f"import ctypes, os, sys; {what}", str(tmp_path / "new"))
    assert (done.returncode != 0) is refused, done.stderr
    if platform.machine() == "x86_64" and refused:
        assert "PermissionError" in done.stderr or "refused" in done.stderr


def test_the_clock_can_be_read_behind_them(tmp_path):
    code = (
        "import pathlib, sys; from maskcam.unit.clock import is_synchronised\n"
        "print(is_synchronised(mark=pathlib.Path(sys.argv[1])))"
    )
    mark = tmp_path / "synchronized"
    assert behind_walls(code, str(mark)).stdout == "False\n"
    mark.touch()
    assert behind_walls(code, str(mark)).stdout == "True\n"


@needs_mosquitto
@pytest.mark.timeout(300)
@pytest.mark.parametrize("clock", ["trusted", "synchronised"])
def test_the_unit_counts_behind_them(tmp_path, monkeypatch, clock):
    monkeypatch.chdir(ROOT)
    film = write_film(tmp_path / "film.avi", alive_s=60)
    with (
        Mosquitto(tmp_path) as broker,
        Subscriber(broker) as city,
        RunningUnit(
            tmp_path / "u", source=film, port=broker.port, clock=clock, through=WALLS
        ) as unit,
    ):
        wait_until(
            lambda: unit.says("the first frame is counted") or unit.process.poll() is not None,
            timeout_s=120, what="the first frame",
        )  # fmt: skip
        assert unit.process.poll() is None, unit.log
        wait_until(lambda: unit.says("connected to"), timeout_s=60, what="the connection")
        if clock == "trusted":
            city.wait_for(2)
        unit.stop()
        assert unit.process.returncode == 0, unit.log
