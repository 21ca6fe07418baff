"""The command line of scripts/build-image, and all that can be wrong with it."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from sdcard import archive_key, coral, host
from sdcard.coral import Coral
from sdcard.profiles import PROFILES, SUITE, Profile
from sdcard.release import SigningKey
from sdcard.root import CHECKOUT
from sdcard.steps import BuildError, run

SUFFIX = ".img.zst"
_EXAMPLES = """\
examples:
  scripts/build-image --profile ci --output build/maskcam-ci.img.zst
  scripts/build-image --profile field --output maskcam.img.zst \\
      --pi-archive URL --pi-key raspberrypi-archive.gpg \\
      --signing-key city.key --signing-certificate city.crt

Beside the image it writes FILE.sha256, its signature FILE.sha256.sig, the update for
units that run already (.raucb), and what is inside (.cdx.json).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A build that can begin. Attributes as in --help; epoch: the time that everything bears."""

    profile: Profile
    output: Path
    cache: Path
    epoch: int
    debian: tuple[tuple[str, str], ...]
    pi_archive: str | None
    pi_key: Path | None
    coral: Coral | None
    signing: SigningKey
    street: Path | None


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    made = argparse.ArgumentParser(
        prog="scripts/build-image",
        description="Build the SD image of a unit: needs root, Debian's tools, and minutes.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--profile",
        required=True,
        choices=sorted(PROFILES),
        help="ci: boots in QEMU, a rendered street for a camera; field: for a pole",
    )
    made.add_argument("--output", required=True, type=Path, metavar=f"FILE{SUFFIX}")
    made.add_argument(
        "--mirror", metavar="URL", help="of Debian (default: that of this machine's apt)"
    )
    made.add_argument("--pi-archive", metavar="URL", help="of the Raspberry Pi archive (field)")
    made.add_argument(
        "--pi-key",
        type=Path,
        metavar="FILE",
        help="that it is signed with: raspberrypi-archive-keyring 2025 or newer (field)",
    )
    made.add_argument(
        "--coral",
        type=Path,
        metavar="FILE",
        help="coral.toml: runtime, libedgetpu and compiled model for a Coral (default: the CPU)",
    )
    made.add_argument(
        "--signing-key",
        type=Path,
        metavar="FILE",
        help="private key, PEM (ci: default is a throw-away key in the cache)",
    )
    made.add_argument(
        "--signing-certificate",
        type=Path,
        metavar="FILE",
        help="its certificate, PEM: units take updates signed by it only",
    )
    made.add_argument(
        "--street",
        type=Path,
        metavar="FILE",
        help="video for a camera (ci; default: two minutes are rendered)",
    )
    made.add_argument(
        "--cache",
        type=Path,
        default=CHECKOUT / "build/image/cache",
        metavar="DIR",
        help="for what takes long (default: %(default)s)",
    )
    made.add_argument("--fresh", action="store_true", help="ask the archives again, use no cache")
    return made


def read(arguments: list[str] | None = None) -> Options:
    """Reads the command line.

    Raises:
        BuildError: with a line for each thing that is wrong or missing.
    """
    given = parser().parse_args(arguments)
    profile = PROFILES[given.profile]
    cache = given.cache.resolve()
    faults = [*host.faults(), *_output_faults(given.output), *_field_faults(given, profile)]
    debian: list[tuple[str, str]] = []
    signing = _signing(given, profile, cache, faults)
    epoch = _epoch(faults)
    found_coral = None
    if given.coral:
        found_coral, wrong = coral.read(given.coral.resolve(), model=CHECKOUT / coral.MODEL)
        faults += wrong
    if given.street and not given.street.is_file():
        faults.append(f"--street {given.street}: no such file")
    if not faults:
        try:
            debian = host.debian_archives(given.mirror)
        except BuildError as error:
            faults.append(str(error))
        archives = [*debian, *([(given.pi_archive, SUITE)] if given.pi_archive else [])]
        faults += filter(None, (host.archive_fault(url, suite) for url, suite in archives))
    if faults or signing is None:
        raise BuildError("\n".join(faults))
    if given.fresh:
        for archive in cache.glob("*.tar"):
            archive.unlink()
    return Options(
        profile=profile,
        output=given.output.resolve(),
        cache=cache,
        epoch=epoch,
        debian=tuple(debian),
        pi_archive=given.pi_archive,
        pi_key=given.pi_key and given.pi_key.resolve(),
        coral=found_coral,
        signing=signing,
        street=given.street and given.street.resolve(),
    )


def _output_faults(output: Path) -> list[str]:
    if not output.name.endswith(SUFFIX) or output.name == SUFFIX:
        return [f"--output {output}: name it FILE{SUFFIX}"]
    if not output.resolve().parent.is_dir():
        return [f"--output {output}: there is no folder {output.resolve().parent}; make it first"]
    return []


def _field_faults(given: argparse.Namespace, profile: Profile) -> list[str]:
    if not profile.from_pi_archive:
        return []
    wanted = ("pi_archive", "pi_key", "signing_key", "signing_certificate")
    absent = [f"--{name.replace('_', '-')}" for name in wanted if getattr(given, name) is None]
    if absent:
        return [f"the profile {profile.name} also needs {', '.join(absent)}; see --help"]
    if not given.pi_key.is_file():
        return [f"{given.pi_key}: no such file"]
    return list(filter(None, [archive_key.fault(given.pi_key)]))


def _signing(
    given: argparse.Namespace, profile: Profile, cache: Path, faults: list[str]
) -> SigningKey | None:
    pair = (given.signing_key, given.signing_certificate)
    if all(pair):
        key = SigningKey(*(path.resolve() for path in pair))
        if fault := key.fault():
            faults.append(fault)
        return key
    if any(pair):
        faults.append("--signing-key and --signing-certificate belong together; give both")
    elif not profile.from_pi_archive and not faults:
        return SigningKey.throw_away(cache / "signing")
    return None


def _epoch(faults: list[str]) -> int:
    """Returns the time of the last commit, unless SOURCE_DATE_EPOCH sets another."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return int(
            given if given is not None else run("git", "-C", CHECKOUT, "log", "-1", "--format=%ct")
        )
    except (ValueError, BuildError):
        faults.append("SOURCE_DATE_EPOCH: set it to seconds since 1970 (this is no git checkout)")
        return 0
