"""The root as it lies on the card: squashfs, with dm-verity's hash tree behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sdcard.steps import BuildError, run

# No secrets: they lie on the card. Fixed, so that the same root gives
# the same bytes.
_SALT = "6d61736b63616d" + "00" * 25
_UUID = "6d61736b-6361-4d00-8000-000000000000"
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed root: its file, the hash that stands for all of it, and where its tree begins."""

    file: Path
    hash: str
    offset: int

    def kernel_arguments(self, partition_uuid: str) -> str:
        """Returns what the initrd must know to open it from a partition."""
        return (
            f"maskcam.root={partition_uuid} maskcam.hash={self.hash} maskcam.offset={self.offset}"
        )


def seal(root: Path, file: Path, *, epoch: int) -> Sealed:
    """Packs a root file system and appends its hash tree."""
    file.unlink(missing_ok=True)
    run(
        "env", "-u", "SOURCE_DATE_EPOCH",  # it refuses the variable beside the options
        "mksquashfs", root, file, "-noappend", "-quiet", "-no-progress", "-no-exports",
        "-comp", "zstd", "-Xcompression-level", "6", "-b", "256K", "-xattrs",
        "-all-time", str(epoch), "-mkfs-time", str(epoch), "-processors", "2",
    )  # fmt: skip
    size = file.stat().st_size
    offset = -(-size // _BLOCK) * _BLOCK
    with file.open("r+b") as image:
        image.truncate(offset)
    printed = run(
        "veritysetup", "format", file, file, f"--hash-offset={offset}", f"--salt={_SALT}",
        f"--uuid={_UUID}", f"--data-blocks={offset // _BLOCK}",
    ).decode()  # fmt: skip
    found = re.search(r"Root hash:\s+([0-9a-f]{64})", printed)
    if not found:
        raise BuildError(f"veritysetup printed no root hash: {printed.strip()[-100:]}")
    return Sealed(file, found[1], offset)
