"""What the building machine must have; all that is missing is reported at the start."""

from __future__ import annotations

import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sdcard.profiles import SUITE
from sdcard.steps import BuildError, run

# command, and the Debian package it comes from
NEEDS = {
    "cpio": "cpio",
    "depmod": "kmod",
    "mcopy": "mtools",
    "mkfs.vfat": "dosfstools",
    "mksquashfs": "squashfs-tools",
    "mmdebstrap": "mmdebstrap",
    "openssl": "openssl",
    "qemu-aarch64-static": "qemu-user-static",
    "rauc": "rauc",
    "sfdisk": "fdisk",
    "veritysetup": "cryptsetup-bin",
    "zstd": "zstd",
}
_PATH = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin:/sbin"
# Debian 13 ships the same keys under the second name, and drops the first one day.
_KEYRINGS = tuple(
    Path(f"/usr/share/keyrings/debian-archive-keyring.{kind}") for kind in ("gpg", "pgp")
)
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_HANDLER = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
_NATIVE = {"aarch64", "arm64"}


def missing_tools(needs: dict[str, str] = NEEDS) -> list[str]:
    """Returns the Debian packages whose commands are not installed."""
    absent = {
        package for command, package in needs.items() if not shutil.which(command, path=_PATH)
    }
    return sorted(absent)


def faults() -> list[str]:
    """Returns a line for each thing that this machine lacks."""
    found = []
    if os.geteuid() != 0:
        found.append("root is needed to make a root file system: run it with sudo")
    if missing := missing_tools():
        found.append(f"tools are missing: apt-get install {' '.join(missing)}")
    if not keyring().exists():
        found.append(f"{keyring()} is missing: apt-get install debian-archive-keyring")
    return found


def keyring() -> Path:
    """Returns the file with the keys that sign Debian's archive."""
    return next((path for path in _KEYRINGS if path.exists()), _KEYRINGS[0])


def debian_archives(
    mirror: str | None, sources: Iterable[Path] | None = None
) -> list[tuple[str, str]]:
    """Returns address and suite of the archives with Debian's packages and their updates.

    Args:
        mirror: an address to use; None: those that this machine's apt uses.
        sources: apt's files; None: the machine's own.

    Raises:
        BuildError: apt has none.
    """
    if mirror:
        return [(mirror.rstrip("/"), SUITE)]
    known = list(_addresses(_apt_files() if sources is None else sources))
    main = next((url for url in known if url.endswith("/debian")), None)
    if main is None:
        raise BuildError("apt knows no Debian archive: give one with --mirror URL")
    found = [(main, SUITE), (main, f"{SUITE}-updates")]
    security = next((url for url in known if url.endswith("/debian-security")), None)
    if security:
        found.append((security, f"{SUITE}-security"))
    return found


def _apt_files() -> Iterator[Path]:
    etc = Path("/etc/apt")
    yield etc / "sources.list"
    for pattern in ("*.sources", "*.list"):
        yield from sorted((etc / "sources.list.d").glob(pattern))


def _addresses(sources: Iterable[Path]) -> Iterator[str]:
    for path in sources:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for line in text.splitlines():
            words = re.sub(r"\[.*?\]", "", line).split()
            if words and words[0] in {"deb", "URIs:"}:
                yield from (word.rstrip("/") for word in words[1:] if ":/" in word)


def archive_fault(url: str, suite: str) -> str | None:
    """Returns why an archive cannot be used, or None."""
    if not url.startswith(("http:", "https:")):
        return None  # apt itself will report it
    try:
        address = f"{url}/dists/{suite}/InRelease"
        urllib.request.urlopen(address, timeout=20).close()  # noqa: S310 - checked above
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return f"the archive {url} has no {suite} or cannot be reached ({reason})"
    return None


@contextmanager
def arm_programs(binfmt: Path = _BINFMT, handler: Path = _HANDLER) -> Iterator[None]:
    """Lets arm64 programs run by emulation for as long as the block lasts.

    What it registers with the kernel, or mounts for that, it takes away again.

    Raises:
        BuildError: the kernel does not take it.
    """
    with ExitStack() as undo:
        if os.uname().machine not in _NATIVE:
            _register(binfmt, handler, undo)
        yield


def _register(binfmt: Path, handler: Path, undo: ExitStack) -> None:
    entry = binfmt / "qemu-aarch64"
    try:
        if not (binfmt / "register").exists():
            run("mount", "-t", "binfmt_misc", "binfmt_misc", binfmt)
            undo.callback(run, "umount", binfmt)
        if not entry.exists():
            (binfmt / "register").write_bytes(handler.read_bytes().strip())
            undo.callback(entry.write_text, "-1")  # takes the entry away
    except (OSError, BuildError) as error:
        raise BuildError(
            f"this kernel cannot run arm64 programs by emulation ({error}); "
            "build on an arm64 machine, or load the module binfmt_misc"
        ) from error
