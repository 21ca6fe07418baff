"""The Debian root file system, made by mmdebstrap and kept as an archive."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from image.profiles import ARCHITECTURE, COMMON_PACKAGES, PYTHON, SUITE, Profile
from image.steps import run, step

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Each would take minutes under emulation: the initrd and the module index are made
# natively, byte code once for all.
_SKIPPED = (
    "/usr/sbin/update-initramfs",
    "/usr/sbin/depmod",
    "/usr/bin/py3compile",
    f"/usr/bin/python{PYTHON}",
)

# Of the suite's release. The image's own times are set when it is put together.
_EPOCH = {"SOURCE_DATE_EPOCH": "1754697600"}

_DPKG_OPTIONS = (
    "force-unsafe-io",  # nothing is lost if the build machine loses power
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


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


def root_archive(profile: Profile, archives: Archives, *, cache: Path) -> Path:
    """Returns an archive of the root file system with all packages, made anew or from the cache."""
    command = _command(profile, archives)
    key = hashlib.sha256("\0".join(command).encode())
    for package in archives.packages:
        key.update(package.read_bytes())
    archive = cache / f"debian-{profile.name}-{key.hexdigest()[:12]}.tar"
    if archive.exists():
        return archive
    with step("Debian packages under emulation (the long step: minutes)"):
        made = archive.with_suffix(".new.tar")
        run(*command, SUITE, made, "-", stdin=_sources(archives), environment=_EPOCH)
        made.rename(archive)
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
                stdin=_sources(archives),
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
    packages = (*COMMON_PACKAGES, *profile.packages, profile.kernel)
    skip = (
        f"for command in {' '.join(_SKIPPED)}; do "
        'chroot "$1" dpkg-divert --quiet --local --rename --add $command; '
        'ln -s /bin/true "$1$command"; done'
    )
    undo = (
        f"for command in {' '.join(_SKIPPED)}; do "
        'rm "$1$command"; '
        'chroot "$1" dpkg-divert --quiet --local --rename --remove $command; done'
    )
    # Only files are wanted of the firmware; its hooks want a mounted card.
    firmware = (
        f'cd "$1/tmp" && chroot "$1" sh -c "cd /tmp && apt-get download {profile.firmware}" && '
        f'mkdir -p "$1/usr/lib/firmware-pi" && '
        f'dpkg-deb --fsys-tarfile "$1"/tmp/{profile.firmware}_*.deb | '
        'tar -x -C "$1/usr/lib/firmware-pi" --wildcards --strip-components=4 '
        '"*/bootcode.bin" "*/start4.elf" "*/fixup4.dat" "*/LICENCE*" && rm "$1"/tmp/*.deb'
    )
    return [
        "mmdebstrap",
        f"--architectures={ARCHITECTURE}",
        "--variant=minbase",
        "--mode=root",
        "--format=tar",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
        f"--include={','.join([*packages, *(str(path) for path in archives.packages)])}",
        f"--essential-hook={skip}",
        f"--customize-hook={undo}",
        f"--customize-hook={firmware}",
    ]


def _sources(archives: Archives) -> bytes:
    lines = [
        f"deb [signed-by={_KEYRING}] {address} {suite} main non-free-firmware"
        for address, suite in archives.debian
    ]
    if archives.pi:
        lines.append(f"deb [signed-by={archives.pi_key}] {archives.pi} {SUITE} main")
    return "\n".join(lines).encode() + b"\n"


def unpack(archive: Path, root: Path) -> None:
    """Unpacks a root file system into an empty folder."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    run("tar", "-xpf", archive, "-C", root, "--xattrs", "--numeric-owner", "--exclude=./dev/*")
