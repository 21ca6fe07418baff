"""A unit in a virtual machine: an emulated arm64 board with the image as its card.

The Raspberry Pi's firmware is played by `_firmware`: it reads config.txt from the
card, or tryboot.txt for a start on trial, and loads what they name.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from sdcard.disk import BOOT, CARD_MIB, MIB
from tests.sdcard import network

EMULATOR = shutil.which("qemu-system-aarch64")
BROKER_HOST = "10.0.2.2"  # how the machine sees our loopback address
MEMORY_MIB = 1024
PROCESSORS = os.environ.get("MASKCAM_PROCESSORS", "2")
NO_CLOCK = "2020-01-01"  # what a board without a battery clock may wake up to
EMULATOR_S = 60.0
REPORT_S = 600.0  # an emulated processor on a busy machine

# The board's time goes as fast as it computes, so that no limit of its services ends because it
# stands in line for a processor of this machine: an instruction takes 2**shift ns.
# That of a board that is to count people does, and on a busy machine (MASKCAM_BUSY=yes) of each.
# Such a board has one processor: QEMU would let several take turns of a tenth of a second, in which
# the camera's frames pass unseen.
KEEPS_UP = "shift=0"  # 1000 million per second: a unit keeps up with its camera
STEADY = "shift=2"  # 250 million, as many as QEMU itself computes: it starts and reports
SLOW = "shift=3"  # 125 million: the Pi's unit waits for whole minutes most of its time
BUSY = bool(os.environ.get("MASKCAM_BUSY"))
PI_CARD_MIB = 1024  # QEMU's SD cards have sizes that are powers of two

_BOOT_OFFSET = BOOT.start_mib * MIB
# The Pi's own watchdog would count host time, and there is no graphics processor to talk to: its
# messages (vchiq) now and then end in a kernel panic. Its first serial port belongs to Bluetooth,
# so the console is the second.
_PI_ARGUMENTS = "modprobe.blacklist=bcm2835_wdt,vc4,vchiq console=ttyS1,115200"
_PI_TREE = "bcm2837-rpi-3-b.dtb"


class Card:
    """A memory card: the image, in a file that can be written to."""

    def __init__(self, image: Path, file: Path):
        self.file = file
        subprocess.run(["zstd", "-dqf", "--sparse", image, "-o", file], check=True)
        with file.open("r+b") as card:
            card.truncate(max(CARD_MIB, PI_CARD_MIB) * MIB)

    def copy(self, file: Path) -> Card:
        """Returns a second card with the same content."""
        made = Card.__new__(Card)
        made.file = file
        subprocess.run(["cp", "--sparse=always", self.file, file], check=True)
        return made

    def provision(self, folder: Path) -> None:
        """Copies the provisioning folder to the boot partition, as setup-unit does."""
        self._mtools("mcopy", "-o", *sorted(folder.iterdir()), "::maskcam/")

    def put(self, file: Path, name: str) -> None:
        self._mtools("mcopy", "-o", file, f"::{name}")

    def read(self, name: str) -> bytes | None:
        """Returns a file of the boot partition, None if it is not there."""
        done = self._mtools("mtype", f"::{name}", check=False)
        return done.stdout if done.returncode == 0 else None

    def take(self, name: str, target: Path) -> Path:
        self._mtools("mcopy", "-n", f"::{name}", target)
        return target

    def overwrite(self, offset: int, data: bytes) -> None:
        with self.file.open("r+b") as card:
            card.seek(offset)
            card.write(data)

    def _mtools(self, command: str, *arguments, check: bool = True):
        return subprocess.run(
            [command, "-i", f"{self.file}@@{_BOOT_OFFSET}", *arguments],
            check=check, capture_output=True, timeout=60,
        )  # fmt: skip


class Machine:
    """A board with a card. Power goes on when the block begins, and off when it ends.

    Args:
        arguments: for the kernel, besides the card's own.
        trial: the firmware starts what tryboot.txt names.
        stick: a file that is put in as a USB stick.
        second_disk: a file that is a disk.
        counted: one processor, whose clock advances by a nanosecond with each instruction.
        sees: its unit is to count people, however slow this machine is.
        pi: a Raspberry Pi 3 (QEMU's raspi3b: SD card, USB network), not a board of virtio parts.
            It has no port for questions.
    """

    def __init__(
        self,
        card: Card,
        directory: Path,
        *,
        arguments: str = "",
        trial: bool = False,
        stick: Path | None = None,
        second_disk: Path | None = None,
        counted: bool = False,
        sees: bool = False,
        pi: bool = False,
    ):
        self.card = card
        self.directory = directory
        self._arguments = arguments
        self._trial = trial
        self._stick = stick
        self._second_disk = second_disk
        self._counted = counted
        self._sees = sees
        self._pi = pi
        self._process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def console(self) -> str:
        """What the unit's screen has shown."""
        path = self.directory / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def load(self) -> list[str]:
        """Whole lines that the load has written."""
        path = self.directory / "load"
        text = path.read_text(errors="replace") if path.exists() else ""
        return text.split("\n")[:-1]

    def __enter__(self) -> Machine:
        self.power_on()
        return self

    def __exit__(self, *args) -> None:
        self.cut_power()

    def power_on(self) -> None:
        kernel, initrd, arguments = self._firmware()
        network.begin_boot(slow=BUSY or self._sees or self._pi)
        for name in ("console", "load", "report"):
            (self.directory / name).unlink(missing_ok=True)
        command = [
            EMULATOR, "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", kernel, "-initrd", initrd,
            *(self._raspi3b(arguments) if self._pi else self._virt(arguments)),
            "-netdev", "user,id=net",
        ]  # fmt: skip
        if self._stick:
            command += [
                "-drive", f"file={self._stick},format=raw,if=none,id=stick,readonly=on",
                "-device", "qemu-xhci", "-device", "usb-storage,drive=stick",
            ]  # fmt: skip
        with (self.directory / "emulator").open("wb") as complaints:
            self._process = subprocess.Popen(list(map(str, command)), stderr=complaints)
        self.started_s = time.monotonic()
        while not self._pi and not (self.directory / "report").exists():
            assert self.runs, (self.directory / "emulator").read_text(errors="replace")
            assert self.up_s < EMULATOR_S, "the emulator does not open its port"
            time.sleep(0.1)

    def _virt(self, arguments: str) -> list[object]:
        pace = KEEPS_UP if self._sees or self._counted else STEADY
        by_instructions = BUSY or self._sees or self._counted
        return [
            # A kernel that is given chance places itself by it and then keeps its page tables
            # from programs, which an emulated processor pays for with each system call.
            "-M", "virt,dtb-randomness=off", "-cpu", "cortex-a72",
            "-smp", "1" if by_instructions else PROCESSORS,
            *(("-icount", pace) if by_instructions else ()),
            "-m", MEMORY_MIB, "-rtc", f"base={NO_CLOCK}",
            "-append", f"{arguments} {self._arguments}",
            *self._second_disk_arguments(),
            "-drive", f"file={self.card.file},format=raw,if=none,id=card,cache=writeback",
            "-device", "virtio-blk-device,drive=card",
            "-device", "virtio-net-device,netdev=net",
            "-device", "virtio-rng-device",
            "-serial", f"file:{self.directory / 'console'}",
            "-device", "virtio-serial-device",
            "-chardev", f"file,id=load,path={self.directory / 'load'}",
            "-device", "virtserialport,chardev=load,name=maskcam.load",
            "-chardev", f"socket,id=report,path={self.directory / 'report'},server=on,wait=off",
            "-device", "virtserialport,chardev=report,name=maskcam.report",
        ]  # fmt: skip

    def _second_disk_arguments(self) -> list[object]:
        if self._second_disk is None:
            return []
        return [
            "-drive", f"file={self._second_disk},format=raw,if=none,id=second,readonly=on",
            "-device", "virtio-blk-device,drive=second,serial=attached",
        ]  # fmt: skip

    def _raspi3b(self, arguments: str) -> list[object]:
        tree = self.directory / _PI_TREE
        tree.unlink(missing_ok=True)
        self.card.take(f"a/{_PI_TREE}", tree)
        return [
            "-M", "raspi3b", "-icount", SLOW, "-dtb", tree,
            "-append", f"{arguments} {_PI_ARGUMENTS} {self._arguments}",
            "-drive", f"file={self.card.file},format=raw,if=sd,cache=writeback",
            "-device", "usb-net,netdev=net",
            "-serial", "null", "-serial", f"file:{self.directory / 'console'}",
        ]  # fmt: skip

    @property
    def up_s(self) -> float:
        """Seconds since the power went on."""
        return time.monotonic() - self.started_s

    @property
    def own_s(self) -> float:
        """The same, less those that the emulator stood in line for a processor of this machine."""
        assert self._process is not None
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return self.up_s - max(int(task.read_text().split()[1]) for task in tasks) / 1e9

    @property
    def runs(self) -> bool:
        """Whether it is on: the emulator ends when the unit restarts itself."""
        return self._process is not None and self._process.poll() is None

    def cut_power(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def wait_until_off(self, timeout_s: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask(self, **request) -> dict[str, Any]:
        """Returns what the unit looks like from inside."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(REPORT_S)
            connection.connect(str(self.directory / "report"))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                data = connection.recv(65536)
                assert data, f"the unit has gone: {self.console[-2000:]}"
                answer += data
        found = json.loads(answer)
        assert "error" not in found, found
        return found

    def _firmware(self) -> tuple[Path, Path, str]:
        config = (self.card.read("tryboot.txt") if self._trial else None) or self.card.read(
            "config.txt"
        )
        assert config is not None, "no config.txt on the card"
        settings = dict(line.split("=", 1) for line in config.decode().splitlines() if "=" in line)
        prefix = settings["os_prefix"]
        files = []
        for name in (settings["kernel"], "initrd"):
            target = self.directory / name
            target.unlink(missing_ok=True)
            files.append(self.card.take(prefix + name, target))
        arguments = self.card.read(f"{prefix}cmdline.txt")
        assert arguments is not None
        return files[0], files[1], arguments.decode().strip()
