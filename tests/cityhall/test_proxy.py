"""The dashboard behind real proxies, with the examples that `init` writes."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from maskcam.cityhall.accounts import Accounts
from maskcam.cityhall.authority import Authority
from maskcam.cityhall.commands import main
from maskcam.cityhall.database import up_to_date
from maskcam.cityhall.rollup import Calendar
from maskcam.cityhall.settings import CitySection, CollectorBroker, Settings, WebSection
from maskcam.cityhall.web.server import WebServer
from tests.cityhall.servers import free_port, wait_for_port

NAME, PASSWORD = "maire", "a long pass phrase"
HOST = "masques.test"


@pytest.fixture
def dashboard(tmp_path: Path, calendar: Calendar) -> Iterator[int]:
    settings = Settings(
        city=CitySection(name="Ville d'Exemple"),
        broker=CollectorBroker(host="localhost"),
        web=WebSection(port=0, accounts=True, behind_proxy=True, host_names=(HOST,)),
    )
    url = f"sqlite:///{tmp_path / 'cityhall.db'}"
    with (
        up_to_date(url, zone=calendar.zone) as engine,
        WebServer(settings, engine=engine, calendar=calendar) as server,
    ):
        Accounts(engine).add_person(NAME, PASSWORD)
        yield int(server.address.rsplit(":", 1)[1].rstrip("/"))


class Nginx:
    """nginx with our example, changed only in its paths and ports."""

    def __init__(self, directory: Path, *, upstream: int, host_header: str | None) -> None:
        self.port = free_port()
        hall = directory / "hall"
        assert main(["init", "--directory", str(hall), "--host", HOST]) == 0
        authority = Authority(hall / "ca")
        certificate, key = directory / "web.crt", directory / "web.key"
        authority.issue_server([HOST], certificate=certificate, key=key)
        self.trust = ssl.create_default_context(cafile=authority.root)
        text = (hall / "server/nginx.conf").read_text()
        text = text[: text.rindex("server {")]  # the redirection from port 80
        text = re.sub(r"listen \[::\]:443 ssl;", "", text)
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;")
        text = re.sub(r"ssl_certificate .*", f"ssl_certificate {certificate};", text)
        text = re.sub(r"ssl_certificate_key .*", f"ssl_certificate_key {key};", text)
        text = text.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{upstream}")
        if host_header is None:
            text = text.replace("proxy_set_header Host $host;", "")
        else:
            text = text.replace("Host $host;", f"Host {host_header};")
        self.file = directory / "nginx.conf"
        self.file.write_text(
            f"daemon off; pid {directory}/pid; error_log {directory}/error.log;\n"
            + ("user root; " if os.geteuid() == 0 else "")
            + "worker_processes 1; events {}\n"
            f"http {{ access_log off; client_body_temp_path {directory}/body;\n"
            f"proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;\n"
            f"uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;\n{text}\n}}\n"
        )

    def __enter__(self) -> Nginx:
        command = shutil.which("nginx", path="/usr/sbin:/usr/bin")
        if command is None:
            pytest.skip("needs nginx (apt install nginx-light)")
        self._process = subprocess.Popen([command, "-c", str(self.file)], stderr=subprocess.DEVNULL)
        wait_for_port(self.port, process=self._process)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        connection = _Connection(self.port, self.trust)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Host": f"{HOST}:{self.port}"} | named
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """To the proxy by its address, with TLS for its name."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=30)
        self._trust = trust

    def connect(self) -> None:
        self.sock = open_tls(self.port, self._trust)


