"""City hall's real process, as a test starts and kills it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cityhall.servers import Mosquitto


def write_config(
    directory: Path,
    *,
    broker: Mosquitto,
    database_url: str,
    client_id: str = "hall",
    more: str = "",
) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{client_id}.toml"
    file.write_text(
        f'[city]\nname = "Ville d\'Exemple"\n[database]\nurl = "{database_url}"\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\nclient_id = "{client_id}"\n{more}'
    )
    return file


class CityHall:
    """``maskcam cityhall serve`` in a process of its own."""

    def __init__(self, config: Path, *arguments: str) -> None:
        self.config = config
        self.arguments = arguments
        self.address = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        with self.config.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "maskcam.cityhall", "serve"),
                    *("--config", str(self.config), *self.arguments),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.config.with_suffix(".log").read_text()
        self.address = line.removeprefix("dashboard: ").strip()

    def end(self, kind: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(kind)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def cpu_s(self) -> float:
        assert self.process is not None
        return cpu_of(self.process.pid)


def cpu_of(pid: int) -> float:
    """Returns the CPU seconds of a process, with those of its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    ticks = sum(int(field) for field in fields[11:15])  # those that ended are the last two
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    running = [int(child) for child in children.stdout.split()]
    return ticks / os.sysconf("SC_CLK_TCK") + sum(map(cpu_of, running))
