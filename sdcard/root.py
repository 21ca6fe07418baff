"""The unit's root file system: packages, our own files, and nothing that is not needed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sdcard import debian, python
from sdcard.coral import Coral
from sdcard.endless import repeat
from sdcard.initrd import kernel_version
from sdcard.profiles import PYTHON, Profile
from sdcard.steps import run, step

CHECKOUT = Path(__file__).resolve().parent.parent
_OVERLAY = Path(__file__).with_name("overlay")
_CI = Path(__file__).with_name("ci")

_UNITS = (
    "boot-firmware.mount",
    "maskcam-broker.service",
    "maskcam-broker.timer",
    "maskcam-console.service",
    "maskcam-data.service",
    "maskcam-prepare.service",
    "maskcam-trial.service",
    "maskcam-unconfigured.service",
    "maskcam-update@.service",
    "maskcam.service",
)
_ENABLED = (
    "maskcam.service",
    "maskcam-broker.service",
    "maskcam-broker.timer",
    "maskcam-console.service",
    "maskcam-data.service",
    "maskcam-trial.service",
    "nftables.service",
    "systemd-networkd.service",
    "systemd-networkd-wait-online.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
)
# No login, no timer of a system that is administered, nothing that writes to the card,
# and nothing that the build has done already: on a slow card each costs a second.
_MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "dev-hugepages.mount",
    "dev-mqueue.mount", "dpkg-db-backup.timer",
    "e2scrub_all.timer", "e2scrub_reap.service", "emergency.service", "fstrim.timer",
    "getty-static.service", "getty@.service", "getty.target", "ldconfig.service",
    "modprobe@configfs.service", "modprobe@fuse.service", "proc-sys-fs-binfmt_misc.automount",
    "rauc-mark-good.service", "rescue.service", "serial-getty@.service",
    "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path", "systemd-firstboot.service", "systemd-homed.service",
    "systemd-hwdb-update.service", "systemd-journal-catalog-update.service",
    "systemd-logind.service", "systemd-networkd-persistent-storage.service",
    "systemd-pcrextend.socket", "systemd-pstore.service", "systemd-random-seed.service",
    "systemd-sysext.socket", "systemd-sysusers.service", "systemd-udev-settle.service",
    "systemd-update-done.service",
    "systemd-userdbd.socket", "user@.service",
)  # fmt: skip

# What only building or administering needs. The package list is read before.
_REMOVED = (
    "boot", "etc/apt", "etc/cron.d", "etc/cron.daily", "etc/hostname", "etc/init.d",
    "etc/initramfs-tools", "etc/kernel", "etc/logrotate.d", "etc/machine-id", "etc/motd",
    "etc/resolv.conf", "etc/rc*.d", "usr/lib/raspi-firmware",
    "usr/bin/apt*", "usr/bin/perl*", "usr/lib/apt", "usr/lib/aarch64-linux-gnu/perl*",
    "usr/share/bash-completion", "usr/share/doc-base", "usr/share/initramfs-tools",
    "usr/share/lintian", "usr/share/perl5", "usr/share/zsh", "usr/lib/python3*/test",
    "usr/lib/python3*/ensurepip", "usr/lib/python3*/idlelib", "usr/lib/python3*/turtledemo",
    "var/cache/*", "var/lib/apt", "var/lib/dpkg", "var/lib/dbus/machine-id", "var/log/*",
    "tmp/*", "usr/sbin/update-initramfs*", "usr/share/common-licenses/*.orig",
)  # fmt: skip
# Families of drivers for what no unit has. Left in: storage, Ethernet, USB, video, GPIO.
_NO_DRIVERS = (
    "sound", "drivers/accel", "drivers/atm", "drivers/bluetooth", "drivers/comedi",
    "drivers/firewire", "drivers/gpu/drm/amd", "drivers/gpu/drm/i915", "drivers/gpu/drm/msm",
    "drivers/gpu/drm/nouveau", "drivers/gpu/drm/radeon", "drivers/gpu/drm/xe",
    "drivers/iio", "drivers/infiniband", "drivers/isdn", "drivers/md/bcache",
    "drivers/media/dvb-frontends", "drivers/media/pci", "drivers/media/radio",
    "drivers/media/rc", "drivers/media/tuners", "drivers/net/can", "drivers/net/ethernet/mellanox",
    "drivers/net/ethernet/broadcom/bnx2x", "drivers/net/ethernet/chelsio",
    "drivers/net/ethernet/intel", "drivers/net/ethernet/qlogic", "drivers/net/wireless",
    "drivers/nfc", "drivers/platform/x86", "drivers/scsi/lpfc", "drivers/scsi/qla2xxx",
    "drivers/thunderbolt", "fs/btrfs", "fs/ceph", "fs/cifs", "fs/gfs2", "fs/nfs", "fs/nfsd",
    "fs/ocfs2", "fs/smb", "fs/xfs", "net/bluetooth", "net/can", "net/ceph", "net/mac80211",
    "net/nfc", "net/sctp", "net/tipc", "net/wireless",
)  # fmt: skip


def with_packages(
    archive: Path,
    profile: Profile,
    *,
    cache: Path,
    scratch: Path,
    native_python: Sequence[str],
) -> Path:
    """Returns an archive of the root with Debian's and Python's packages, compiled and pruned."""
    requirements = CHECKOUT / "requirements/unit.txt"
    key = hashlib.sha256(f"{archive.name}{_NO_DRIVERS}".encode())
    for file in (requirements, Path(python.__file__)):
        key.update(file.read_bytes())
    kept = cache / f"root-{key.hexdigest()[:12]}.tar"
    if kept.exists():
        return kept
    with step("Python packages"):
        debian.unpack(archive, scratch)
        python.install_packages(scratch, requirements)
        if profile.video:  # PyAV reads the street; a unit on a pole has no use for it
            python.install_pinned(scratch, CHECKOUT / "requirements/dev.txt", "av")
    with step("byte code"):
        libraries = (f"usr/lib/python{PYTHON}", "usr/lib/python3/dist-packages")
        python.compile_all(scratch, (str(python.SITE), *libraries), python=native_python)
    with step("keeping the root"):
        kernel = kernel_version(scratch)
        modules = scratch / "usr/lib/modules" / kernel / "kernel"
        for family in _NO_DRIVERS:
            shutil.rmtree(modules / family, ignore_errors=True)
        run("depmod", "-b", scratch, kernel)
        debian.pack(scratch, kept)
    return kept


def install(
    root: Path, profile: Profile, *, scratch: Path, epoch: int, native_python: Sequence[str]
) -> None:
    """Adds maskcam, its units and the settings of a unit."""
    python.install_maskcam(root, CHECKOUT, scratch, epoch=epoch)
    add_settings(root, profile)
    python.compile_all(root, [f"{python.SITE}/maskcam"], python=native_python)


def add_settings(root: Path, profile: Profile) -> None:
    """Adds the units, the rules and all else of a unit that is no package."""
    for overlay in (_OVERLAY, *([_CI] if profile.video else [])):
        shutil.copytree(overlay, root, dirs_exist_ok=True, symlinks=True)
    units = root / "usr/lib/systemd/system"
    for name in _UNITS:
        shutil.copy(CHECKOUT / "systemd" / name, units)
    for name, folder in (
        ("system.conf.d/maskcam-watchdog.conf", "etc/systemd/system.conf.d"),
        ("udev/60-maskcam-coral.rules", "usr/lib/udev/rules.d"),
        ("udev/60-maskcam-pi.rules", "usr/lib/udev/rules.d"),
    ):
        shutil.copy(CHECKOUT / "systemd" / name, root / folder)
    if profile.video:
        service = (CHECKOUT / "systemd/maskcam.service").read_text(encoding="utf-8")
        (units / "maskcam-ci-load.service").write_text(loaded(service))


def install_coral(root: Path, coral: Coral) -> None:
    """Puts the runtime that fits libedgetpu in place of the other, and the compiled model."""
    python.replace_runtime(root, coral.runtime)
    shutil.copy(coral.model, root / python.MODELS / "maskcam_edgetpu.tflite")


def loaded(service: str) -> str:
    """Returns the service with a load in place of the unit, for the test of power cuts.

    Its rights are the same, but for the address filter of its own: the packet filter stays.
    """
    lines = []
    for line in service.splitlines():
        key = line.partition("=")[0]
        if key == "ExecStart":
            program = "/opt/maskcam/bin/python3 /usr/lib/maskcam-ci/load.py %d/maskcam.toml"
            lines += [f"ExecStart={program}", "StandardError=journal"]
            lines += ["StandardOutput=file:/dev/virtio-ports/maskcam.load"]
        elif key == "[Unit]":
            port = r"dev-virtio\x2dports-maskcam.load.device"
            lines += [line, "ConditionKernelCommandLine=maskcam.load"]
            lines += [f"Requires={port}", f"After={port}"]
        elif key == "DevicePolicy":
            lines += [line, "DeviceAllow=/dev/virtio-ports/maskcam.load rw"]
        elif key not in {"IPAddressDeny", "IPAddressAllow"}:
            lines.append(line)
    return "\n".join(lines) + "\n"


def package_version() -> str:
    """Returns maskcam's own version."""
    text = (CHECKOUT / "maskcam/__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "(.+?)"', text)
    return found[1] if found else "0"


def version(epoch: int) -> str:
    """Returns the version of an image: that of maskcam, and when it was made."""
    return f"{package_version()}-{datetime.fromtimestamp(epoch, UTC):%Y%m%d%H%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Which updates the unit takes: signed by `certificate`, for `compatible` hardware.

    system_conf: RAUC's configuration.
    """

    certificate: Path
    compatible: str
    system_conf: str


def settle(root: Path, *, epoch: int, updates: Updates, video: Path | None) -> None:
    """Removes what a unit does not need, and writes the few files that differ from Debian's.

    video: what stands in for the camera.
    """
    for pattern in _REMOVED:
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    # The maintainers' scripts would make some of these; the service hides them from itself.
    for name in ("boot/firmware", "media", "mnt", "srv", "var/log", "var/cache"):
        (root / name).mkdir(parents=True, exist_ok=True)
    if video is not None:
        street = root / "usr/share/maskcam"
        street.mkdir(parents=True, exist_ok=True)
        film = repeat(video.read_bytes(), 120)  # two minutes, for four hours
        (street / "street.mp4").write_bytes(film)
    etc, ours = root / "etc", root / "usr/lib/maskcam"
    (etc / "rauc").mkdir(exist_ok=True)
    shutil.copy(updates.certificate, etc / "rauc/keyring.pem")
    (etc / "rauc/system.conf").write_text(updates.system_conf)
    (ours / "version").write_text(f"{version(epoch)}\n")
    (ours / "compatible").write_text(f"{updates.compatible}\n")
    (etc / "hostname").write_text("maskcam\n")
    for name, target in (("var/run", "/run"), ("var/lock", "/run/lock")):
        if (root / name).is_dir() and not (root / name).is_symlink():
            (root / name).rmdir()
            (root / name).symlink_to(target)
    # Empty: systemd makes one for each start and keeps it in RAM.
    (etc / "machine-id").write_text("")
    (etc / "resolv.conf").unlink(missing_ok=True)
    (etc / "resolv.conf").symlink_to("/run/systemd/resolve/resolv.conf")
    (etc / "fstab").write_text("")
    clock = root / "usr/lib/clock-epoch"
    clock.touch()
    os.utime(clock, (epoch, epoch))
    of_ci = sorted(path.name for path in (root / "usr/lib/systemd/system").glob("maskcam-ci-*"))
    systemctl = ("systemctl", f"--root={root}", "--quiet")
    run(*systemctl, "enable", *_ENABLED, *of_ci)
    run(*systemctl, "mask", *_MASKED)
    run(*systemctl, "set-default", "multi-user.target")
