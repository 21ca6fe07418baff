"""A soak of `maskcam run` on a network camera that fails in every way.

    .venv/bin/python -m tests.camera.rtsp_soak --minutes 30

A real RTSP server drops the connection, stalls, sends broken frames, changes its size and is
gone for some seconds, in turn. The unit is started again when it ends with 10, as systemd
does. It must not say that it saw more than was sent, must see nearly all that was, and must
not grow.
"""

from __future__ import annotations

import argparse
import random
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from maskcam.records import WindowKind
from tests.broker import Mosquitto
from tests.camera.rtsp_server import RtspServer, read_film
from tests.camera_unit.faulty_unit import FaultyUnit
from tests.camera_unit.running_unit import write_film

FPS = 15
EVERY_S = 20.0
FAULTS = ("drop", "stall", "broken", "size", "gone")
GONE_S = 5.0
STALL_S = 2.0
BROKEN_S = 1.0
LOST_S = 3.0  # of a fault, until frames are seen again, and their rate is known
START_S = 15.0  # of a process: model, camera and broker, on a busy machine


@dataclass
class Sent:
    """When good frames were sent, as intervals of UTC, and what was done between them."""

    spans: list[list[float]] = field(default_factory=list)
    faults: list[tuple[float, str]] = field(default_factory=list)

    def note(self, now_s: float) -> None:
        if self.spans and now_s - self.spans[-1][1] < 0.5:
            self.spans[-1][1] = now_s
        else:
            self.spans.append([now_s, now_s])


class FailingServer(RtspServer):
    """Serves one client after the other, and fails every 20 s."""

    def __init__(self, small: Path, large: Path) -> None:
        super().__init__(small, fps=FPS)
        self._films = [read_film(film) for film in (small, large)]
        self._leaves = False
        self._address = self._socket.getsockname()
        self._due_s = time.monotonic() + EVERY_S
        self._count = 0
        self.sent = Sent()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:
                continue
            with client:
                self._attend(client)
            if self._leaves:
                self._leaves = False
                self._socket.close()
                self._stop.wait(GONE_S)
                self._socket = socket.create_server(self._address)
                self._socket.settimeout(1)

    def _play(self, client: socket.socket) -> None:
        number, begin = 0, time.monotonic()
        while not self._stop.wait(max(begin + number / FPS - time.monotonic(), 0)):
            fault = ""
            if time.monotonic() >= self._due_s:
                fault = FAULTS[self._count % len(FAULTS)]
                self._count += 1
                self._due_s = time.monotonic() + EVERY_S
                self.sent.faults.append((time.time(), fault))
            if fault == "size":
                self._films.reverse()
                self._frames, self._config = self._films[0]
            self._leaves = fault == "gone"
            if fault in {"drop", "size", "gone"}:
                return
            if fault == "stall":
                self._stop.wait(STALL_S)
                begin += STALL_S
            broken = fault == "broken"
            for _ in range(round(BROKEN_S * FPS) if broken else 1):
                frame = self._frames[number % len(self._frames)]
                self._send(client, random.randbytes(len(frame)) if broken else frame, number)
                number += 1
                if broken:
                    self._stop.wait(1 / FPS)
                else:
                    self.sent.note(time.time())


@dataclass
class Result:
    """What a soak gave: seconds of good frames sent, and seconds observed."""

    sent_s: float
    observed_s: float
    starts: int
    memory_kb: list[tuple[int, int, int]]  # process, seconds since its start, own memory
    faults: int


def soak(folder: Path, *, minutes: float) -> Result:
    """Runs the soak; prints a line for each start of the unit."""
    small = write_film(folder / "small.mp4", alive_s=12, codec="mp4v")
    large = write_film(folder / "large.mp4", alive_s=12, codec="mp4v", size=(640, 360))
    end_s = time.monotonic() + 60 * minutes
    memory: list[tuple[int, int, int]] = []
    starts = 0
    with Mosquitto(folder) as broker, FailingServer(small, large) as server:
        closed = []
        while time.monotonic() < end_s:
            starts += 1
            began_s = time.monotonic()
            with FaultyUnit(folder, broker, source=server.url) as unit:
                while unit.process.poll() is None and time.monotonic() < end_s:
                    time.sleep(1)
                    if kb := own_memory_kb(unit.process.pid):
                        memory.append((starts, round(time.monotonic() - began_s), kb))
                if unit.process.poll() is None:
                    unit.process.terminate()
                code = unit.ends()
                closed = unit.closed
            assert code in (0, 1, 10), unit.log  # 1: it failed while the camera was opened
            assert "Traceback" not in unit.log, unit.log
            print(f"start {starts}: ended with {code}, {len(closed)} windows", flush=True)
    sent_s = sum(end - begin for begin, end in server.sent.spans)
    # The clock of these units runs fast, see `short_minutes`: a window is a second.
    observed_s = sum(count.observed_s for count in closed if count.kind is WindowKind.COUNT)
    return Result(sent_s, observed_s, starts, memory, len(server.sent.faults))


def own_memory_kb(process: int) -> int:
    """Returns memory that only this process has; 0: it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def main() -> None:
    """Runs the soak and prints what it gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), minutes=parser.parse_args().minutes)
    print(f"sent {result.sent_s:.0f} s, observed {result.observed_s:.0f} s")
    print(f"{result.faults} faults, {result.starts} starts")
    for process in range(1, result.starts + 1):
        own = [kb for number, _, kb in result.memory_kb if number == process]
        if own:
            print(f"process {process}, own memory in MB: {[kb // 1000 for kb in own[::10]]}")


if __name__ == "__main__":
    main()
