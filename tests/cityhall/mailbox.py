"""Servers that take e-mails and webhooks, on this machine."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, TypeVar


class Mailbox(socketserver.ThreadingTCPServer):
    """An SMTP server (RFC 5321); with `tls` it has STARTTLS and wants a login after it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.tls = tls
        self.received: list[tuple[list[str], EmailMessage]] = []
        self.logins: list[str] = []
        self.refuses = False

    def handle_error(self, *_: object) -> None:
        """Says nothing: a client may hang up."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self.say("220 mailbox")
        self.secure, self.to = False, list[str]()
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ")[0].upper()
            if word == "QUIT":
                self.say("221 bye")
                return
            self.answer(word, line)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def answer(self, word: str, line: str) -> None:
        if word == "EHLO":
            extra = ["250-STARTTLS"] if self.server.tls and not self.secure else ["250-AUTH PLAIN"]
            self.say(*["250-mailbox", *extra, "250 8BITMIME"])
        elif word == "STARTTLS" and self.server.tls:
            self.say("220 go ahead")
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
            self.secure = True
        elif word == "AUTH":
            self.server.logins.append(line)
            self.say("235 welcome")
        elif word == "RCPT":
            self.to.append(line.partition("<")[2].rstrip(">"))
            self.say("550 no" if self.server.refuses else "250 ok")
        elif word == "DATA":
            self.say("354 go on")
            lines = []
            while (text := self.rfile.readline()) != b".\r\n":
                lines.append(text.removeprefix(b".") if text.startswith(b"..") else text)
            message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
            self.server.received.append((self.to, message))
            self.say("250 kept")
        else:
            self.say("250 ok")

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()


class Hook(HTTPServer):
    """A webhook that notes what it gets and answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.received: list[dict[str, Any]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/secret"


class _Post(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(body))
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


Server = TypeVar("Server", Mailbox, Hook)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
