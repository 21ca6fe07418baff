"""The card: partition table, boot partition, and what lies where."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdcard.steps import BuildError, run

MIB = 1024 * 1024
SECTOR = 512

# Every boot ROM of a Raspberry Pi reads an MBR whose first partition is FAT (0x0c).
# The data partition comes before the roots so that it is in the image, empty: a card
# that is flashed again begins without the windows of its former life. The second
# root is not in the image: an update writes it.
# The packages that picamera2 needs make a sealed root of 359 MiB (PyAV alone brings 117).
BOOT_MIB, DATA_MIB, ROOT_MIB = 64, 48, 448
DISK_ID = 0x6D61736B
LABEL = "MASKCAM"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of the table; start and size in MiB."""

    number: int
    kind: str
    start_mib: int
    size_mib: int

    @property
    def uuid(self) -> str:
        """Its PARTUUID, as Linux makes it of an MBR."""
        return f"{DISK_ID:08x}-{self.number:02x}"


BOOT = Partition(1, "c", 1, BOOT_MIB)
DATA = Partition(2, "83", BOOT.start_mib + BOOT_MIB, DATA_MIB)
ROOT_A = Partition(3, "83", DATA.start_mib + DATA_MIB, ROOT_MIB)
ROOT_B = Partition(4, "83", ROOT_A.start_mib + ROOT_MIB, ROOT_MIB)
PARTITIONS = (BOOT, DATA, ROOT_A, ROOT_B)
CARD_MIB = ROOT_B.start_mib + ROOT_MIB  # smallest card


def table() -> str:
    """Returns the partition table as sfdisk reads it."""
    lines = ["label: dos", f"label-id: {DISK_ID:#x}", "unit: sectors"]
    per_mib = MIB // SECTOR
    for part in PARTITIONS:
        active = ", bootable" if part is BOOT else ""
        start, size = part.start_mib * per_mib, part.size_mib * per_mib
        lines.append(f"start={start}, size={size}, type={part.kind}{active}")
    return "\n".join(lines) + "\n"


def make_boot(file: Path, contents: Mapping[str, Path], *, epoch: int) -> None:
    """Writes the boot partition's file system with `contents` (path on it: file to copy).

    Raises:
        BuildError: it does not fit.
    """
    needed = sum(path.stat().st_size for path in contents.values())
    if needed > (BOOT_MIB - 4) * MIB // 2:
        raise BuildError(
            f"kernel, initrd and firmware take {needed // MIB} MiB: the boot partition of "
            f"{BOOT_MIB} MiB must hold two of them"
        )
    file.unlink(missing_ok=True)
    with file.open("wb") as image:
        image.truncate(BOOT_MIB * MIB)
    run("mkfs.vfat", "-F", "32", "-n", LABEL, "-i", f"{DISK_ID:08x}", "--invariant", file)
    # mtools take the times of new entries from SOURCE_DATE_EPOCH, in UTC.
    when = {"SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    folders = {"maskcam", *(str(Path(name).parent) for name in contents)} - {"."}
    for folder in sorted(folders):
        run("mmd", "-i", file, f"::{folder}", environment=when)
    for name, path in sorted(contents.items()):
        os.utime(path, (epoch, epoch))
        run("mcopy", "-m", "-i", file, path, f"::{name}", environment=when)


def put_together(image: Path, *, boot: Path, root: Path) -> None:
    """Writes table, boot partition, an empty data partition and the first root.

    Raises:
        BuildError: the root is larger than its partition.
    """
    if root.stat().st_size > ROOT_MIB * MIB:
        size = root.stat().st_size / MIB
        raise BuildError(f"the root is {size:.0f} MiB, the slot {ROOT_MIB}; leave packages out")
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(CARD_MIB * MIB)  # sfdisk refuses a table that goes past the end
    run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", image, stdin=table().encode())
    with image.open("r+b") as file:
        for part, source in ((BOOT, boot), (ROOT_A, root)):
            file.seek(part.start_mib * MIB)
            with source.open("rb") as data:
                while block := data.read(MIB):
                    if block.strip(b"\0"):
                        file.write(block)
                    else:
                        file.seek(len(block), os.SEEK_CUR)
        file.truncate(ROOT_A.start_mib * MIB + root.stat().st_size)
