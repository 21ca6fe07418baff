"""Keeps pixels in RAM: no core dump, no tracing, no swap."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path
from typing import Final

from maskcam.errors import MaskcamError

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT_AND_FUTURE: Final = 3
_SWAPS: Final = Path("/proc/swaps")


def lock_down(*, swaps: Path = _SWAPS) -> None:
    """Forbids this process everything by which memory could reach a disk.

    Core dumps are switched off and other processes of the same user may not read
    this one's memory. Where swap is on, all memory is locked into RAM.

    Args:
        swaps: the kernel's list of swaps.

    Raises:
        MaskcamError: swap is on and memory may not be locked.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if swap_is_on(swaps) and libc.mlockall(_MCL_CURRENT_AND_FUTURE) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise MaskcamError(
            f"swap is on and memory cannot be locked ({reason}): frames might reach the disk; "
            "switch swap off (swapoff -a) or raise the limit (ulimit -l unlimited)"
        )


def swap_is_on(swaps: Path = _SWAPS) -> bool:
    """Returns whether the kernel may write memory to a disk."""
    try:
        return len(swaps.read_text().splitlines()) > 1
    except OSError:
        return False
