"""Runs commands, and reports how far the build is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_began_s = time.monotonic()


class BuildError(Exception):
    """The build cannot go on; the message is a line that says what to do."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Reports the name of a step, and how long it took."""
    begin_s = time.monotonic()
    _report(f"{name} ...")
    yield
    _report(f"{name}: {time.monotonic() - begin_s:.0f} s")


def _report(text: str) -> None:
    sys.stderr.write(f"[{time.monotonic() - _began_s:4.0f} s] {text}\n")
    sys.stderr.flush()


def run(
    *command: str | Path,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> bytes:
    """Runs a command and returns what it printed.

    Raises:
        BuildError: it failed; the message ends with its `complaint`.
    """
    words = [str(word) for word in command]
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin:/sbin"
    program = shutil.which(words[0], path=path)
    if program is None:
        raise BuildError(f"{words[0]} is not installed")
    variables = {**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", **(environment or {})}
    done = subprocess.run(  # noqa: S603 - our own commands
        [program, *words[1:]],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env=variables,
        cwd=cwd,
        check=False,
    )
    if done.returncode:
        text = (done.stderr or done.stdout).decode(errors="replace")
        raise BuildError(f"{words[0]} failed ({done.returncode}): {complaint(text)}")
    return done.stdout


def complaint(text: str) -> str:
    """Returns the lines that say why a command failed: apt's own, or else the last ones.

    mmdebstrap shows what apt wrote, and then some lines about itself.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    of_apt = [
        line for line in lines if line.startswith(("E: ", "Err:")) and "mmdebstrap" not in line
    ]
    of_apt = [line for line in of_apt if not re.search(r"setup failed|failed to|hook", line)] or []
    return " | ".join(of_apt[:3] or lines[-3:])
