"""Runs a command behind the system call filter of maskcam.service, without systemd as init.

python -m tests.camera_unit.walls COMMAND...
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

SERVICE = Path(__file__).parents[2] / "systemd" / "maskcam.service"
_ALLOW, _ERRNO, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000, -1


def sets() -> dict[str, set[str]]:
    """Returns systemd's own groups of calls, each with the groups in it resolved."""
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    groups: dict[str, set[str]] = {}
    name = ""
    for line in text.splitlines():
        word = line.strip()
        if word.startswith("@") and not line.startswith(" "):
            name = word
            groups[name] = set()
        elif word and not word.startswith("#") and name:
            groups[name].add(word)

    def resolved(group: str) -> set[str]:
        return set().union(*(resolved(m) if m[0] == "@" else {m} for m in groups[group]))

    return {group: resolved(group) for group in groups}


def allowed_calls() -> set[str]:
    """Returns the names that the service's lines leave, in their order."""
    groups = sets()
    allowed = set(groups["@default"])
    for line in SERVICE.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            inverted, names = value.startswith("~"), value.removeprefix("~").split()
            calls = set().union(*(groups[n] if n[0] == "@" else {n} for n in names))
            allowed = allowed - calls if inverted else allowed | calls
        elif line == "ProtectClock=yes":
            allowed -= groups["@clock"]
    return allowed


def raise_walls(calls: set[str]) -> None:
    """Lets this process and all that it becomes make only these calls; others fail with EPERM."""
    library = ctypes.CDLL(find_library("seccomp") or "libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(_ERRNO | errno.EPERM))
    for call in sorted(calls | {"execve"}):  # execve: as systemd itself, to start the program
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number != _NO_SUCH_CALL:
            library.seccomp_rule_add_array(context, _ALLOW, number, 0, None)
    if library.seccomp_load(context) != 0:
        raise OSError("the kernel does not take the filter")


if __name__ == "__main__":
    raise_walls(allowed_calls())
    os.execv(sys.argv[1], sys.argv[1:])
