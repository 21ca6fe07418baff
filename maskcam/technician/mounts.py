"""Which file system lies under a path; see proc(5), mountinfo. Standard library only."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


def mounted(table: Path = MOUNTS) -> dict[str, str]:
    """Returns the type of the file system at each mount point; the last mount on it counts."""
    systems = {}
    for line in table.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split()[4]
        for escape, character in _ESCAPES:
            point = point.replace(escape, character)
        systems[point] = rest.split()[0]
    return systems


def file_system_of(path: Path, table: Path = MOUNTS) -> str:
    """Returns the type of the file system on which `path` lies."""
    systems = mounted(table)
    place = path.resolve()
    points = (str(folder) for folder in (place, *place.parents))
    return next((systems[point] for point in points if point in systems), "")
