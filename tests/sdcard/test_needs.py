"""What a Raspberry Pi needs is in a root that the recipe makes of stand-ins for the packages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sdcard import boot, configure, disk, needs, root
from sdcard.needs import NEEDS, Place, lacks
from sdcard.profiles import FIELD
from sdcard.sealed import Sealed
from tests.sdcard.conftest import ROOT

PACKED = Sealed(Path("root.img"), "ab" * 32, 4096 * 1000)
LIBRARIES = "usr/lib/aarch64-linux-gnu"
PYTHON = "usr/lib/python3/dist-packages"
KERNEL = "6.12.34+rpt-rpi-v8"

# What the packages of the Raspberry Pi archive hold, as far as anybody asks for it. The packages
# in brackets come as dependencies.
PACKAGES = {
    "raspi-firmware": ["usr/lib/raspi-firmware/start4.elf", "usr/lib/raspi-firmware/fixup4.dat"],
    "linux-image-rpi-v8": [
        f"boot/vmlinuz-{KERNEL}",
        f"usr/lib/modules/{KERNEL}/modules.order",
        f"usr/lib/linux-image-{KERNEL}/broadcom/bcm2711-rpi-4-b.dtb",
        f"usr/lib/linux-image-{KERNEL}/broadcom/bcm2712-rpi-5-b.dtb",
        f"usr/lib/linux-image-{KERNEL}/broadcom/bcm2712d0-rpi-5-b.dtb",
        f"usr/lib/linux-image-{KERNEL}/overlays/imx708.dtbo",
    ],
    "python3-picamera2": [f"{PYTHON}/picamera2/__init__.py", f"{LIBRARIES}/blas/libblas.so.3",
                          f"{LIBRARIES}/lapack/liblapack.so.3"],
    "python3-lgpio": [f"{PYTHON}/lgpio.py"],
    "libcamera-ipa": [
        f"{LIBRARIES}/libcamera/ipa/ipa_rpi_vc4.so",
        "usr/share/libcamera/ipa/rpi/vc4/imx708.json",
        "usr/share/libcamera/ipa/rpi/pisp/imx708.json",
    ],
    "(libc-bin)": ["etc/ld.so.cache"],
}  # fmt: skip


def put(folder: Path, name: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("stand-in\n")


@pytest.fixture
def place(tmp_path) -> Place:
    """The root and the boot folder that the recipe makes of the profile's packages."""
    made = tmp_path / "root"
    wanted = {*FIELD.packages, FIELD.kernel, FIELD.firmware}
    for package, files in PACKAGES.items():
        if package in wanted or package.startswith("("):
            for name in files:
                put(made, name)
    for pin in re.findall(
        r"^([a-z-]+)==([\w.]+)", (ROOT / "requirements/unit.txt").read_text(), re.M
    ):
        package = "{}-{}.dist-info/METADATA".format(pin[0].replace("-", "_"), pin[1])
        put(made, f"opt/maskcam/lib/python3.13/site-packages/{package}")
    for folder in ("usr/lib/systemd/system", "usr/lib/udev/rules.d", "etc/systemd/system.conf.d"):
        (made / folder).mkdir(parents=True)
    configure.choose_alternatives(made)
    root.add_settings(made, FIELD)
    starter = boot.save(made, tmp_path / "boot")
    boot.card_files(FIELD, starter, PACKED)
    return Place(made, starter)


def test_the_recipe_leaves_nothing_out(place):
    assert lacks(place, FIELD) == []


SPOILED = {
    "start4.elf, fixup4.dat": lambda p: (p.boot / "fixup4.dat").unlink(),
    "bcm2711 device trees": lambda p: (p.boot / "slot/bcm2711-rpi-4-b.dtb").unlink(),
    "bcm2712 device trees": lambda p: (p.boot / "slot/bcm2712d0-rpi-5-b.dtb").unlink(),
    "overlays/README": lambda p: (p.boot / "slot/overlays/README").unlink(),
    "overlays of the cameras": lambda p: (p.boot / "slot/overlays/imx708.dtbo").unlink(),
    "cgroup_enable=memory": lambda p: edit(p.boot / "slot/cmdline.txt", "cgroup_enable=memory "),
    "cpufreq.default_governor": lambda p: edit(
        p.boot / "slot/cmdline.txt", "cpufreq.default_governor=ondemand "
    ),
    "rights on /dev/dma_heap": lambda p: edit(
        p.root / "usr/lib/udev/rules.d/60-maskcam-pi.rules", 'GROUP="video"'
    ),
    "/dev/dma_heap/vidbuf_cached": lambda p: edit(
        p.root / "usr/lib/udev/rules.d/60-maskcam-pi.rules", "vidbuf_cached"
    ),
    "rights on /dev/gpiochip*": lambda p: edit(
        p.root / "usr/lib/udev/rules.d/60-maskcam-pi.rules", 'GROUP="plugdev"'
    ),
    "/dev/gpiochip4": lambda p: edit(
        p.root / "usr/lib/udev/rules.d/60-maskcam-pi.rules", 'SYMLINK+="gpiochip4"'
    ),
    "gpiozero 2.0.1.post3": lambda p: older(p.root, "gpiozero"),
    "lgpio": lambda p: (p.root / PYTHON / "lgpio.py").unlink(),
    "picamera2": lambda p: shutil.rmtree(p.root / PYTHON / "picamera2"),
    "libcamera-ipa": lambda p: shutil.rmtree(p.root / LIBRARIES / "libcamera"),
    "tuning of the sensors": lambda p: shutil.rmtree(p.root / "usr/share/libcamera/ipa/rpi/pisp"),
    "alternatives": lambda p: (p.root / LIBRARIES / "libblas.so.3").unlink(),
    "ld.so.cache": lambda p: (p.root / "etc/ld.so.cache").unlink(),
    "watchdogs under 15 s": lambda p: edit(
        p.root / "etc/systemd/system.conf.d/maskcam-watchdog.conf", "RebootWatchdogSec=14"
    ),
}


def edit(path: Path, old: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, ""))


def older(made: Path, package: str) -> None:
    (found,) = made.glob(f"opt/maskcam/lib/python3*/site-packages/{package}-*.dist-info")
    found.rename(found.with_name(f"{package}-2.0.1.dist-info"))


def test_each_need_has_its_case():
    assert set(SPOILED) == {need.name for need in NEEDS}


@pytest.mark.parametrize("name", SPOILED)
def test_each_thing_that_is_missing_is_named(place, name):
    SPOILED[name](place)
    assert [line.partition(": ")[0] for line in lacks(place, FIELD)] == [name]


def test_the_document_lists_every_need():
    text = (ROOT / "docs/image.md").read_text(encoding="utf-8")
    missing = [need.name for need in NEEDS if f"| {need.name} |" not in text]
    assert missing == []


def test_a_card_of_a_gibibyte_holds_both_slots_with_room_for_picamera2():
    assert needs.WATCHDOG_S == 15
    assert disk.ROOT_MIB >= 359 * 1.2
    assert disk.CARD_MIB <= 1024
