"""Connections that ask for nothing, slowly, or never read: against the real server."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from maskcam.cityhall.authority import Authority
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.web import limits, slow_connections
from maskcam.cityhall.web import server as server_module
from maskcam.cityhall.web.server import WebServer

QUICK_S = 0.5


@pytest.fixture
def port(tmp_path: Path, calendar: Calendar, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(slow_connections, "REQUEST_S", QUICK_S)
    monkeypatch.setattr(slow_connections, "READ_S", QUICK_S)
    monkeypatch.setattr(slow_connections, "MAX_CONNECTIONS", 20)
    monkeypatch.setattr(limits, "BODY_S", QUICK_S)
    settings = Settings(
        city=CitySection(name="Ville d'Exemple"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(port=0, accounts=True),
    )
    url = f"sqlite:///{tmp_path / 'cityhall.db'}"
    with (
        up_to_date(url, zone=calendar.zone) as engine,
        WebServer(settings, engine=engine, calendar=calendar) as server,
    ):
        yield int(server.address.rsplit(":", 1)[1].rstrip("/"))


def connect_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def ask(port: int, request: bytes = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") -> bytes:
    with connect_to(port) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


def wait_for_end(connection: socket.socket) -> bytes:
    """Returns what came before the server closed the connection."""
    found = b""
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def test_a_connection_that_asks_for_nothing_is_closed(port: int) -> None:
    with connect_to(port) as connection:
        begun = time.monotonic()
        assert wait_for_end(connection) == b""
        assert time.monotonic() - begun >= 0.9 * QUICK_S


def test_a_request_that_does_not_come_to_its_end_is_closed(port: int) -> None:
    with connect_to(port) as connection:
        begun = time.monotonic()
        try:
            for letter in b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1000:
                connection.sendall(bytes([letter]))
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - begun < 20


def test_a_second_request_has_no_more_time_than_the_first(port: int) -> None:
    with connect_to(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in connection.recv(65_536)
        connection.sendall(b"GET /healthz HT")
        begun = time.monotonic()
        wait_for_end(connection)
        assert time.monotonic() - begun < 20


def test_a_body_that_does_not_come_is_not_waited_for(port: int) -> None:
    with connect_to(port) as connection:
        connection.sendall(
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\nname="
        )
        assert b"408" in wait_for_end(connection)[:20]


def test_a_body_without_an_end_is_refused(port: int) -> None:
    with connect_to(port) as connection:
        connection.sendall(
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        try:
            for _ in range(200):
                connection.sendall(b"2000\r\n" + b"y" * 0x2000 + b"\r\n")
        except OSError:
            pass
        else:
            assert b"413" in wait_for_end(connection)[:20]


def test_idle_connections_make_room_for_a_visitor(port: int) -> None:
    with ExitStack() as opened:
        idle = [opened.enter_context(connect_to(port)) for _ in range(60)]
        assert b"200 OK" in ask(port)
        assert len(idle) == 60


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_connections, "READ_S", QUICK_S)
    total = 50_000_000

    async def long_answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(total // 50_000):
            await send({"type": "http.response.body", "body": b"x" * 50_000, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            long_answer, http=slow_connections.PatientProtocol, log_level="error", lifespan="off"
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        with connect_to(listener.getsockname()[1]) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(4 * QUICK_S)
            assert len(wait_for_end(connection)) < total // 2
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def test_who_never_begins_with_tls_is_put_out(
    tmp_path: Path, calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute each, and not counted among the connections."""
    monkeypatch.setattr(server_module, "HANDSHAKE_S", QUICK_S)
    authority = Authority.create(tmp_path / "ca", city="Ville")
    certificate, key = tmp_path / "web.crt", tmp_path / "web.key"
    authority.issue_server(["127.0.0.1"], certificate=certificate, key=key)
    settings = Settings(
        city=CitySection(name="Ville d'Exemple"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(port=0, accounts=True, certificate=certificate, key=key),
    )
    with (
        up_to_date(f"sqlite:///{tmp_path / 'cityhall.db'}", zone=calendar.zone) as engine,
        WebServer(settings, engine=engine, calendar=calendar) as server,
    ):
        port = int(server.address.rsplit(":", 1)[1].rstrip("/"))
        begun = time.monotonic()
        with connect_to(port) as silent:
            wait_for_end(silent)
        assert time.monotonic() - begun < 10
        trust = ssl.create_default_context(cafile=authority.root)
        with trust.wrap_socket(connect_to(port), server_hostname="127.0.0.1") as spoken:
            spoken.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in spoken.recv(65_536)
