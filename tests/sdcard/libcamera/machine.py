"""A PC with Debian trixie in an emulator, for libcamera's virtual camera.

Its first disk holds Debian's libcamera, picamera2 from PyPI and the unit's own wheels; it
is built once and kept in build/libcamera; that needs root, Debian's archive and PyPI:

    python -m tests.sdcard.libcamera.machine

Its second disk holds what a test brings.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sdcard import initrd
from sdcard.debian import Archives, sources
from sdcard.host import debian_archives
from sdcard.profiles import PYTHON, SUITE
from sdcard.steps import run, step

ROOT = Path(__file__).parents[3]
CACHE = ROOT / "build/libcamera"
EMULATOR = shutil.which("qemu-system-x86_64")
TIMEOUT_S = 3000.0

_INSIDE = Path(__file__).with_name("inside")
_PACKAGES = (
    "base-files",
    "busybox-static",
    "libstdc++6",
    "linux-image-amd64",
    "python3-libcamera",
    "python3-prctl",
    "tzdata",
)
# Its needs besides ours, but for pidng, which has no wheel.
_WHEELS = ("picamera2==0.3.38", "piexif==1.1.3", "pillow", "simplejpeg", "videodev2==0.0.4")
# Less what QEMU does not play; with erms each byte that is copied would take an instruction's time.
_CPU = "Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid,-erms"
_DRIVERS = ("virtio_blk", "ext4", "videodev")
# Debian has the Raspberry Pi's tuning files for arm64 only.
_TUNING = """\
cd "$1" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download -qq libcamera-ipa:arm64 &&
dpkg-deb --fsys-tarfile libcamera-ipa_*_arm64.deb | tar -x ./usr/share/libcamera/ipa/rpi &&
rm libcamera-ipa_*_arm64.deb
"""


class Computer:
    """What the emulator starts from: kernel, initrd and the disk with the packages."""

    def __init__(self, folder: Path):
        self.kernel, self.initrd, self.disk = (
            folder / name for name in ("kernel", "initrd", "disk")
        )

    def run(self, disk: Path, directory: Path) -> dict[str, Any]:
        """Starts it with a second disk, waits until it switches itself off, returns its report."""
        report = directory / "report"
        command = [
            EMULATOR, "-M", "pc", "-cpu", _CPU, "-smp", "1", "-m", "3072",
            # Time goes by instructions, a nanosecond each: a machine whose speed does not
            # depend on this one's, and that no other work can hold up.
            "-icount", "shift=0,sleep=on", "-rtc", "base=2026-05-04T08:00:00,clock=vm",
            "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", self.kernel, "-initrd", self.initrd,
            "-append", "console=ttyS0 panic=1 quiet mitigations=off",
            "-drive", f"file={self.disk},format=raw,if=virtio,readonly=on",
            "-drive", f"file={disk},format=raw,if=virtio",
            "-serial", f"file:{directory / 'console'}", "-serial", f"file:{report}",
        ]  # fmt: skip
        subprocess.run(list(map(str, command)), check=True, timeout=TIMEOUT_S)
        console = (directory / "console").read_text(errors="replace")
        assert report.stat().st_size, f"no report: {console[-3000:]}"
        return json.loads(report.read_text()) | {"console": console}


def computer() -> Computer:
    """Returns it, built anew where its recipe has changed."""
    recipe = hashlib.sha256(repr((_PACKAGES, _WHEELS, _DRIVERS, _TUNING, PYTHON)).encode())
    for file in (_INSIDE / "init", ROOT / "requirements/unit.txt"):
        recipe.update(file.read_bytes())
    folder = CACHE / recipe.hexdigest()[:12]
    if not folder.exists():
        scratch, made = CACHE / "root", CACHE / "new"
        for old in (scratch, made):
            shutil.rmtree(old, ignore_errors=True)
        made.mkdir(parents=True)
        with step("Debian's libcamera for the virtual machine"):
            _lay_out(scratch)
        with step("picamera2 and the wheels of the unit"):
            _add_wheels(scratch)
        version = initrd.kernel_version(scratch)
        shutil.copy(scratch / f"boot/vmlinuz-{version}", made / "kernel")
        started = initrd.make(
            scratch, CACHE / "initrd", drivers=_DRIVERS, epoch=0,
            init=_INSIDE / "init", programs=(), modules=(),
        )  # fmt: skip
        (made / "initrd").write_bytes(started)
        shutil.rmtree(scratch / "usr/lib/modules")
        shutil.rmtree(scratch / "boot")
        make_disk(scratch, made / "disk")
        for used in (scratch, CACHE / "initrd"):
            shutil.rmtree(used)
        made.rename(folder)
    return Computer(folder)


def make_disk(content: Path, disk: Path) -> None:
    """Makes an ext4 file system of a folder."""
    used = sum(path.lstat().st_size for path in content.rglob("*"))
    size_mib = used * 5 // 4 // 2**20 + 64
    run("mke2fs", "-q", "-t", "ext4", "-d", content, disk, f"{size_mib}M")


def _lay_out(root: Path) -> None:
    run(
        "mmdebstrap", "--quiet", "--variant=extract", "--mode=root", "--format=directory",
        "--architectures=amd64,arm64", '--aptopt=APT::Install-Recommends "false"',
        f"--include={','.join(_PACKAGES)}", f"--extract-hook={_TUNING}",
        SUITE, root, "-",
        stdin=sources(Archives(debian=tuple(debian_archives(None)))),
    )  # fmt: skip
    run("depmod", "-b", root, initrd.kernel_version(root))
    for name in ("mnt", "usr/share/libcamera/pipeline"):
        (root / name).mkdir(parents=True, exist_ok=True)


def _add_wheels(root: Path) -> None:
    install = (
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile",
        "--target", root / "opt/site-packages", "--python-version", PYTHON,
        "--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64",
        "--platform", "manylinux_2_27_x86_64", "--platform", "manylinux2014_x86_64",
    )  # fmt: skip
    run(*install, "--require-hashes", "-r", ROOT / "requirements/unit.txt")
    run(*install, *_WHEELS)
    # Compiled under emulation, this would take minutes at each start.
    for folder in ("/opt/site-packages", f"/usr/lib/python{PYTHON}", "/usr/lib/python3"):
        run("chroot", root, "python3", "-m", "compileall", "-q", folder)


if __name__ == "__main__":
    computer()
