"""Runs commands, and tells how far the build is."""

from __future__ import annotations

import os
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
    """Tells the name of a step, and how long it took."""
    begin_s = time.monotonic()
    _tell(f"{name} ...")
    yield
    _tell(f"{name}: {time.monotonic() - begin_s:.0f} s")


def _tell(text: str) -> None:
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
        BuildError: it failed; the message ends with the last line that it wrote.
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
        lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise BuildError(f"{words[0]} failed ({done.returncode}): {' | '.join(lines[-3:])}")
    return done.stdout
