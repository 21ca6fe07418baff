"""The Debian root file system, laid out by mmdebstrap and kept as an archive.

The packages are unpacked, and their maintainers' scripts are not run: under emulation
that takes the better part of an hour on a busy machine, for what `configure` does in
seconds, for this one set of packages.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from sdcard import configure
from sdcard.host import keyring
from sdcard.packages import COMMON_PACKAGES
from sdcard.profiles import ARCHITECTURE, PYTHON, SUITE, Profile
from sdcard.steps import run, step


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """Where packages come from.

    debian: addresses and their suites. pi, pi_key: the Raspberry Pi archive, and the
    key that it is signed with. packages: .deb files that are installed besides.
    """

    debian: tuple[tuple[str, str], ...]
    pi: str | None = None
    pi_key: Path | None = None
    packages: tuple[Path, ...] = ()


def root_archive(profile: Profile, archives: Archives, *, cache: Path, scratch: Path) -> Path:
    """Returns an archive of the root file system with all packages, made anew or from the cache."""
    command = _command(profile, archives)
    key = hashlib.sha256("\0".join([*command, str(archives.debian), str(archives.pi)]).encode())
    for file in (*archives.packages, Path(configure.__file__)):
        key.update(file.read_bytes())
    archive = cache / f"debian-{profile.name}-{key.hexdigest()[:12]}.tar"
    if archive.exists():
        return archive
    with step("Debian packages"):
        shutil.rmtree(scratch, ignore_errors=True)
        run(*command, SUITE, scratch, "-", stdin=sources(archives))
        configure.configure(scratch)
    with step("keeping them"):
        pack(scratch, archive)
    return archive


def native_python(archives: Archives, *, cache: Path) -> list[str]:
    """Returns a command that runs the suite's Python on this machine.

    Byte code is the same for every processor, but not for every version of Python; to
    compile under emulation would take a hundred times as long.
    """
    machine = run("dpkg", "--print-architecture").decode().strip()
    home = cache / f"python-{machine}"
    if not home.exists():
        with step(f"the suite's Python for {machine}"):
            made = home.with_suffix(".new")
            shutil.rmtree(made, ignore_errors=True)
            run(
                "mmdebstrap",
                "--quiet",
                "--variant=extract",
                "--mode=root",
                f"--architectures={machine}",
                "--format=directory",
                f"--include=python{PYTHON},libc6",
                SUITE,
                made,
                "-",
                stdin=sources(archives),
            )
            made.rename(home)
    (loader,) = home.glob("usr/lib/*/ld-linux-*.so.?")
    return [
        "env",
        f"PYTHONHOME={home}/usr",
        str(loader),
        "--library-path",
        str(loader.parent),
        f"{home}/usr/bin/python{PYTHON}",
    ]


def _command(profile: Profile, archives: Archives) -> list[str]:
    packages = (*COMMON_PACKAGES, *profile.packages, profile.firmware, profile.kernel)
    return [
        "mmdebstrap",
        f"--architectures={ARCHITECTURE}",
        "--variant=extract",
        "--mode=root",
        "--format=directory",
        "--skip=cleanup/apt",  # their control files are read afterwards
        '--aptopt=APT::Install-Recommends "false"',
        "--include=?essential",
        f"--include={','.join([*packages, *(str(path) for path in archives.packages)])}",
    ]


def sources(archives: Archives) -> bytes:
    """Returns what apt is to know."""
    lines = [
        f"deb [signed-by={keyring()}] {address} {suite} main non-free-firmware"
        for address, suite in archives.debian
    ]
    if archives.pi:
        lines.append(f"deb [signed-by={archives.pi_key}] {archives.pi} {SUITE} main")
    return "\n".join(lines).encode() + b"\n"


def pack(root: Path, archive: Path) -> None:
    """Keeps a root file system in an archive."""
    made = archive.with_suffix(".new.tar")
    run("tar", "-cf", made, "--numeric-owner", "--exclude=./dev/*", "-C", root, ".")
    made.rename(archive)


def unpack(archive: Path, root: Path) -> None:
    """Unpacks a root file system into an empty folder."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    run("tar", "-xpf", archive, "-C", root, "--numeric-owner")
