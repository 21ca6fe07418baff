"""Lets the real unit look at the film, and keeps account of all that it does."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from maskcam.records import MinuteCount
from tests.broker import PLAIN, Mosquitto, Subscriber, wait_until
from tests.camera_unit.running_unit import SHORT
from tests.privacy import trace
from tests.privacy.canary import make_film
from tests.privacy.packets import Conversation, Recorder, parsed
from tests.privacy.trace import Call

SITE, UNIT = "forville", "forville-01"
CONFIG = """
[unit]
id = "{unit}"
site = "{site}"
state_directory = "{state}"
clock = "trusted"
[camera]
source = "{film}"
[broker]
host = "127.0.0.1"
port = {port}
[notice]
controller = "Ville de Cannes"
contact = "masques@cannes.test"
sign_date = 1970-01-01
"""
MINUTE_S = 5.0
_START_S, _END_S = 90.0, 60.0  # the machine may be busy with other things
_LISTENS = "0A"


@dataclass(frozen=True)
class Snapshot:
    """What the kernel reports of the process while it counts."""

    limits: str
    status: str
    listening: list[str]
    children: str


@dataclass(frozen=True)
class Evidence:
    """All that one run left behind. `log` is the standard error; `notified` is what systemd heard.

    boot_s: when the monotonic clock began; minutes of `MINUTE_S` begin at multiples of it.
    """

    film: Path
    state: Path
    log_file: Path
    calls: list[Call]
    streams: list[bytes]
    windows: list[MinuteCount]
    notified: list[str]
    snapshot: Snapshot
    exit_code: int
    boot_s: float

    @property
    def log(self) -> list[str]:
        return self.log_file.read_text().splitlines()

    @property
    def conversations(self) -> list[Conversation]:
        return [parsed(stream) for stream in self.streams]

    def named(self, names: str) -> list[Call]:
        wanted = set(names.split(","))
        return [call for call in self.calls if call.name in wanted]

    @cached_property
    def writes(self) -> list[Call]:
        """Everything that was written to a file or sent."""
        return [call for call in self.named(trace.WRITES) if not call.failed]

    @cached_property
    def recorded(self) -> bytes:
        """All bytes that left the memory of the process, and those that stayed on its disk."""
        files = [path.read_bytes() for path in self.state.iterdir()] + [self.log_file.read_bytes()]
        sent = [bytes(stream) for stream in self.streams]
        written = [call.data for call in self.writes]
        return b"\0\0".join(files + sent + written + ["\n".join(self.notified).encode()])

    @property
    def first_frame_s(self) -> float:
        """When the film was opened for the last time: from then on there are pixels."""
        opened = [c.at_s for c in self.named("openat") if c.strings == (bytes(self.film),)]
        assert opened, "the film was never opened"
        return opened[0]


def gather(directory: Path) -> Evidence:
    film = make_film(directory / "street.avi")
    state, log_file, calls = directory / "state", directory / "log", directory / "calls"
    config = directory / "maskcam.toml"
    with (
        Mosquitto(directory, lines=PLAIN) as broker,
        Recorder(broker.port) as proxy,
        Subscriber(broker) as city,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        log_file.open("wb") as log,
    ):
        systemd.bind(str(directory / "notify"))
        systemd.setblocking(False)
        config.write_text(
            CONFIG.format(unit=UNIT, site=SITE, state=state, film=film, port=proxy.port)
        )
        process = subprocess.Popen(
            [*trace.command(calls), sys.executable, "-m", SHORT, "--verbose", "run",
             "--config", str(config)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment(directory),
        )  # fmt: skip
        try:
            wait_until(
                lambda: b"has started as" in log_file.read_bytes() or process.poll() is not None,
                timeout_s=_START_S, what="the unit's start",
            )  # fmt: skip
            assert process.poll() is None, log_file.read_text()
            snapshot = _snapshot(process.pid)
            process.wait(_END_S)  # the film ends, and so does the unit
        finally:
            process.kill()
            process.wait(10)
        city.wait_for(1)
        wait_until(lambda: trace.ended(calls), what="the end of the trace")
        return Evidence(
            film=film,
            state=state,
            log_file=log_file,
            calls=trace.calls(calls),
            streams=[bytes(stream) for stream in proxy.streams],
            windows=city.received,
            notified=list(_heard(systemd)),
            snapshot=snapshot,
            exit_code=process.returncode,
            boot_s=time.time() - time.monotonic(),
        )


def _environment(directory: Path) -> dict[str, str]:
    """As systemd starts it; on a unit the program's own directory is read-only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MASKCAM_")}
    return kept | {
        "TEST_MINUTE_S": str(MINUTE_S),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NOTIFY_SOCKET": str(directory / "notify"),
    }


def _heard(systemd: socket.socket):
    while True:
        try:
            yield systemd.recv(65536).decode()
        except BlockingIOError:
            return


def _snapshot(pid: int) -> Snapshot:
    process = Path("/proc") / str(pid)
    inodes: set[str] = set()
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # the process closed it meanwhile
            found = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
            inodes.update(found.groups() if found else ())
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"):
        path = process / "net" / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            row = line.split()
            mine = bool(inodes & set(row))
            if mine and (not table.startswith("tcp") or row[3] == _LISTENS):
                listening.append(f"{table}: {line}")
    children = ""
    for path in process.glob("task/*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile
            children += path.read_text()
    return Snapshot(
        limits=(process / "limits").read_text(),
        status=(process / "status").read_text(),
        listening=listening,
        children=children,
    )
