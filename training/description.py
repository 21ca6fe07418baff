"""maskcam.json: what a unit must know beside the networks' files."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


def write_model(
    models: Path, name: str, content: bytes, facts: dict[str, Any], *, part: str = ""
) -> Path:
    """Writes a network to `models`, and its name, hash and facts to maskcam.json there.

    Args:
        models: folder.
        name: of the file.
        content: of the file.
        facts: what the unit must know beside it.
        part: key of maskcam.json under which they stand; none: at the top, as the detector's.
    """
    models.mkdir(parents=True, exist_ok=True)
    file = models / name
    file.write_bytes(content)
    description = models / "maskcam.json"
    known = json.loads(description.read_text()) if description.is_file() else {}
    entry = {"file": name, "sha256": hashlib.sha256(content).hexdigest(), **facts}
    known.update({part: entry} if part else entry)
    description.write_text(json.dumps(known, indent=2) + "\n")
    _log.info("%s: %.2f MB", file, len(content) / 1e6)
    return file
