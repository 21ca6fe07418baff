"""What a test needs of the machine, found out before it runs.

Where it is missing the test is skipped, and one line says what would let it run.
`scripts/test --as-root` runs those that do more for root than for an ordinary user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

as_root = pytest.mark.as_root


@cache
def _may_mount() -> bool:
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        return False


def _why_no_services_are_judged() -> str:
    if shutil.which("systemd-analyze") is None:
        return "needs systemd-analyze (apt install systemd)"
    # It looks there even when it judges offline; only root may make the folder.
    if os.geteuid() != 0 and not Path("/run/systemd").is_dir():
        return "needs a booted system, or root: there is no /run/systemd"
    return ""


def mounts(test: Callable[..., object]) -> Callable[..., object]:
    """Skips a test where no file system may be mounted."""
    reason = "needs the right to mount: run it as root, in a container with CAP_SYS_ADMIN"
    return as_root(pytest.mark.skipif(not _may_mount(), reason=reason)(test))


_why = _why_no_services_are_judged()
systemd_analyze = pytest.mark.skipif(bool(_why), reason=_why)
