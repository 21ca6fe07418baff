"""A unit's provisioning folder: is it complete, right, and made for one unit?

Standard library only, so that `scripts/setup-unit` runs on any Linux laptop and says
what the unit itself would say.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from maskcam import config
from maskcam.config import Config
from maskcam.errors import ConfigError, UsageError
from maskcam.messages import say
from maskcam.technician.certificates import SOON_DAYS, TlsFiles, examine

CONFIG, CA, CERTIFICATE, KEY = FILES = ("maskcam.toml", "ca.crt", "client.crt", "client.key")
FOLDER: Final = "maskcam"  # on the card, and in what city hall makes for a unit
MAX_FILE_BYTES: Final = 64 * 1024


class ProvisioningError(UsageError):
    """The folder or the card is not fit for use; the message has a line for each fault."""


def examine_folder(folder: Path, *, today: date | None) -> list[str]:
    """Checks a provisioning folder from city hall.

    Args:
        folder: holds the four files.
        today: the local date; None where the clock is not set yet, as at a unit's boot:
            then nothing is judged by its date.

    Returns:
        notes that do not stand in the way, such as a certificate that expires soon.

    Raises:
        ProvisioningError: with a line for each fault.
    """
    if faults := _place_faults(folder) or _file_faults(folder):
        raise ProvisioningError("\n".join(faults))
    loaded, config_faults = _read_config(folder, today)
    unit = loaded.unit.id if loaded else None
    files = TlsFiles(folder / CA, folder / CERTIFICATE, folder / KEY)
    report = examine(files, unit=unit, today=today)
    if faults := [*(f"{CONFIG}: {fault}" for fault in config_faults), *report.faults]:
        raise ProvisioningError("\n".join(faults))
    assert loaded is not None
    notes = []
    if report.days_left is not None and report.days_left < SOON_DAYS:
        days = f"{report.days_left:.0f}"
        notes.append(
            say("the certificates expire in {days} days; ask for new ones soon", days=days)
        )
    if today is not None and loaded.notice.sign_date > today:
        notes.append(
            say(
                "the sign goes up on {day}: before this day the unit does not count",
                day=loaded.notice.sign_date,
            )
        )
    return notes


def _place_faults(folder: Path) -> list[str]:
    if not folder.is_dir():
        return [f"{folder}: " + say("no such folder; give the one from city hall")]
    if (folder / CONFIG).exists():
        return []
    if (folder / FOLDER / CONFIG).is_file():
        return [f"{folder}: " + say("one folder too high; give {inner}", inner=folder / FOLDER)]
    units = [path for at in ("*", f"*/{FOLDER}") for path in sorted(folder.glob(f"{at}/{CONFIG}"))]
    if units:
        names = ", ".join(str(path.parent.relative_to(folder)) for path in units[:4])
        return [
            f"{folder}: " + say("holds folders of units ({names}); give one of them", names=names)
        ]
    if not any((folder / name).exists() for name in FILES):
        return [_file_fault(folder, CONFIG) or ""]  # one line for all: it is another folder
    return []


def _file_faults(folder: Path) -> list[str]:
    wrong = [fault for name in FILES if (fault := _file_fault(folder, name))]
    return [*wrong, *_foreign_keys(folder)]


def _file_fault(folder: Path, name: str) -> str | None:
    """Returns what is wrong with one of the four files, or None."""
    try:
        size = len(_beginning(folder / name))
    except FileNotFoundError:
        if (folder / f"{name}.txt").exists():
            return say(
                "{name} is called {name}.txt in {folder}; take the .txt away",
                name=name,
                folder=folder,
            )
        return say(
            "{name} is missing in {folder}; copy the whole folder from city hall",
            name=name,
            folder=folder,
        )
    except OSError as error:
        return say(
            "{name} cannot be read ({why}); copy the folder again",
            name=name,
            why=error.strerror,
        )
    if size == 0:
        return say("{name} is empty; copy the folder from city hall again", name=name)
    if size > MAX_FILE_BYTES:
        return say(
            "{name} is over {size} KiB: not a unit's file",
            name=name,
            size=MAX_FILE_BYTES // 1024,
        )
    return None


def _foreign_keys(folder: Path) -> list[str]:
    """Returns a fault for each private key that a unit has no use for."""
    return [
        say(
            "{name} holds a private key that is not this unit's; "
            "take it out of the folder and keep it at city hall",
            name=path.name,
        )
        for path in sorted(folder.iterdir())
        if path.name not in FILES and _holds_private_key(path)
    ]


def _beginning(path: Path) -> bytes:
    """Returns what a file of the unit may hold, and one byte more; a film may lie there, too."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _holds_private_key(path: Path) -> bool:
    try:
        return path.is_file() and b"PRIVATE KEY-----" in _beginning(path)
    except OSError:
        return False


def _read_config(folder: Path, today: date | None) -> tuple[Config | None, list[str]]:
    """Returns what the file says, and its faults."""
    path = folder / CONFIG
    try:
        loaded = config.load(path, environment={})
        config.refuse_examples(loaded)
    except ConfigError as error:
        return None, [line.removeprefix(f"{path}: ") for line in str(error).splitlines()]
    return loaded, _demands(loaded, folder.resolve(), today)


def _demands(loaded: Config, folder: Path, today: date | None) -> list[str]:
    """Returns what a unit on a pole asks for besides what any configuration must be."""
    broker = loaded.broker
    wanted = {"ca": CA, "certificate": CERTIFICATE, "key": KEY}
    faults = [
        f"[broker] {key}: " + say('must be "{name}", the file beside it in the folder', name=name)
        for key, name in wanted.items()
        if getattr(broker, key) != folder / name
    ]
    if broker.insecure:
        faults.append(
            "[broker] insecure: " + say("counts would be sent in the clear; remove the key")
        )
    ends = loaded.notice.deployment_ends
    if today is not None and ends is not None and ends < today:
        faults.append(
            f"[notice] deployment_ends = {ends}: " + say("is over; the unit would not count")
        )
    return faults
