"""The Debian packages of every image; a profile adds its own."""

from __future__ import annotations

# Nothing that listens, no shell for guests, no mail, no cron.
COMMON_PACKAGES = (
    "busybox-static",  # the initrd's shell
    "cryptsetup-bin",  # veritysetup
    "dbus",  # RAUC and resolved want it
    "dosfstools",
    "e2fsprogs",
    "iproute2",
    "kmod",
    "libnss-resolve",  # names are resolved without a listening stub
    "libnss-systemd",  # names of dynamic users
    "libstdc++6",  # of the wheels
    "mount",
    "nftables",
    "python3",
    "rauc",
    "rauc-service",
    "systemd",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "tzdata",
    "udev",
)