def open_tls(port: int, trust: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    return trust.wrap_socket(plain, server_hostname=HOST)


@pytest.mark.parametrize(
    "host_header",
    [None, "$host", "$http_host", "$host:443", "MASQUES.test"],
    ids=["nginx's default", "$host", "$http_host", "with :443", "capitals"],
)
def test_signing_in_works_behind_nginx_whatever_host_it_sends(
    tmp_path: Path, dashboard: int, host_header: str | None
) -> None:
    form = urlencode({"name": NAME, "password": PASSWORD, "next": "/compare"})
    kind = "application/x-www-form-urlencoded"
    with Nginx(tmp_path, upstream=dashboard, host_header=host_header) as nginx:
        own = f"https://{HOST}:{nginx.port}"
        status, text, headers = nginx.ask("POST", "/login", form, Content_Type=kind, Origin=own)
        assert status == 303, text
        assert headers["Location"] == "/compare"
        cookie = headers["Set-Cookie"]
        assert cookie.startswith("__Host-maskcam=")
        assert "Secure" in cookie
        session = cookie.partition(";")[0]
        assert nginx.ask("GET", "/", Cookie=session)[0] == 200
        status, text, _ = nginx.ask(
            "POST", "/login", form, Content_Type=kind, Origin="https://evil.test"
        )
        assert status == 403
        assert "Origin: https://evil.test" in text


def test_the_live_stream_comes_through_nginx_at_once(tmp_path: Path, dashboard: int) -> None:
    form = urlencode({"name": NAME, "password": PASSWORD})
    kind = "application/x-www-form-urlencoded"
    with Nginx(tmp_path, upstream=dashboard, host_header="$host") as nginx:
        _, _, headers = nginx.ask("POST", "/login", form, Content_Type=kind)
        session = headers["Set-Cookie"].partition(";")[0]
        with open_tls(nginx.port, nginx.trust) as stream:
            stream.sendall(
                f"GET /live HTTP/1.1\r\nHost: {HOST}\r\nCookie: {session}\r\n\r\n".encode()
            )
            stream.settimeout(10)
            begun, found = time.monotonic(), b""
            while b"retry:" not in found:
                found += stream.recv(4096)
            assert time.monotonic() - begun < 8  # not when some buffer is full


def test_nginx_refuses_long_uploads_itself(tmp_path: Path, dashboard: int) -> None:
    with Nginx(tmp_path, upstream=dashboard, host_header="$host") as nginx:
        assert nginx.ask("POST", "/login", "x" * 100_000)[0] == 413


def test_the_example_for_caddy_is_taken_by_caddy(tmp_path: Path) -> None:
    command = shutil.which("caddy")
    if command is None:
        pytest.skip("needs Caddy (apt install caddy)")
    hall = tmp_path / "hall"
    assert main(["init", "--directory", str(hall), "--host", HOST]) == 0
    checked = subprocess.run(
        [
            *(command, "validate", "--adapter", "caddyfile"),
            *("--config", str(hall / "server/Caddyfile")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert checked.returncode == 0, checked.stderr


HIDDEN = b"GET /audit HTTP/1.1\r\nHost: masques.test\r\nX-Hidden: 1\r\n\r\n"


def odd_requests() -> dict[str, bytes]:
    """Returns requests about which two servers might not agree, or that one should not answer."""
    post = b"POST /login HTTP/1.1\r\nHost: masques.test\r\n"
    chunked = b"0\r\n\r\n" + HIDDEN
    get = b"GET /login HTTP/1.1\r\n"
    return {
        "both lengths": post
        + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(chunked)
        + chunked,
        "chunked, disguised": post
        + b"Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n"
        + chunked,
        "a space before the colon": post + b"Transfer-Encoding : chunked\r\n\r\n" + chunked,
        "two lengths": post + b"Content-Length: 0\r\nContent-Length: 57\r\n\r\n" + HIDDEN,
        "a length with a sign": post + b"Content-Length: +57\r\n\r\n" + HIDDEN,
        "a wrong chunk": post + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + HIDDEN,
        "bare line feeds": b"GET /login HTTP/1.1\nHost: masques.test\n\n",
        "two hosts": get + b"Host: masques.test\r\nHost: evil.test\r\n\r\n",
        "no host": get + b"\r\n",
        "the address of another": b"GET http://evil.test/ HTTP/1.1\r\nHost: masques.test\r\n\r\n",
        "a folded header": get + b"Host: masques.test\r\nX: a\r\n b\r\n\r\n",
        "a huge cookie": get + b"Host: masques.test\r\nCookie: a=" + b"x" * 60_000 + b"\r\n\r\n",
        "forged forwarding": get
        + b"Host: masques.test\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-For: ::1\r\n\r\n",
        "nonsense": b"\x16\x03\x01\x00\xff" * 20 + b"\r\n\r\n",
    }


@pytest.mark.slow
def test_odd_requests_get_one_answer_each_and_reach_nothing(tmp_path: Path, dashboard: int) -> None:
    """Through nginx and without it: nothing is smuggled behind another request."""
    with Nginx(tmp_path, upstream=dashboard, host_header="$host") as nginx:
        for name, sent in odd_requests().items():
            for direct in (False, True):
                connection = (
                    socket.create_connection(("127.0.0.1", dashboard), timeout=15)
                    if direct
                    else open_tls(nginx.port, nginx.trust)
                )
                with connection:
                    connection.settimeout(4)
                    connection.sendall(sent)
                    came = b""
                    try:
                        while part := connection.recv(65_536):
                            came += part
                    except (TimeoutError, ConnectionResetError):
                        pass
                answers = re.findall(rb"HTTP/1\.[01] (\d\d\d)", came)
                print(f"{name}, {'direct' if direct else 'nginx'}: {answers}")
                assert b"500" not in answers, (name, came[:300])
                assert b"502" not in answers, (name, came[:300])
                assert b"X-Hidden" not in came
                assert b"audit" not in came, (name, came[:600])
        assert nginx.ask("GET", "/login")[0] == 200
