"""The two servers that a virtual machine asks besides the broker: names and time.

They have their ports' own numbers, in the network that scripts/test --image makes.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable

_1900_TO_1970_S = 2_208_988_800
_ADDRESS, _NO_SUCH_NAME = 1, 3
_A_DAY_S = 86_400.0

_is_slow = False
_has_answered = False  # since a board was last switched on


def begin_boot(*, slow: bool) -> None:
    """Lets the time server know that a board was switched on.

    slow: the board's time goes slower than ours. It is set once, and from then on each answer is
        its own time: ours would set its clock forward in the middle of a window.
    """
    global _is_slow, _has_answered
    _is_slow, _has_answered = slow, False


def _time(asked: bytes) -> bytes:
    global _has_answered
    now_s, own_s = time.time(), _asker_s(asked)
    is_set = _has_answered and abs(own_s - now_s) < _A_DAY_S
    _has_answered = True
    return timed(asked, now_s=own_s if _is_slow and is_set else now_s)


def _asker_s(asked: bytes) -> float:
    """Returns the time at which systemd-timesyncd has asked: it sends seconds and nanoseconds."""
    seconds, nanoseconds = struct.unpack(">LL", asked[40:48])
    return seconds - _1900_TO_1970_S + nanoseconds / 1e9


def serve(*, host: str) -> None:
    """Starts both. They know one name, that of the time server, and it stands for `host`."""
    _serve("names", 53, lambda asked: named(asked, host=host))
    _serve("time", 123, _time)


def _serve(name: str, port: int, answer: Callable[[bytes], bytes]) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))

    def run() -> None:
        while True:
            asked, sender = server.recvfrom(4096)
            server.sendto(answer(asked), sender)

    threading.Thread(target=run, name=name, daemon=True).start()


def named(asked: bytes, *, host: str) -> bytes:
    """Answers a question for a name (RFC 1035), at once: without an answer it is asked for ever."""
    end = asked.index(0, 12) + 1  # of the name, which is one word after the other
    kind = int.from_bytes(asked[end : end + 2])
    question = asked[12 : end + 4]
    known = b"\x04pool\x03ntp\x03org\x00" in asked[12:end]
    record = b""
    if known and kind == _ADDRESS:
        record = struct.pack(">HHHLH", 0xC00C, _ADDRESS, 1, 60, 4) + socket.inet_aton(host)
    flags = 0x8180 | (0 if known else _NO_SUCH_NAME)
    return struct.pack(">2sHHHHH", asked[:2], flags, 1, bool(record), 0, 0) + question + record


def timed(asked: bytes, *, now_s: float) -> bytes:
    """Answers a question for the time (RFC 4330)."""
    now = struct.pack(">Q", int((now_s + _1900_TO_1970_S) * 2**32))
    # Version 4, server; second stratum; what it goes by; when; and the asker's own time back.
    head = struct.pack(">BBbb2L4s", 0x24, 2, 6, -20, 0, 0, b"TEST")
    return head + now + asked[40:48] + now + now
