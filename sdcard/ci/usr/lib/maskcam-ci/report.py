#!/usr/bin/python3 -I
"""Only in the ci image: reports what the unit looks like from inside.

Waits for a line on a port of the virtual machine and answers with a line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PORT = Path("/dev/virtio-ports/maskcam.report")


def printed(*command: str) -> str:
    """Returns what a command prints, or its complaint."""
    done = subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, text=True, check=False, timeout=120
    )
    return (done.stdout or done.stderr).strip()


def writable(folder: str) -> str:
    """Returns why nothing can be written there, or "" if it can."""
    try:
        (Path(folder) / ".trial").write_text("x")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def reached(host: str, port: int) -> str:
    """Returns "" if a connection is let out, or why not."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        return str(error)
    return ""


def service(name: str) -> dict[str, str]:
    """Returns some of systemd's properties of a service."""
    wanted = "ActiveState,SubState,NRestarts,MemoryCurrent,MemoryPeak,StatusText,Result,MainPID"
    lines = printed("systemctl", "show", name, "--property", wanted).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def memory() -> dict[str, int]:
    """Returns total and available memory, in KiB."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {name: sizes[name] for name in ("MemTotal", "MemAvailable")}


def exposure() -> float | None:
    """Returns what systemd thinks of the service: 0 is closed, 10 is open."""
    judged = printed("systemd-analyze", "security", "--no-pager", "maskcam.service")
    found = re.search(r"exposure level.*?: ([\d.]+)", judged)
    return float(found[1]) if found else None


def provisioned() -> dict[str, str]:
    """Returns name and rights of what was taken from the card."""
    files = sorted(Path("/run/maskcam").glob("*"))
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in files}


def listed(*command: str) -> list[str]:
    """Returns the lines that a command prints."""
    return printed(*command).splitlines()


_FOLDERS = ("/", "/usr", "/opt/maskcam", "/boot/firmware")
_UNITS = ("systemctl", "list-units", "--plain", "--no-legend", "--state=running")
_LOG = ("journalctl", "--no-pager", "--output=short-monotonic", "-n")
_LOOKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "boot": lambda asked: printed("systemd-analyze", "--no-pager"),
    "core_pattern": lambda asked: Path("/proc/sys/kernel/core_pattern").read_text().strip(),
    "exposure": lambda asked: exposure(),
    "failed": lambda asked: listed("systemctl", "--failed", "--plain", "--no-legend"),
    "journal_on_disk": lambda asked: Path("/var/log/journal").exists(),
    "listening": lambda asked: listed("ss", "-Hltnu"),
    "log": lambda asked: listed(*_LOG, str(asked.get("log", 0))),
    "maskcam": lambda asked: service("maskcam.service"),
    "memory": lambda asked: memory(),
    "mounts": lambda asked: [m.split()[:4] for m in Path("/proc/mounts").read_text().splitlines()],
    "not_writable": lambda asked: {folder: writable(folder) for folder in _FOLDERS},
    "provisioned": lambda asked: provisioned(),
    "reached": lambda asked: {f"{h}:{p}": reached(h, p) for h, p in asked.get("reach", [])},
    "rules": lambda asked: printed("nft", "list", "ruleset"),
    "running": lambda asked: listed(*_UNITS),
    "slot": lambda asked: re.findall(r"rauc\.slot=(.)", Path("/proc/cmdline").read_text()),
    "swaps": lambda asked: Path("/proc/swaps").read_text().splitlines()[1:],
    "version": lambda asked: Path("/usr/lib/maskcam/version").read_text().strip(),
}


def report(asked: dict[str, Any]) -> dict[str, Any]:
    """Returns what is asked for ("only": names), or all that there is to see."""
    return {name: _LOOKS[name](asked) for name in asked.get("only", _LOOKS)}


def nothing() -> bytes:
    """Waits a little: nobody is at the other end of the port."""
    time.sleep(0.5)
    return b""


def main() -> None:
    """Answers until the power is cut."""
    while not PORT.exists():  # the driver comes when it comes
        time.sleep(1)
    port = os.open(PORT, os.O_RDWR)
    waiting = b""
    while True:
        waiting += os.read(port, 4096) or nothing()
        while b"\n" in waiting:
            line, waiting = waiting.split(b"\n", 1)
            try:
                answer = report(json.loads(line))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test must read it
                answer = {"error": repr(error)}
            data = json.dumps(answer).encode() + b"\n"
            while data:
                data = data[os.write(port, data) :]


if __name__ == "__main__":
    main()
