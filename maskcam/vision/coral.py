"""Where a Coral USB accelerator is plugged in, as the kernel lists it; nothing else is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Final

# Vendor and product of the USB accelerator, before its firmware is loaded by the
# first program that uses it, and after.
USB_IDS: Final = (("1a6e", "089a"), ("18d1", "9302"))
USB_DEVICES: Final = "sys/bus/usb/devices"


def usb_corals(*, root: Path = Path("/")) -> list[Path]:
    """Returns the folder in /sys of each Coral on USB."""
    return [
        vendor.parent
        for vendor in sorted((root / USB_DEVICES).glob("*/idVendor"))
        if (_word(vendor), _word(vendor.with_name("idProduct"))) in USB_IDS
    ]


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
