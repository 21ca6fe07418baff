"""How the machine is: temperature, throttling and memory, for the log and for `maskcam check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

_TEMPERATURES: Final = "sys/class/thermal/thermal_zone*/temp"
_THROTTLED: Final = "sys/devices/platform/soc*/soc*firmware/get_throttled"
# Bits of what a Raspberry Pi's firmware says: they are set now, and 16 higher since the start.
_REASONS: Final = {
    0: "under-voltage",
    1: "slowed down",
    2: "throttled",
    3: "soft temperature limit",
}
_EARLIER: Final = 16


class Throttling(NamedTuple):
    """For what a Raspberry Pi is held back: now, and at times since it was switched on."""

    now: tuple[str, ...]
    earlier: tuple[str, ...]


def vitals(*, root: Path = Path("/")) -> str:
    """Returns one line; what this machine does not report is left out.

    Args:
        root: where /proc and /sys are looked for.
    """
    parts = [
        _temperature(root),
        _throttling(root),
        _kilobytes(root / "proc/self/status", "VmRSS", "of the unit"),
        _kilobytes(root / "proc/meminfo", "MemAvailable", "available"),
    ]
    return ", ".join(part for part in parts if part) or "this machine reports nothing of itself"


@dataclass(slots=True)
class Hourly:
    """Says once an hour that it is time, beginning with the first question."""

    every_s: float = 3600.0
    _said_at_s: float | None = field(default=None, init=False)

    def due(self, at_s: float) -> bool:
        """Returns whether it is time at the monotonic time `at_s`."""
        if self._said_at_s is not None and at_s - self._said_at_s < self.every_s:
            return False
        self._said_at_s = at_s
        return True


def temperature_c(root: Path) -> float | None:
    """Returns the temperature of the hottest sensor; None where there is none."""
    found = [_number(path, 10) for path in root.glob(_TEMPERATURES)]
    return max((value / 1000 for value in found if value is not None), default=None)


def throttling(root: Path) -> Throttling | None:
    """Returns what the firmware says; None where there is no Raspberry Pi's."""
    found = (_number(path, 16) for path in sorted(root.glob(_THROTTLED)))
    state = next((value for value in found if value is not None), None)
    if state is None:
        return None
    return Throttling(
        tuple(name for bit, name in _REASONS.items() if state >> bit & 1),
        tuple(name for bit, name in _REASONS.items() if state >> bit + _EARLIER & 1),
    )


def _temperature(root: Path) -> str:
    celsius = temperature_c(root)
    return "" if celsius is None else f"{celsius:.1f} degrees C"


def _throttling(root: Path) -> str:
    held = throttling(root)
    if held is None:
        return ""
    if not held.earlier and not held.now:
        return "never throttled"
    earlier = f"since the start: {', '.join(held.earlier)}"
    return f"NOW {', '.join(held.now)} ({earlier})" if held.now else earlier


def _kilobytes(file: Path, name: str, of: str) -> str:
    try:
        lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    found = next((line.split() for line in lines if line.startswith(f"{name}:")), None)
    return "" if found is None else f"{int(found[1]) / 1024:.0f} MB {of}"


def _number(path: Path, base: int) -> int | None:
    try:
        return int(path.read_text(encoding="ascii", errors="replace"), base)
    except (OSError, ValueError):
        return None
