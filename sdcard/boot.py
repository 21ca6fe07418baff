"""What the firmware loads: its own files, and a folder with kernel and initrd a slot."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from sdcard.disk import ROOT_A, ROOT_B
from sdcard.initrd import kernel_version
from sdcard.profiles import Profile
from sdcard.sealed import Sealed
from sdcard.steps import BuildError

SLOTS = {"a": ROOT_A, "b": ROOT_B}

# What a Pi 4's boot ROM loads; a Pi 5 has its own in flash memory.
_FIRMWARE = ("usr/lib/raspi-firmware/start4.elf", "usr/lib/raspi-firmware/fixup4.dat")
_CONFIG = """\
# Read by the Raspberry Pi's firmware. An update changes os_prefix, nothing else.
arm_64bit=1
os_prefix={slot}/
kernel=vmlinuz
initramfs initrd followkernel
disable_splash=1
"""
# The unit's id is all that its screen shows.
_QUIET = "quiet loglevel=3 systemd.show_status=no vt.global_cursor_default=0"
# The Raspberry Pi's firmware switches the memory controller off: MemoryMax= would do nothing.
# Its kernel keeps the processor at its lowest clock unless somebody asks for another governor.
_SAFE = (
    "cgroup_enable=memory cpufreq.default_governor=ondemand ro panic=10 noresume "
    "rd.systemd.gpt_auto=0 systemd.gpt_auto=0 systemd.getty_auto=0"
)


def config_txt(profile: Profile, slot: str) -> str:
    """Returns the firmware's configuration that starts a slot."""
    return _CONFIG.format(slot=slot) + "".join(f"{line}\n" for line in profile.config_txt)


def save(root: Path, folder: Path) -> Path:
    """Copies kernel, device trees and firmware from a root to `folder`, and returns it.

    What lies in its subfolder "slot" belongs to one slot; the rest is the firmware's.

    Raises:
        BuildError: the kernel is not in the root.
    """
    version = kernel_version(root)
    kernel = root / f"boot/vmlinuz-{version}"
    if not kernel.exists():
        raise BuildError(f"{kernel}: there is no kernel in the root")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _FIRMWARE:
        shutil.copy(root / name, folder)
    slot = folder / "slot"
    slot.mkdir()
    data = kernel.read_bytes()
    packed = data if data[:2] == b"\x1f\x8b" else gzip.compress(data, mtime=0)
    (slot / "vmlinuz").write_bytes(packed)
    trees = root / f"usr/lib/linux-image-{version}"
    # bcm2712d0: the second stepping of the Pi 5's processor. bcm2837: the Pi 3 that QEMU plays.
    for pattern in ("bcm2711-rpi-*.dtb", "bcm2712*.dtb", "bcm2837-rpi-3-b.dtb"):
        for path in (trees / "broadcom").glob(pattern):
            shutil.copy(path, slot)
    if (trees / "overlays").is_dir():
        shutil.copytree(trees / "overlays", slot / "overlays")
    # Without this file the firmware takes no overlay of the slot's folder, but its own.
    readme = slot / "overlays/README"
    readme.parent.mkdir(exist_ok=True)
    if not readme.exists():
        readme.write_text("The firmware applies os_prefix to overlays only if this file exists.\n")
    return folder


def arguments(profile: Profile, packed: Sealed, slot: str) -> str:
    """Returns the kernel's command line that starts a slot."""
    return (
        f"{profile.console} {_QUIET} {_SAFE} "
        f"{packed.kernel_arguments(SLOTS[slot].uuid)} rauc.slot={slot}\n"
    )


def card_files(profile: Profile, folder: Path, packed: Sealed) -> dict[str, Path]:
    """Returns all files of the boot partition of a new card (name: file), which starts slot a.

    folder: as `save` made it, with the initrd put into its slot.
    """
    slot = folder / "slot"
    (folder / "config.txt").write_text(config_txt(profile, "a"))
    for place in (slot, folder):  # beside config.txt setup-unit and older firmware look for it
        (place / "cmdline.txt").write_text(arguments(profile, packed, "a"))
    contents = {path.name: path for path in folder.iterdir() if path.is_file()}
    for path in slot.rglob("*"):
        if path.is_file():
            contents[f"a/{path.relative_to(slot)}"] = path
    return contents
