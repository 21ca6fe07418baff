"""scripts/build-image: one recipe, from the command line to the signed image."""

from __future__ import annotations

import sys
from pathlib import Path

from sdcard import (
    boot,
    bundle,
    debian,
    disk,
    host,
    initrd,
    needs,
    options,
    release,
    root,
    sealed,
)
from sdcard.options import SUFFIX, Options
from sdcard.root import CHECKOUT
from sdcard.steps import BuildError, run, step

MIB = 1024 * 1024
_STREET = ("--size", "640x360", "--fps", "12", "--seconds", "120", "--people-per-minute", "20")


def main(arguments: list[str] | None = None) -> int:
    """Builds an image; returns the exit code."""
    try:
        wanted = options.read(arguments)
    except BuildError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"build-image: {line}\n")
        return 2
    try:
        with host.arm_programs():
            _build(wanted)
    except (BuildError, OSError) as error:
        sys.stderr.write(f"build-image: {error}\n")
        return 1
    return 0


def _build(wanted: Options) -> None:
    profile, cache, epoch = wanted.profile, wanted.cache, wanted.epoch
    work = cache.parent / "work"
    for folder in (cache, work):
        folder.mkdir(parents=True, exist_ok=True)
    archives = debian.Archives(
        debian=wanted.debian,
        pi=wanted.pi_archive,
        pi_key=wanted.pi_key,
        packages=(wanted.coral.libedgetpu,) if wanted.coral else (),
    )
    packages = debian.root_archive(profile, archives, cache=cache, scratch=work / "root")
    python = debian.native_python(archives, cache=cache)
    kept = root.with_packages(
        packages, profile, cache=cache, scratch=work / "root", native_python=python
    )
    video = _street(wanted) if profile.video else None
    tree, stem = work / "root", wanted.output.name.removesuffix(SUFFIX)
    with step("maskcam and its settings"):
        debian.unpack(kept, tree)
        root.install(tree, profile, scratch=work / "wheel", epoch=epoch, native_python=python)
        if wanted.coral:
            root.install_coral(tree, wanted.coral)
    with step("list of contents"):
        count = release.list_contents(
            tree, wanted.output.with_name(f"{stem}.cdx.json"), epoch=epoch
        )
    with step("initrd, kernel and firmware"):
        starter = boot.save(tree, work / "boot")
        drivers = profile.root_drivers
        small = initrd.make(tree, work / "initrd", drivers=drivers, epoch=epoch)
        (starter / "slot/initrd").write_bytes(small)
    with step("squashfs and dm-verity"):
        root.settle(
            tree,
            epoch=epoch,
            updates=root.Updates(
                certificate=wanted.signing.certificate,
                compatible=bundle.compatible(profile),
                system_conf=bundle.system_conf(profile),
            ),
            video=video,
        )
        packed = sealed.seal(tree, work / "root.img", epoch=epoch)
    with step("card"):
        files = boot.card_files(profile, starter, packed)
        if missing := needs.lacks(needs.Place(tree, starter), profile):
            raise BuildError("a Raspberry Pi would miss: " + "; ".join(missing))
        disk.make_boot(work / "boot.img", files, epoch=epoch)
        disk.put_together(work / "card.img", boot=work / "boot.img", root=packed.file)
    with step("compression and signature"):
        release.compress(work / "card.img", wanted.output)
        checksum = release.sign(wanted.output, wanted.signing)
    with step("update for units that run already"):
        bundle.make(
            wanted.output.with_name(f"{stem}.raucb"),
            profile,
            packed=packed,
            slot=starter / "slot",
            version=root.version(epoch),
            key=wanted.signing,
            scratch=work / "bundle",
        )
    size = wanted.output.stat().st_size // MIB
    raw = (work / "card.img").stat().st_size // MIB
    sys.stdout.write(
        f"{wanted.output}: {size} MiB ({raw} MiB unpacked), {count} packages inside\n"
        f"SHA-256 {checksum}\n"
    )


def _street(wanted: Options) -> Path:
    """Returns the video that stands in for the camera, rendered unless one is given."""
    if wanted.street:
        return wanted.street
    video = wanted.cache / "street.mp4"
    if not video.exists():
        with step("a street in place of the camera"):
            made = video.with_name("street.new.mp4")
            run(CHECKOUT / "scripts/render-street", made, *_STREET)
            made.rename(video)
    return video


if __name__ == "__main__":
    sys.exit(main())
