#!/usr/bin/python3 -I
"""Installs the newest update on a USB stick, then starts it on trial.

It must be signed by the unit's own city (RAUC judges that), made for this hardware, and newer than
the version that runs: with a stick that was left in, an older one would undo the next update. One
that has failed three times is left: a stick that stays in is no reason to try for ever.
"""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("MASKCAM_ROOT", "/"))
HERE = ROOT / "usr/lib/maskcam"
STICK = ROOT / "run/update"
TRIED = ROOT / "run/data/tried"  # a line for each attempt; `trial` removes it after a success
ATTEMPTS = 3


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command; what it writes goes to the journal."""
    return subprocess.run(  # noqa: S603 - our own commands
        command, stdout=subprocess.PIPE, text=True, check=False
    )


def say(text: str) -> None:
    """Writes a line to the journal."""
    sys.stderr.write(f"{text}\n")


def newness(version: str) -> tuple[int, ...]:
    """Returns what versions are ordered by: their numbers."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def read(name: str) -> str:
    """Returns what a file of the image says; nothing where there is none."""
    path = HERE / name
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def facts_of(bundle: Path) -> dict[str, str]:
    """Returns what a bundle says of itself; nothing unless its signature is good."""
    done = run("rauc", "info", "--output-format=shell", str(bundle))
    if done.returncode:
        say(f"{bundle.name}: not signed by this unit's city, or damaged: left")
        return {}
    lines = (line.partition("=") for line in done.stdout.splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


def choose(stick: Path) -> tuple[Path, str] | None:
    """Returns the update to install and its version, or None."""
    running, mine = read("version"), read("compatible")
    tried = TRIED.read_text(encoding="utf-8").splitlines() if TRIED.exists() else []
    fit = []
    for bundle in sorted(stick.glob("*.raucb")):
        facts = facts_of(bundle)
        version = facts.get("RAUC_MF_VERSION", "")
        if facts and facts.get("RAUC_MF_COMPATIBLE") != mine:
            say(f"{bundle.name}: is for {facts.get('RAUC_MF_COMPATIBLE')}, not for {mine}: left")
        elif facts and newness(version) > newness(running):
            fit.append((newness(version), version, bundle))
        elif facts:
            say(f"{bundle.name}: {version} is not newer than what runs, {running}: left")
    for _, version, bundle in sorted(fit, reverse=True):
        if tried.count(version) < ATTEMPTS:
            return bundle, version
        say(f"{bundle.name}: {version} was tried {ATTEMPTS} times and did not work: left")
    return None


def main(device: str) -> int:
    """Looks at a stick that was put in; a second one waits until the first is done."""
    with (HERE / "version").open() as version:
        fcntl.flock(version, fcntl.LOCK_EX)
        return look_at(device)


def look_at(device: str) -> int:
    """Installs the newest update on a stick and restarts the unit; returns the exit code."""
    if run(str(HERE / "slots"), "on-trial").returncode == 0:
        say("this version is itself on trial: put the stick in again when it is found good")
        return 0
    # systemd mounts it, where RAUC sees it too; this service could not.
    mount = ("systemd-mount", "--quiet", "--collect", "--fsck=no")
    options = "--options=ro,nodev,nosuid,noexec"
    if run(*mount, options, f"/dev/{device}", str(STICK)).returncode:
        say(f"{device}: this stick cannot be read; use one with FAT or exFAT")
        return 1
    try:
        chosen = choose(STICK)
        if chosen is None:
            return 0
        bundle, version = chosen
        say(f"update to {version}")
        # Before: an attempt that the power or the new version cuts short has failed, too.
        with TRIED.open("a", encoding="utf-8") as file:
            file.write(f"{version}\n")
            file.flush()
            os.fsync(file.fileno())
        if run("rauc", "install", str(bundle)).returncode:
            say(f"update to {version}: could not be installed")
            return 1
    finally:
        run("systemd-umount", str(STICK))
    # What the firmware of a Raspberry Pi takes for "tryboot.txt, once".
    run("systemctl", "reboot", "--reboot-argument=0 tryboot")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
