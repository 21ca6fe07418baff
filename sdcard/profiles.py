"""The two images: what they share, and the few lines in which they differ."""

from __future__ import annotations

from dataclasses import dataclass

SUITE = "trixie"
PYTHON = "3.13"  # that of the suite
ARCHITECTURE = "arm64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one image differs from the other.

    kernel: the package. packages: besides the common ones. firmware: package that
    holds what a Pi 4's boot ROM loads. config_txt: lines of the firmware's
    configuration. console: kernel arguments. root_drivers: modules that may be
    needed to reach the card; those that a kernel has built in are left out.
    from_pi_archive: whether packages come from the Raspberry Pi archive as well.
    video: whether a rendered street stands in for the camera.
    """

    name: str
    kernel: str
    firmware: str
    console: str
    packages: tuple[str, ...] = ()
    config_txt: tuple[str, ...] = ()
    root_drivers: tuple[str, ...] = ()
    from_pi_archive: bool = False
    video: bool = False


CI = Profile(
    name="ci",
    kernel="linux-image-arm64",
    firmware="raspi-firmware",
    console="console=tty1 console=ttyAMA0,115200",
    config_txt=("upstream_kernel=1",),
    root_drivers=(
        *("virtio_pci", "virtio_mmio", "virtio_blk", "sdhci_iproc", "mmc_block"),
        *("bcm2835", "dwc2", "usbnet", "cdc_ether", "rndis_host"),  # of QEMU's raspi3b
    ),
    video=True,
)

FIELD = Profile(
    name="field",
    kernel="linux-image-rpi-v8",
    firmware="raspi-firmware",
    console="console=tty1",
    # libcamera-ipa, which knows the sensors, is only recommended by libcamera.
    packages=("python3-picamera2", "libcamera-ipa", "python3-lgpio"),
    config_txt=("camera_auto_detect=1", "dtparam=watchdog=on"),
    root_drivers=("sdhci_iproc", "sdhci_brcmstb", "mmc_block"),
    from_pi_archive=True,
)

PROFILES = {profile.name: profile for profile in (CI, FIELD)}
