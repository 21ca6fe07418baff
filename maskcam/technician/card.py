"""Writes a unit's provisioning folder to its SD card, or nothing at all.

Everything is checked before the first byte is written. The files go to a new folder
that is read back and takes the old one's place by a rename.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from maskcam.messages import say
from maskcam.technician.mounts import MOUNTS, mounted
from maskcam.technician.provisioning import FILES, FOLDER, ProvisioningError, examine_folder

_NEW, _OLD = f"{FOLDER}.new", f"{FOLDER}.old"
_BOOT_FILES = ("config.txt", "cmdline.txt")
_FAT = {"vfat", "msdos"}
_SPARE_BYTES = 256 * 1024


def set_up(card: Path, folder: Path, *, plain: bool = False, mounts: Path = MOUNTS) -> list[str]:
    """Writes the four files of `folder` to `card`, after checking everything.

    Args:
        card: where the first partition of the unit's SD card is mounted.
        folder: the provisioning folder that city hall made for this unit.
        plain: `card` is an ordinary folder; do not ask for a mounted FAT partition.
        mounts: the kernel's table of mounts.

    Returns:
        lines for the technician: what was done, and what to mind.

    Raises:
        ProvisioningError: a line for each fault; the card is as it was.
    """
    faults = []
    notes: list[str] = []
    try:
        notes = examine_folder(folder, today=datetime.now().astimezone().date())
    except ProvisioningError as error:
        faults += str(error).splitlines()
    content = {} if faults else {name: (folder / name).read_bytes() for name in FILES}
    faults += _card_faults(card, sum(map(len, content.values())), plain=plain, mounts=mounts)
    if faults:
        raise ProvisioningError("\n".join(faults))
    try:
        _write(card, content)
    except OSError as error:
        why = say(
            "could not be written ({why}); the card is as it was, try another one",
            why=error.strerror or error,
        )
        raise ProvisioningError(f"{card}: {why}") from error
    return [f"{card / FOLDER}: " + say("written and read back; now unmount the card"), *notes]


def _card_faults(card: Path, size: int, *, plain: bool, mounts: Path) -> list[str]:
    fault = _card_fault(card, size, plain=plain, mounts=mounts)
    return [f"{card}: {fault}"] if fault else []


def _card_fault(card: Path, size: int, *, plain: bool, mounts: Path) -> str:
    if not card.exists():
        return say("no card there; put it in and give the folder where it is mounted")
    if not card.is_dir():
        return say("is not a folder; give the folder where the card is mounted")
    if not plain:
        system = mounted(mounts).get(str(card.resolve()))
        if system is None:
            return say("no card is mounted there; mount its first partition, or see lsblk")
        if system not in _FAT:
            return say(
                "is {system}, not the card's FAT partition; mount its first partition",
                system=system,
            )
    missing = [name for name in _BOOT_FILES if not (card / name).is_file()]
    if missing:
        return say(
            "is not a unit's boot partition (no {name}); flash the image first", name=missing[0]
        )
    room = os.statvfs(card)
    if room.f_flag & os.ST_RDONLY or not os.access(card, os.W_OK):
        return say("is read-only; open the card's lock or mount it for writing")
    if room.f_bavail * room.f_frsize < size + _SPARE_BYTES:
        needed = (size + _SPARE_BYTES) // 1024
        return say(
            "is full: {needed} KiB must be free; delete your own files from it, or flash it again",
            needed=needed,
        )
    return ""


def _write(card: Path, content: dict[str, bytes]) -> None:
    final, new, old = card / FOLDER, card / _NEW, card / _OLD
    if old.exists() and not final.exists():  # an earlier run was cut between two renames
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir()
        for name, data in content.items():
            _write_through(new / name, data)
        _sync_folder(new)
        if final.exists():
            final.rename(old)
        try:
            new.rename(final)
            for name, data in content.items():
                _compare(final / name, data)
        except OSError:
            shutil.rmtree(final, ignore_errors=True)
            if old.exists():
                old.rename(final)
            raise
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _sync_folder(card)
    shutil.rmtree(old, ignore_errors=True)
    _sync_folder(card)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # read the card, not RAM
    _compare(path, data)


def _compare(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        raise OSError(f"{path.name} reads back differently")


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
