"""A terminal that stands beside the unit, and drawing on it.

Aiming is for the person on the ladder: on the unit's own console, or over a cable.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import socket
import struct
import termios
import threading
import tty
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

# Virtual consoles, serial ports, and the serial port over USB of a gadget.
_CONSOLE: Final = re.compile(r"/dev/(tty\d+|ttyS\d+|ttyAMA\d+|ttyGS\d+|ttyUSB\d+|console)")
_REMOTE: Final = ("sshd", "dropbear", "telnetd", "in.telnetd", "mosh-server")
_SHARED: Final = ("tmux", "screen")
_SIOCGIFADDR: Final = 0x8915  # ioctl that returns an interface's IPv4 address, netdevice(7)
_QUITS: Final = {b"", b"\r", b"\n", b"\x1b", b"q", b"Q"}
_ETHERNET: Final = "1"  # ARPHRD_ETHER

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def refusal(
    handle: int,
    *,
    process: int | None = None,
    proc: Path = Path("/proc"),
    net: Path = Path("/sys/class/net"),
    environment: Mapping[str, str] = os.environ,
) -> str | None:
    """Returns why this terminal may not show the aim, or None if it stands beside the unit.

    Args:
        handle: file descriptor of the terminal.
        process: whose terminal it is; None: this process.
        proc: the kernel's list of processes.
        net: the kernel's list of network interfaces.
        environment: where sshd leaves the addresses of a connection.
    """
    if not os.isatty(handle):
        return "aiming needs a terminal; do not redirect it"
    if _CONSOLE.fullmatch(os.ttyname(handle)):
        return None
    above = set(_ancestors(os.getpid() if process is None else process, proc))
    if above & set(_SHARED) or any(name.startswith("tmux") for name in above):
        return "aiming does not run inside tmux or screen, which others can join"
    if not above & set(_REMOTE):
        return None
    addresses = environment.get("SSH_CONNECTION", "").split()
    interface = _interface_of(addresses[2]) if len(addresses) == 4 else ""
    if interface and _is_wired(net / interface):
        return None
    return "aiming is for the unit's console or a cable to it, not for a connection by radio"


class _Terminal:
    """Gives keys one by one, and leaves the terminal as it was.

    reading, writing: file descriptors of the terminal.
    """

    def __init__(self, reading: int = 0, writing: int = 1) -> None:
        self._reading, self._writing = reading, writing
        self._before: list[int | list[bytes | int]] = []

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._reading)
        tty.setcbreak(self._reading)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(self._reading, termios.TCSADRAIN, self._before)


class Keys(_Terminal):
    """Reads single keys and writes lines; leaves the terminal as it was."""

    def key(self, timeout_s: float) -> str | None:
        """Returns the key pressed; None: none was, or the terminal is gone."""
        try:
            termios.tcflush(self._reading, termios.TCIFLUSH)  # what was typed before the question
            ready, _, _ = select.select([self._reading], [], [], timeout_s)
            pressed = os.read(self._reading, 64) if ready else b""
        except (OSError, termios.error):
            return None
        return pressed.decode("ascii", "replace")[:1] or None

    def say(self, line: str) -> None:
        """Writes a line."""
        _write(self._writing, f"{line}\n")


class Screen(_Terminal):
    """Draws lines on a terminal, and leaves it as it was, also when it is ended by SIGTERM."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._stack = ExitStack()
        if threading.current_thread() is threading.main_thread():
            self._stack.callback(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
            signal.signal(signal.SIGTERM, _leave)
        _write(self._writing, _ENTER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):  # the terminal may be gone
            _write(self._writing, _LEAVE)
        super().__exit__(kind, error, trace)
        self._stack.close()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        size = os.get_terminal_size(self._writing)
        return size.columns or 80, size.lines or 24

    def draw(self, lines: Sequence[str]) -> None:
        """Shows `lines` from the top; what was there before is gone."""
        text = f"{_REST_OF_LINE}\r\n".join(lines)
        _write(self._writing, f"{_HOME}{text}{_REST_OF_LINE}{_REST_OF_SCREEN}")

    def wants_to_quit(self) -> bool:
        """Returns whether Enter (or Escape or q) was pressed, or the terminal is gone."""
        try:
            ready, _, _ = select.select([self._reading], [], [], 0)
            return bool(ready) and os.read(self._reading, 64)[:1] in _QUITS
        except OSError:
            return True


def _leave(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)  # as a shell reports it


def _write(handle: int, text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(handle, data) :]


def _ancestors(process: int, proc: Path) -> Iterator[str]:
    """Yields the names of a process's ancestors, its own first."""
    while process > 0:
        try:
            status = (proc / str(process) / "status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        fields = dict(line.partition(":")[::2] for line in status.splitlines())
        yield re.split(r"[-: ]session|: ", fields.get("Name", "").strip())[0]
        process = int(fields.get("PPid", "0"))


def _interface_of(address: str) -> str:
    """Returns the network interface that has an address; empty if none."""
    if ":" in address:
        wanted = socket.inet_pton(socket.AF_INET6, address.partition("%")[0]).hex()
        table = Path("/proc/net/if_inet6")
        rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
        return next((row[5] for row in rows if row[0] == wanted), "")
    packed = socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:
                continue
            if answer[20:24] == packed:
                return name
    return ""


def _is_wired(interface: Path) -> bool:
    try:
        kind = (interface / "type").read_text(encoding="ascii").strip()
    except OSError:
        return False
    airy = ("wireless", "phy80211", "tun_flags", "bridge")
    return kind == _ETHERNET and not any((interface / name).exists() for name in airy)
