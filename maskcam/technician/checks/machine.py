"""The machine: clock, lamp, button, storage, temperature, power."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from maskcam.config import ObjectionsSection
from maskcam.errors import MaskcamError
from maskcam.technician.finding import Finding
from maskcam.technician.mounts import file_system_of
from maskcam.unit import vitals
from maskcam.unit.button import Button
from maskcam.unit.lamp import Lamp

FREE_MIB = 16
LAMP_S = 2.0
# A Raspberry Pi slows down from 80 degrees on (documentation of config.txt, temp_soft_limit).
HOT_C = 80.0


def clock(synchronised: Callable[[], bool]) -> Finding:
    """Checks whether the system clock is disciplined; without that no minute is stamped."""
    try:
        good = synchronised()
    except OSError as error:
        return Finding.fault("clock", f"unknown ({error.strerror})")
    if good:
        return Finding.ok("clock", "synchronised")
    return Finding.fault(
        "clock",
        "not synchronised",
        "connect the network and let NTP (UDP port 123) out; wait 2 min",
    )


def lamp(gpio: int | None, *, pin_factory: Any = None, seconds: float = LAMP_S) -> Finding:
    """Lights the lamp for a moment; whether it shines only the technician can see."""
    if gpio is None:
        return Finding.absent("lamp", "none is configured")
    try:
        with Lamp(gpio, pin_factory=pin_factory) as light:
            light.light(seconds)
            time.sleep(seconds)
    except MaskcamError:
        return Finding.fault(
            "lamp",
            f"GPIO {gpio} cannot be used; the unit counts without a lamp",
            "switch off and on; if it stays so, tell city hall: gpio in [lamp] is wrong",
        )
    return Finding.ok(
        "lamp", f"GPIO {gpio} was lit for {seconds:g} s: if it was dark, turn the LED"
    )


def button(config: ObjectionsSection, *, pin_factory: Any = None) -> Finding:
    """Checks whether the push button can be read and is not down: then nobody would be counted."""
    gpio = config.button_gpio
    if gpio is None:
        return Finding.absent("button", "none is configured")
    try:
        with Button(gpio, pause_s=config.button_pause_s, pin_factory=pin_factory) as pushed:
            held = pushed.is_held
    except MaskcamError:
        return Finding.fault(
            "button",
            f"GPIO {gpio} cannot be used",
            "switch off and on; if it stays so, tell city hall: button_gpio is wrong",
        )
    if held:
        advice = "free it; it belongs between the pin and ground, and opens when it is let go"
        return Finding.fault("button", f"GPIO {gpio} is held down: nobody is counted", advice)
    return Finding.ok("button", f"GPIO {gpio}; a press pauses for {config.button_pause_s:g} s")


def storage(directory: Path) -> Finding:
    """Checks whether counts can be kept in `directory` through a power cut."""
    advice = "the data partition is missing or broken: flash the card again, or take another"
    probe = directory / f".maskcam-check-{os.getpid()}"
    try:
        with probe.open("xb") as file:
            file.write(b"\0" * 4096)
            os.fsync(file.fileno())
        room = os.statvfs(directory)
    except FileNotFoundError:
        return Finding.fault("storage", f"{directory} is not there", advice)
    except OSError as error:
        return Finding.fault("storage", f"{directory} cannot be written ({error.strerror})", advice)
    finally:
        with suppress(OSError):
            probe.unlink()
    free_mib = room.f_bavail * room.f_frsize / 2**20
    if free_mib < FREE_MIB:
        return Finding.fault(
            "storage",
            f"{directory}: {free_mib:.1f} MiB free",
            "flash the card again, or take a larger one",
        )
    if file_system_of(directory) in {"tmpfs", "ramfs"}:
        return Finding.fault(
            "storage", f"{directory} is in memory: counts would not outlive a power cut", advice
        )
    return Finding.ok("storage", f"{directory}: {free_mib:.0f} MiB free")


def temperature(root: Path) -> Finding:
    """Reports how hot the hottest sensor of the processor is."""
    hottest = vitals.temperature_c(root)
    if hottest is None:
        return Finding.absent("temperature", "no sensor")
    if hottest >= HOT_C:
        return Finding.fault(
            "temperature", f"{hottest:.0f} °C", "give the box shade, air or a heat sink"
        )
    return Finding.ok("temperature", f"{hottest:.0f} °C")


def power(root: Path) -> Finding:
    """Checks whether a Raspberry Pi has had enough power since it was switched on."""
    advice = "use the Pi's own power supply and a short cable; power the hub by itself"
    held = vitals.throttling(root)
    if held is not None:
        if held.now:
            return Finding.fault("power", f"{', '.join(held.now)} now", advice)
        if held.earlier:
            return Finding.fault("power", f"{', '.join(held.earlier)} since the start", advice)
        return Finding.ok("power", "no under-voltage, not throttled since the start")
    for name in sorted(root.glob("sys/class/hwmon/hwmon*/name")):
        if _read(name) == "rpi_volt":
            if _read(name.with_name("in0_lcrit_alarm")) == "1":
                return Finding.fault("power", "under-voltage", advice)
            return Finding.ok("power", "no under-voltage")
    return Finding.absent("power", "no sensor: not a Raspberry Pi")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
