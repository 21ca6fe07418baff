#!/usr/bin/python3 -I
"""Only in the ci image: tells what the unit looks like from inside.

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


def report(request: dict[str, Any]) -> dict[str, Any]:
    """Returns all that is looked at."""
    folder = Path("/run/maskcam")
    exposure = re.search(
        r"exposure level.*?: ([\d.]+)",
        printed("systemd-analyze", "security", "--no-pager", "maskcam.service"),
    )
    return {
        "mounts": [line.split()[:4] for line in Path("/proc/mounts").read_text().splitlines()],
        "not_writable": {
            name: writable(name) for name in ("/", "/usr", "/opt/maskcam", "/boot/firmware")
        },
        "listening": printed("ss", "-Hltnu").splitlines(),
        "sockets": printed("ss", "-Htnup").splitlines(),
        "swaps": Path("/proc/swaps").read_text().splitlines()[1:],
        "core_pattern": Path("/proc/sys/kernel/core_pattern").read_text().strip(),
        "memory": memory(),
        "exposure": float(exposure[1]) if exposure else None,
        "maskcam": service("maskcam.service"),
        "failed": printed("systemctl", "--failed", "--plain", "--no-legend").splitlines(),
        "running": printed(
            "systemctl", "list-units", "--plain", "--no-legend", "--state=running"
        ).splitlines(),
        "provisioned": {
            path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in sorted(folder.iterdir())
        },
        "journal_on_disk": Path("/var/log/journal").exists(),
        "reached": {
            f"{host}:{port}": reached(host, port) for host, port in request.get("reach", [])
        },
        "rules": printed("nft", "list", "ruleset"),
        "boot": printed("systemd-analyze", "--no-pager"),
        "log": printed(
            "journalctl", "--no-pager", "--output=short-monotonic", "-n", str(request.get("log", 0))
        ).splitlines(),
        "uptime_s": float(Path("/proc/uptime").read_text().split()[0]),
    }


def nothing() -> bytes:
    """Waits a little: nobody is at the other end of the port."""
    time.sleep(0.5)
    return b""


def main() -> None:
    """Answers until the power is cut."""
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
