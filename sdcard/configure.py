"""What the maintainers' scripts of the packages would do, as far as a unit needs it.

A unit is not administered: no password, no e-mail, nothing enabled that sdcard/root.py
does not name. What is left is a list of packages and the system's users.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sdcard.steps import run

_NAMES = """\
passwd: files systemd
group: files systemd
shadow: files systemd
hosts: files resolve [!UNAVAIL=return] dns
networks: files
protocols: files
services: files
"""
# What update-alternatives would choose. Debian's numpy, and PyAV, do not load without.
_ALTERNATIVES = {
    "usr/lib/aarch64-linux-gnu/libblas.so.3": "blas/libblas.so.3",
    "usr/lib/aarch64-linux-gnu/liblapack.so.3": "lapack/liblapack.so.3",
}
# Never in the image, and large.
_LEFT_OUT = ("usr/share/man", "usr/share/info", "usr/share/locale", "usr/lib/udev/hwdb.d")


def configure(root: Path) -> None:
    """Makes a root of unpacked packages one that starts; it still holds their .deb files."""
    list_packages(root)
    for name in _LEFT_OUT:
        shutil.rmtree(root / name, ignore_errors=True)
    for path in (root / "usr/share/doc").glob("*/*"):
        if path.name != "copyright":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    etc = root / "etc"
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", etc / name)
    (etc / "nsswitch.conf").write_text(_NAMES)
    (etc / "localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
    choose_alternatives(root)
    # Programs of the unit's own, under emulation: this machine's may not know all the words, and
    # its ldconfig does not know the unit's processor.
    run("chroot", root, "/usr/bin/systemd-sysusers")
    run("chroot", root, "/sbin/ldconfig")
    lock_accounts(etc)


def choose_alternatives(root: Path) -> None:
    """Makes the links of the alternatives whose only candidate is there."""
    for name, target in _ALTERNATIVES.items():
        link = root / name
        if (link.parent / target).exists() and not link.is_symlink():
            link.symlink_to(target)


def lock_accounts(etc: Path) -> None:
    """Writes account files without passwords, and without the day on which they were made."""
    users = [line.split(":")[0] for line in (etc / "passwd").read_text().splitlines()]
    groups = [line.split(":")[0] for line in (etc / "group").read_text().splitlines()]
    for name, lines in (
        ("shadow", [f"{user}:!*:1::::::\n" for user in users]),
        ("gshadow", [f"{group}:!*::\n" for group in groups]),
    ):
        (etc / name).write_text("".join(lines))
        (etc / name).chmod(0o600)
    for path in etc.glob("*-"):
        path.unlink()


def list_packages(root: Path) -> None:
    """Writes dpkg's list of installed packages from the .deb files, and removes those."""
    stanzas = []
    archives = root / "var/cache/apt/archives"
    for package in sorted(archives.glob("*.deb")):
        control = run("dpkg-deb", "--field", package).decode().rstrip()
        stanzas.append(f"{control}\nStatus: install ok installed\n")
        package.unlink()
    folder = root / "var/lib/dpkg"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status").write_text("\n".join(stanzas), encoding="utf-8")
