"""The signed update for units that run already: a RAUC bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

from sdcard.boot import SLOTS, arguments
from sdcard.profiles import Profile
from sdcard.release import SigningKey
from sdcard.sealed import Sealed
from sdcard.steps import run

_HOOK = Path(__file__).with_name("hook")
_MANIFEST = """\
[update]
compatible={compatible}
version={version}

[bundle]
format=verity

[hooks]
filename=hook

[image.rootfs]
filename=root.img
hooks=post-install
"""
_SYSTEM = """\
[system]
compatible={compatible}
bootloader=custom
bundle-formats=verity
mountprefix=/run/rauc
statusfile=/run/data/rauc.status

[handlers]
bootloader-custom-backend=/usr/lib/maskcam/slots

[keyring]
path=/etc/rauc/keyring.pem
# Judged by the unit's own time (use-bundle-signing-time would take expired keys, whose signer
# names the time): without a network it is that of the image or of the last run, never earlier.
use-bundle-signing-time=false
"""
_SLOT = """
[slot.rootfs.{number}]
device=/dev/disk/by-partuuid/{uuid}
type=raw
bootname={name}
"""


def compatible(profile: Profile) -> str:
    """Returns what an update must be made for."""
    return f"maskcam-{profile.name}"


def system_conf(profile: Profile) -> str:
    """Returns RAUC's configuration in the root."""
    slots = (
        _SLOT.format(number=number, uuid=part.uuid, name=name)
        for number, (name, part) in enumerate(SLOTS.items())
    )
    return _SYSTEM.format(compatible=compatible(profile)) + "".join(slots)


def make(
    output: Path,
    profile: Profile,
    *,
    packed: Sealed,
    slot: Path,
    version: str,
    key: SigningKey,
    scratch: Path,
) -> None:
    """Writes the update: the sealed root, and what goes into its slot's boot folder.

    slot: folder with kernel, initrd and device trees.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    shutil.copy(packed.file, scratch / "root.img")
    shutil.copy(_HOOK, scratch / "hook")
    (scratch / "hook").chmod(0o755)
    shutil.copytree(slot, scratch / "boot", ignore=shutil.ignore_patterns("cmdline.txt"))
    for name in SLOTS:
        text = arguments(profile, packed, name)
        (scratch / f"cmdline-{name}.txt").write_text(text, encoding="utf-8")
    manifest = _MANIFEST.format(compatible=compatible(profile), version=version)
    (scratch / "manifest.raucm").write_text(manifest, encoding="utf-8")
    output.unlink(missing_ok=True)
    run(
        "rauc", "bundle", f"--cert={key.certificate}", f"--key={key.key}",
        f"--keyring={key.certificate}", scratch, output,  # which it then checks it against
    )  # fmt: skip
