"""What a Raspberry Pi needs of the image, and where to look for it.

Most of it is silent when it is missing: a firmware that ignores an overlay, a limit that does
nothing, a camera that no program may open. So the build looks for each thing in the finished
root and boot folder, and so do the tests, in a root of stand-ins. docs/image.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sdcard.profiles import FIELD, Profile

WATCHDOG_S = 15  # the most that the Pi's hardware watchdog counts to
_SYSTEM = "etc/systemd/system.conf.d"
_RULES = "usr/lib/udev/rules.d"
_LIBRARIES = "usr/lib/aarch64-linux-gnu"


class Place(NamedTuple):
    """The finished root, and the folder that becomes the boot partition (see `sdcard.boot`)."""

    root: Path
    boot: Path


class Need(NamedTuple):
    """One thing: its name, the boards that need it, why, and whether it is there."""

    name: str
    boards: str
    why: str
    is_met: Callable[[Place], bool]
    only: Profile | None = None


def lacks(place: Place, profile: Profile) -> list[str]:
    """Returns a line for each thing that is missing."""
    return [
        f"{need.name}: {need.why}"
        for need in NEEDS
        if need.only in {None, profile} and not need.is_met(place)
    ]


def _has(*patterns: str) -> Callable[[Place], bool]:
    return lambda place: all(any(place.root.glob(pattern)) for pattern in patterns)


def _boots(*patterns: str) -> Callable[[Place], bool]:
    return lambda place: all(any(place.boot.glob(pattern)) for pattern in patterns)


def _says(folder: str, pattern: str) -> Callable[[Place], bool]:
    """Returns whether a file below a folder of the root has a line that matches."""

    def look(place: Place) -> bool:
        files = (path for path in (place.root / folder).glob("*") if path.is_file())
        return any(
            re.search(pattern, path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
            for path in files
        )

    return look


def _kernel_is_given(argument: str) -> Callable[[Place], bool]:
    """Returns whether the kernel's command line has an argument."""

    def look(place: Place) -> bool:
        path = place.boot / "slot/cmdline.txt"
        return path.exists() and argument in path.read_text().split()

    return look


def _watchdog_is_short(place: Place) -> bool:
    text = "\n".join(path.read_text() for path in (place.root / _SYSTEM).glob("*.conf"))
    found = dict(re.findall(r"^(RuntimeWatchdogSec|RebootWatchdogSec)=(\d+)$", text, re.MULTILINE))
    return len(found) == 2 and all(int(seconds) < WATCHDOG_S for seconds in found.values())


def _gpiozero_is_new(place: Place) -> bool:
    """2.0.1.post3 is the first that finds the pins of a Pi 5 whatever its kernel."""
    found = place.root.glob("opt/maskcam/lib/python3*/site-packages/gpiozero-*.dist-info")
    versions = [path.name.removesuffix(".dist-info").partition("-")[2] for path in found]
    numbers = [tuple(int(number) for number in re.findall(r"\d+", text)) for text in versions]
    return any(number >= (2, 0, 1, 3) for number in numbers)


def _alternatives_are_chosen(place: Place) -> bool:
    for name in ("blas", "lapack"):
        candidate = place.root / _LIBRARIES / name / f"lib{name}.so.3"
        if candidate.exists() and not (place.root / _LIBRARIES / f"lib{name}.so.3").exists():
            return False
    return True


NEEDS = (
    Need("start4.elf, fixup4.dat", "Pi 4", "without them a Pi 4 shows nothing at all",
         _boots("start4.elf", "fixup4.dat")),
    Need("bcm2711 device trees", "Pi 4", "the kernel learns of no hardware",
         _boots("slot/bcm2711-rpi-4-b.dtb")),
    Need("bcm2712 device trees", "Pi 5", "the same; bcm2712d0 is its second stepping",
         _boots("slot/bcm2712-rpi-5-b.dtb", "slot/bcm2712d0-rpi-5-b.dtb"), FIELD),
    Need("overlays/README", "both", "the firmware ignores the overlays of a slot without it",
         _boots("slot/overlays/README")),
    Need("overlays of the cameras", "both", "camera_auto_detect finds no sensor",
         _boots("slot/overlays/imx708.dtbo"), FIELD),
    Need("cgroup_enable=memory", "both", "the firmware switches it off: MemoryMax= does nothing",
         _kernel_is_given("cgroup_enable=memory")),
    Need("cpufreq.default_governor", "both", "its kernel stays at the lowest clock: 600 MHz",
         _kernel_is_given("cpufreq.default_governor=ondemand")),
    Need("rights on /dev/dma_heap", "both", "libcamera can get no buffers",
         _says(_RULES, r'SUBSYSTEM=="dma_heap".*GROUP="video"')),
    Need("/dev/dma_heap/vidbuf_cached", "both", "libcamera looks for it first",
         _says(_RULES, r'SYMLINK\+="dma_heap/vidbuf_cached"')),
    Need("rights on /dev/gpiochip*", "both", "neither lamp nor button works",
         _says(_RULES, r'SUBSYSTEM=="gpio", KERNEL=="gpiochip\*", GROUP="plugdev"')),
    Need("/dev/gpiochip4", "Pi 5", "older programs look for the pins there",
         _says(_RULES, r'SYMLINK\+="gpiochip4"')),
    Need("gpiozero 2.0.1.post3", "Pi 5", "older ones find no pins on a kernel since 6.6.45",
         _gpiozero_is_new),
    Need("lgpio", "both", "gpiozero reaches no pin",
         _has("usr/lib/python3/dist-packages/lgpio.py"), FIELD),
    Need("picamera2", "both", "there is no camera",
         _has("usr/lib/python3/dist-packages/picamera2/__init__.py"), FIELD),
    Need("libcamera-ipa", "both", "libcamera knows no sensor; it is only recommended",
         _has(f"{_LIBRARIES}/libcamera/**/ipa_rpi_*.so*"), FIELD),
    Need("tuning of the sensors", "both", "exposure and colours of an unknown sensor",
         _has("usr/share/libcamera/ipa/rpi/vc4/imx708.json",
              "usr/share/libcamera/ipa/rpi/pisp/imx708.json"), FIELD),
    Need("alternatives", "both", "Debian's numpy and PyAV do not load", _alternatives_are_chosen),
    Need("ld.so.cache", "both", "libraries in folders of their own are not found",
         _has("etc/ld.so.cache")),
    Need("watchdogs under 15 s", "both", "the hardware counts no further: it would never act",
         _watchdog_is_short),
)  # fmt: skip
