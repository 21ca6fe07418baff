"""A small initrd: busybox, veritysetup and the modules that lead to the root."""

from __future__ import annotations

import lzma
import os
import re
import shutil
from pathlib import Path

from sdcard.steps import BuildError, run

_INIT = Path(__file__).with_name("init")
_PROGRAMS = ("/usr/sbin/veritysetup",)
_MODULES = ("dm_verity", "crypto-sha256", "squashfs", "overlay")


def kernel_version(root: Path) -> str:
    """Returns the version of the root's only kernel.

    Raises:
        BuildError: there is none, or more than one.
    """
    found = sorted(path.name for path in (root / "usr/lib/modules").glob("*"))
    if len(found) != 1:
        raise BuildError(f"one kernel is wanted in the root, found {found or 'none'}")
    return found[0]


def make(
    root: Path,
    folder: Path,
    *,
    drivers: tuple[str, ...],
    epoch: int,
    init: Path = _INIT,
    programs: tuple[str, ...] = _PROGRAMS,
    modules: tuple[str, ...] = _MODULES,
) -> bytes:
    """Returns the initrd for a root file system.

    Args:
        root: where the kernel's modules and the programs are.
        folder: scratch.
        drivers: modules that the kernel may have built in or lack.
        epoch: the time that its files get.
        init: the script that is started.
        programs: what the script calls besides busybox.
        modules: what it cannot do without.

    Raises:
        BuildError: a program's library or one of `modules` is not in the root.
    """
    version = kernel_version(root)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bin", "modules"):
        (folder / name).mkdir(parents=True)
    shutil.copy(init, folder / "init")
    (folder / "init").chmod(0o755)
    shutil.copy(root / "usr/bin/busybox", folder / "bin/busybox")
    for file in _with_libraries(root, programs):
        target = folder / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file.lstrip("/"), target)
    order = []
    for path in _with_dependencies(root, version, drivers, modules):
        name = path.name.removesuffix(".xz")
        data = path.read_bytes()
        (folder / "modules" / name).write_bytes(
            lzma.decompress(data) if path.suffix == ".xz" else data
        )
        order.append(name)
    (folder / "modules/order").write_text("".join(f"{name}\n" for name in order))
    return _packed(folder, epoch)


def _with_libraries(root: Path, programs: tuple[str, ...]) -> list[str]:
    if not programs:
        return []
    listed = run("chroot", root, "ldd", *programs).decode()
    libraries = set(re.findall(r"(/\S+) \(0x", listed))
    if "not found" in listed or not libraries:
        raise BuildError(f"a library of {', '.join(programs)} is not in the root: {listed.strip()}")
    return [*programs, *sorted(libraries)]


def _with_dependencies(
    root: Path, version: str, drivers: tuple[str, ...], modules: tuple[str, ...]
) -> list[Path]:
    """Returns module files in the order in which they must be loaded."""
    found: dict[Path, None] = {}
    for name in (*drivers, *modules):
        try:
            lines = run("modprobe", "-d", root, "-S", version, "--show-depends", name).decode()
        except BuildError as error:
            if name in modules and name != "crypto-sha256":
                raise BuildError(f"the kernel {version} has no module {name}") from error
            continue  # a driver that this kernel has built in, or that this board's has not
        for line in lines.splitlines():
            kind, _, path = line.partition(" ")
            if kind == "insmod":
                found[Path(path.split()[0])] = None
    return list(found)


def _packed(folder: Path, epoch: int) -> bytes:
    names = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        os.utime(path, (epoch, epoch), follow_symlinks=False)
        names.append(path.relative_to(folder).as_posix())
    listed = "\0".join(names).encode()
    archive = run(
        "cpio",
        "--null",
        "--create",
        "--quiet",
        "--format=newc",
        "--reproducible",
        "--owner=0:0",
        stdin=listed,
        cwd=folder,
    )
    return run("zstd", "-12", "--quiet", "--stdout", stdin=archive)
