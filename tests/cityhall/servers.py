"""Real servers for the tests: mosquitto and PostgreSQL on free loopback ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_TIMEOUT_S = 90.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_port(port: int, *, process: subprocess.Popen[bytes] | None = None) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"server ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


class Mosquitto:
    """A broker that keeps its sessions over a SIGKILL as well as mosquitto can."""

    def __init__(self, directory: Path, *, config: str = "", saving: bool = True) -> None:
        command = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        if command is None:
            pytest.skip("needs mosquitto (apt install mosquitto)")
        self.command = command
        self.port = free_port()
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "mosquitto.conf"
        self.file.write_text(
            config
            # Started as root, it would become a user who may not write into pytest's folders.
            or ("user root\n" if os.geteuid() == 0 else "")
            + f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            "set_tcp_nodelay true\nmax_queued_messages 100000000\nmax_inflight_messages 0\n"
            f"persistence {str(saving).lower()}\npersistence_location {directory}/\n"
            "autosave_interval 10\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.command, "-c", str(self.file)], stdout=log, stderr=log
            )
        wait_for_port(self.port, process=self.process)

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(kind)
            self.process.wait(10)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


class Postgres:
    """A server in a temporary directory, run as another user when the tests run as root."""

    def __init__(self) -> None:
        self.bin = self._binaries()
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="maskcam-pg-"))
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres")
        self._run("initdb", "-D", f"{self.directory}/data", "-A", "trust", "-U", "tests", "-N")

    def start(self) -> None:
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._as_user(
                    f"{self.bin}/postgres",
                    *("-D", f"{self.directory}/data", "-p", str(self.port)),
                    *("-k", "", "-h", "127.0.0.1", "-c", "max_connections=60"),
                ),
                stdout=log,
                stderr=log,
                cwd="/",
            )
        wait_for_port(self.port, process=self.process)
        until = time.monotonic() + START_TIMEOUT_S
        while self._psql("SELECT 1").returncode:
            if time.monotonic() > until:
                raise TimeoutError("PostgreSQL does not answer")
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends the postmaster and its children at once, as a crash does."""
        if self.process is not None and self.process.poll() is None:
            postmaster = int((self.directory / "data/postmaster.pid").read_text().split()[0])
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(postmaster)],
                capture_output=True,
                text=True,
                check=False,
            )
            for pid in [postmaster, *map(int, children.stdout.split())]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.wait(10)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory.parent / f"{self.directory.name}.log").unlink(missing_ok=True)

    def new_database(self, name: str) -> str:
        result = self._psql(f'CREATE DATABASE "{name}"')
        assert result.returncode == 0, result.stderr
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"

    def drop_database(self, name: str) -> None:
        self._psql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _psql(self, sql: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(f"{self.bin}/psql", "-h", "127.0.0.1", "-p", str(self.port)),
                *("-U", "tests", "-d", "postgres", "-qc", sql),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._as_user(f"{self.bin}/{program}", *arguments),
            check=True,
            capture_output=True,
            timeout=60,
            cwd="/",
        )

    @staticmethod
    def _as_user(*command: str) -> list[str]:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        return list(command)

    @staticmethod
    def _binaries() -> str:
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
            if (folder / "initdb").exists():
                return str(folder)
        pytest.skip("needs PostgreSQL (apt install postgresql)")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()
