"""How the commands speak: one line at a time, at once."""

from __future__ import annotations

import logging
import sys
from typing import Any

logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs each of its plugins when imported


def say(text: str, *, to: Any = None) -> None:
    """Writes a line to stdout, or to another stream, and flushes it."""
    stream = to or sys.stdout
    stream.write(text + "\n")
    stream.flush()


def log_to_stderr(level: int = logging.INFO) -> None:
    """Sends the log to stderr."""
    logging.basicConfig(
        level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
