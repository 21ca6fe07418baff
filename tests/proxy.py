"""A TCP proxy on the loopback that cuts, freezes or swallows what passes through it."""

from __future__ import annotations

import random
import select
import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards to `port` until it is set otherwise.

    cut_after: range of bytes towards the broker after which a connection is cut;
        the number is drawn anew for each connection. None: never.
    swallow: if set, what the broker answers after so many bytes is thrown away.
    """

    host = "127.0.0.1"

    def __init__(self, port: int, *, seed: int = 0):
        self.cut_after: tuple[int, int] | None = None
        self.swallow: int | None = None
        self.cuts = 0
        self._target = port
        self._chance = random.Random(seed)
        self._listener = socket.create_server((self.host, 0))
        self._listener.settimeout(0.1)
        self.port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *args) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        target = self.host, self._target
        with suppress(OSError), client, socket.create_connection(target, timeout=5) as broker:
            self._forward(client, broker)

    def _forward(self, client: socket.socket, broker: socket.socket) -> None:
        left = self._chance.randint(*self.cut_after) if self.cut_after else None
        answered = 0
        while not self._ended.is_set():
            readable, _, _ = select.select([client, broker], [], [], 0.1)
            if client in readable:
                data = client.recv(4096)
                if not data:
                    return
                if left is not None and len(data) >= left:
                    broker.sendall(data[:left])
                    self.cuts += 1
                    return
                left = left and left - len(data)
                broker.sendall(data)
            if broker in readable:
                data = broker.recv(4096)
                if not data:
                    return
                if self.swallow is None or answered < self.swallow:
                    client.sendall(data)
                answered += len(data)
