"""A real, small RTSP server (RFC 2326) on the loopback, which plays an MP4 once.

MPEG-4 video goes over TCP, interleaved with the replies, as RFC 6416 packs it.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Self

from tests.camera.mp4 import find_box, frames_of

_FRAGMENT = 1300


class RtspServer:
    """Serves one client. After the last frame it falls silent, or with `hangs_up` it leaves."""

    def __init__(self, film: Path, *, fps: float, hangs_up: bool = False) -> None:
        self._frames, self._config = read_film(film)
        self._fps = fps
        self._hangs_up = hangs_up
        self._sequence = 0
        self._stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.url = f"rtsp://127.0.0.1:{self._socket.getsockname()[1]}/live"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        self._socket.close()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError:
            return
        with client:
            self._attend(client)
            if not self._hangs_up:
                self._stop.wait(20)

    def _attend(self, client: socket.socket) -> None:
        """Answers a client and plays to it, until one of the two has enough."""
        client.settimeout(10)
        try:
            while self._answer(client) != "PLAY":
                pass
            self._play(client)
        except OSError:
            pass  # the client has gone

    def _answer(self, client: socket.socket) -> str:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            more = client.recv(4096)
            if not more:
                raise ConnectionError
            request += more
        method = request.split(maxsplit=1)[0].decode()
        cseq = re.search(rb"CSeq: *(\d+)", request)
        assert cseq, request
        number = cseq[1].decode()
        headers, body = [f"CSeq: {number}", "Session: 1"], ""
        if method == "OPTIONS":
            headers.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY")
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=film\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                "c=IN IP4 127.0.0.1\r\na=rtpmap:96 MP4V-ES/90000\r\n"
                f"a=fmtp:96 profile-level-id=1; config={self._config.hex()}\r\na=control:video\r\n"
            )
            headers += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            headers.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        reply = "\r\n".join(["RTSP/1.0 200 OK", *headers, "", body])
        client.sendall(reply.encode())
        return method

    def _play(self, client: socket.socket) -> None:
        begin = time.monotonic()
        for number, frame in enumerate(self._frames):
            if self._stop.wait(max(begin + number / self._fps - time.monotonic(), 0)):
                return
            self._send(client, frame, number)

    def _send(self, client: socket.socket, frame: bytes, number: int) -> None:
        parts = [frame[at : at + _FRAGMENT] for at in range(0, len(frame), _FRAGMENT)]
        for index, part in enumerate(parts):
            last = 0x80 if index == len(parts) - 1 else 0
            stamp = round(number / self._fps * 90_000) % 2**32
            packet = struct.pack(">BBHII", 0x80, 96 | last, self._sequence, stamp, 1) + part
            client.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            self._sequence = (self._sequence + 1) % 65536


def read_film(film: Path) -> tuple[list[bytes], bytes]:
    """Returns the coded frames of an MP4 and the headers that their decoder needs."""
    data = film.read_bytes()
    return frames_of(data), _decoder_config(data)


def _decoder_config(data: bytes) -> bytes:
    """Returns the MPEG-4 headers that the file keeps in its index."""
    description = find_box(data, b"stsd")
    begin = description.index(b"\0\0\x01\xb0")
    return description[begin : begin + description[begin - 1]]  # the length comes before it
