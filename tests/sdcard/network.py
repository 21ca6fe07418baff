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


_time_asked = 0  # since a board was last switched on
_answers = 1


def begin_boot(*, slow: bool) -> None:
    """Lets the time server answer a board that was switched on.

    slow: the board's time goes slower than ours. It gets the time once: each further answer would
        set its clock forward in the middle of a window.
    """
    global _time_asked, _answers
    _time_asked, _answers = 0, 1 if slow else 10**9


def _time(asked: bytes) -> bytes | None:
    global _time_asked
    _time_asked += 1
    return timed(asked, now_s=time.time()) if _time_asked <= _answers else None


def serve(*, host: str) -> None:
    """Starts both. They know one name, that of the time server, and it stands for `host`."""
    _serve("names", 53, lambda asked: named(asked, host=host))
    _serve("time", 123, _time)


def _serve(name: str, port: int, answer: Callable[[bytes], bytes | None]) -> None:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", port))

    def run() -> None:
        while True:
            asked, sender = server.recvfrom(4096)
            if (said := answer(asked)) is not None:
                server.sendto(said, sender)

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
